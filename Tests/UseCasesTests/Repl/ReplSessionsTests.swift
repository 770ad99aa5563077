import Domain
import Foundation
import Logging
import Sandbox
import Synchronization
import Testing
import UseCases

/// Interpreters that are lost on the way, in the sandbox that the product uses.
@Suite struct ReplSessionsTests {
  /// The real one, until it is told to start no more.
  private final class Failing: CodeSandbox {
    private let real = IsolatedSandbox(
      images: ImageStore(folder: "/nowhere"), environment: ["PATH": "/usr/bin:/bin"],
      logger: Logger(label: "test"))
    let isBroken = Mutex(false)

    func run(_ task: SandboxTask) async throws(SandboxError) -> SandboxResult {
      try await real.run(task)
    }

    func session(_ plan: SessionPlan) async throws(SandboxError) -> any SandboxSession {
      if isBroken.withLock({ $0 }) {
        throw SandboxError(code: .unavailable, detail: "It is broken.")
      }
      return try await real.session(plan)
    }

    func report() async -> SandboxReport { await real.report() }

    func shutDown() async { await real.shutDown() }
  }

  private func isEmpty(_ sessions: ReplSessions) async throws -> Bool {
    let end = ContinuousClock.now + .seconds(20)
    while ContinuousClock.now < end {
      if await sessions.count == 0 { return true }
      try await Task.sleep(for: .milliseconds(20))
    }
    return false
  }

  @Test func aResetThatFailsInMidCellKeepsNoPlaceForEver() async throws {
    let sandbox = Failing()
    let sessions = ReplSessions(sandbox: sandbox, bounds: .init(idle: .milliseconds(500)))
    let id = try await sessions.open(askedBy: "somebody")
    let (output, told) = AsyncStream.makeStream(of: SandboxOutput.self)
    let cell = Task {
      try await sessions.run(
        "import time\nprint('on', flush=True)\ntime.sleep(60)", in: id, askedBy: "somebody",
        onOutput: { told.yield($0) })
    }
    for await _ in output { break }
    sandbox.isBroken.withLock { $0 = true }
    let error = await #expect(throws: ReplError.self) {
      try await sessions.reset(id, askedBy: "somebody")
    }
    #expect(error?.code == .unavailable)
    await #expect(throws: ReplError.self) { try await cell.value }
    #expect(try await isEmpty(sessions))
    await sessions.shutDown()
    await sandbox.shutDown()
  }
}
