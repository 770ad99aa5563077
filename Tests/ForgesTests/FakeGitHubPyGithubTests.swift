import Foundation
import TestKit
import Testing

/// A client that others wrote reads the fake as it reads GitHub.
@Suite(
  .enabled(
    if: ProcessInfo.processInfo.environment["STET_TEST_PYGITHUB"] != nil,
    "STET_TEST_PYGITHUB names no python that has PyGithub"))
struct FakeGitHubPyGithubTests {
  @Test func isReadByPyGithub() async throws {
    let scene = try FakeGitHubScene()
    let python = try #require(ProcessInfo.processInfo.environment["STET_TEST_PYGITHUB"])
    let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("PyGithub/read.py")
    let server = try await scene.hub.listen()
    let process = Process()
    process.executableURL = URL(fileURLWithPath: python)
    process.arguments = [script.path, server.url, scene.head]
    process.environment = [
      "STET_FAKE_TOKEN": String(scene.grace.dropFirst("Bearer ".count)),
      "STET_FAKE_APP_KEY": scene.key.privatePEM, "PATH": "/usr/bin:/bin", "no_proxy": "127.0.0.1",
    ]
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    let output = try await withCheckedThrowingContinuation {
      (continuation: CheckedContinuation<String, any Error>) in
      // Reading blocks, so it has a thread of its own.
      Thread.detachNewThread {
        do {
          try process.run()
          let data = pipe.fileHandleForReading.readDataToEndOfFile()
          process.waitUntilExit()
          continuation.resume(returning: String(decoding: data, as: UTF8.self))
        } catch {
          continuation.resume(throwing: error)
        }
      }
    }
    await server.stop()
    #expect(process.terminationStatus == 0, "\(output)")
    #expect(output.contains("PyGithub read"), "\(output)")
    print(output.trimmingCharacters(in: .whitespacesAndNewlines))
    let hub = scene.hub
    #expect(hub.reviews(of: scene.pull).map(\.state).contains("APPROVED"))
    #expect(hub.checkRuns(in: scene.repository).map(\.conclusion) == ["success"])
    #expect(hub.labels(of: scene.pull) == ["checked"])
    if let check = OpenAPICheck.shared {
      let report = check.report(on: hub.log)
      print("PyGithub's requests against OpenAPI: \(report.counts)")
      #expect(report.problems == [])
    }
  }
}
