import Domain
import Foundation
import Logging
import Sandbox
import TestKit
import Testing

/// What is left on this machine: nothing.
@Suite struct CheckoutFolderTests {
  @Test func closeRemovesAll() async throws {
    try await CheckoutBench.with { bench async throws in
      let workspace = try await bench.checkouts().open(bench.plan())
      let commit = try await workspace.commit("a.py", "new\n")
      #expect(!bench.left.isEmpty)
      await workspace.close()
      #expect(bench.left == [])
      await workspace.close()
      let error = await workspace.pushRefusal(commit, expecting: workspace.head)
      #expect(error?.code == .failed)
      await #expect(throws: WorkspaceError.self) { try await workspace.file("a.py") }
    }
  }

  @Test func severalAreOpenAtOnce() async throws {
    try await CheckoutBench.with { bench async throws in
      let first = try await bench.checkouts().open(bench.plan())
      let second = try await bench.checkouts().open(bench.plan())
      // One that starts meanwhile takes nothing from those that live.
      await bench.checkouts().removeStale()
      #expect(try await first.text("a.py") == "one\ntwo\nthree\n")
      await first.close()
      #expect(try await second.text("a.py") == "one\ntwo\nthree\n")
      await second.close()
      #expect(bench.left == [])
    }
  }

  /// The kernel lets go of a dead process's lock: the file is there, and nobody holds it.
  @Test func whatAKilledProcessLeftIsRemovedAtTheNextStart() async throws {
    try await CheckoutBench.with { bench async throws in
      let live = try await bench.checkouts().open(bench.plan())
      let before = Set(bench.left)
      let stale = bench.folder + "/4711-left"
      try FileManager.default.createDirectory(
        atPath: stale + "/run-1/deep", withIntermediateDirectories: true)
      try Data("x".utf8).write(to: URL(fileURLWithPath: stale + "/run-1/deep/x"))
      let holder = Process()
      holder.executableURL = URL(fileURLWithPath: "/usr/bin/flock")
      holder.arguments = ["--no-fork", stale + ".lock", "sleep", "600"]
      try holder.run()
      try await until { FileManager.default.fileExists(atPath: stale + ".lock") }
      // While its process lives it stays.
      try await Task.sleep(for: .milliseconds(200))
      await bench.checkouts().removeStale()
      #expect(FileManager.default.fileExists(atPath: stale + "/run-1/deep/x"))
      kill(holder.processIdentifier, SIGKILL)
      holder.waitUntilExit()
      await bench.checkouts().removeStale()
      #expect(!FileManager.default.fileExists(atPath: stale))
      #expect(Set(bench.left) == before)
      #expect(try await live.text("a.py") == "one\ntwo\nthree\n")
      await live.close()
    }
  }

  private func until(_ isSo: () -> Bool) async throws {
    let end = ContinuousClock.now + .seconds(10)
    while !isSo() {
      try #require(ContinuousClock.now < end)
      try await Task.sleep(for: .milliseconds(20))
    }
  }

  @Test func aFolderThatOthersMayWriteToIsRefused() async throws {
    try await CheckoutBench.with { bench async throws in
      try FileManager.default.createDirectory(
        atPath: bench.folder, withIntermediateDirectories: true)
      try FileManager.default.setAttributes(
        [.posixPermissions: 0o777], ofItemAtPath: bench.folder)
      let error = await bench.refusal(bench.plan())
      #expect(error?.code == .failed)
    }
  }

  @Test func aCancelledOpeningLeavesNothing() async throws {
    try await CheckoutBench.with { bench async throws in
      bench.git.inject(.hang, on: "info/refs", times: 9)
      let opening = Task { await bench.refusal(bench.plan()) }
      try await until { !bench.left.isEmpty && !bench.server.requests.isEmpty }
      opening.cancel()
      let error = await opening.value
      #expect(error?.code == .cancelled, "\(String(describing: error))")
      #expect(bench.left == [])
    }
  }
}
