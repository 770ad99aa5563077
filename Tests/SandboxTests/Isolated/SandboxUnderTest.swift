import Domain
import Foundation
import Logging
import Testing

@testable import Sandbox

/// Every way to keep programs apart, each with one sandbox for all tests of this process.
enum SandboxUnderTest: String, CaseIterable, CustomTestStringConvertible {
  case zygote, bubblewrap, bare

  static let apart: [SandboxUnderTest] = [.zygote, .bubblewrap]

  var testDescription: String { rawValue }

  private static let sandboxes = Dictionary(
    uniqueKeysWithValues: allCases.map { ($0, make(SandboxMode(rawValue: $0.rawValue))) })

  var sandbox: IsolatedSandbox { Self.sandboxes[self] ?? Self.make(.automatic) }

  /// Of its own, for a test that breaks it or shuts it down.
  func fresh(bounds: IsolatedSandbox.Bounds = .init()) -> IsolatedSandbox {
    Self.make(SandboxMode(rawValue: rawValue), bounds: bounds)
  }

  private static func make(
    _ mode: SandboxMode?, bounds: IsolatedSandbox.Bounds = .init()
  ) -> IsolatedSandbox {
    IsolatedSandbox(
      images: ImageStore(folder: "/nowhere"), environment: ["PATH": "/usr/bin:/bin"],
      mode: mode ?? .automatic, bounds: bounds, logger: Logger(label: "test"))
  }

  func run(
    _ program: String, limits: SandboxLimits = SandboxLimits(),
    _ change: (inout SandboxTask) -> Void = { _ in }
  ) async throws -> SandboxResult {
    var task = SandboxTask(.python(program), limits: limits)
    change(&task)
    return try await sandbox.run(task)
  }
}

extension SandboxLimits {
  static func limited(_ change: (inout SandboxLimits) -> Void) -> SandboxLimits {
    var limits = SandboxLimits()
    change(&limits)
    return limits
  }
}

/// The processes of this machine, by what `/proc` says of them.
enum Processes {
  static func parents() -> [Int32: Int32] {
    var parents: [Int32: Int32] = [:]
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    for process in names.compactMap(Int32.init) {
      guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
        // The name stands in parentheses and may hold anything.
        let end = text.lastIndex(of: ")")
      else { continue }
      let words = text[text.index(after: end)...].split(separator: " ")
      if words.count > 1, words[0] != "Z", let parent = Int32(words[1]) {
        parents[process] = parent
      }
    }
    return parents
  }

  static func descendants(of ancestor: Int32) -> Set<Int32> {
    let parents = parents()
    var found: Set<Int32> = []
    var edge: Set<Int32> = [ancestor]
    while !edge.isEmpty {
      edge = Set(parents.filter { edge.contains($0.value) }.keys).subtracting(found)
      found.formUnion(edge)
    }
    return found
  }

  static func untilGone(_ processes: Set<Int32>, within limit: Duration) async -> Set<Int32> {
    let deadline = ContinuousClock.now + limit
    while true {
      let left = processes.intersection(parents().keys)
      if left.isEmpty || .now > deadline { return left }
      try? await Task.sleep(for: .milliseconds(20))
    }
  }
}
