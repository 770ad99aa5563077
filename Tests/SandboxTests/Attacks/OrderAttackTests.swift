import Domain
import Foundation
import Testing

@testable import Sandbox

/// Orders that would reach outside, refused before anything runs.
@Suite(.enabled(if: AttackSetting.isOn, Comment(rawValue: AttackSetting.off)))
struct OrderAttackTests {
  private static let paths = [
    "../escape", "/etc/escape", "a/../../escape", "", ".", "..", "a//b", "a/./b", "a\0b",
    String(repeating: "n", count: 256), "a/" + String(repeating: "d/", count: 3_000) + "x",
  ]

  @Test(arguments: AttackedBackend.allCases, paths)
  func aFileOutsideIsRefused(_ backend: AttackedBackend, _ path: String) async throws {
    let task = SandboxTask(.python("print(1)"), files: [SandboxFile(path, text: "x")])
    let error = await #expect(throws: SandboxError.self) { try await backend.sandbox.run(task) }
    AttackSetting.note(
      "order: a file at \"\(path.prefix(20))\"", backend,
      error?.code == .invalid ? [] : ["it ended with \(String(describing: error))"])
    #expect(error?.code == .invalid)
  }

  @Test(arguments: AttackedBackend.allCases, ["../..", "/etc/passwd", "a/../../x", ""])
  func aPathToCollectOutsideIsRefused(_ backend: AttackedBackend, _ path: String) async throws {
    let task = SandboxTask(.python("print(1)"), collects: [path])
    let error = await #expect(throws: SandboxError.self) { try await backend.sandbox.run(task) }
    #expect(error?.code == .invalid)
  }
}
