import Synchronization

/// What the steps of one try give, and those of the tries before it gave.
final class JobSteps: Sendable {
  private struct State {
    /// Read when the first step is asked for, and shared by steps that are asked for at once.
    var reading: Task<[String: String], any Error>?
    var added: [String: String] = [:]
  }

  private let store: any JobQueue
  private let running: RunningJob
  private let state = Mutex(State())

  init(_ store: any JobQueue, _ running: RunningJob) {
    self.store = store
    self.running = running
  }

  func value(of name: String) async throws -> String? {
    try check()
    if let added = state.withLock({ $0.added[name] }) { return added }
    let reading = state.withLock { state in
      if let reading = state.reading { return reading }
      let reading = Task { try await self.asked { try await $0.steps(of: self.running.job.id) } }
      state.reading = reading
      return reading
    }
    do { return try await reading.value[name] } catch {
      // The next step asks again.
      state.withLock { $0.reading = nil }
      throw error
    }
  }

  func keep(_ value: String, for name: String) async throws {
    try check()
    // A task of its own: this one may be cancelled, and what was done would be lost.
    let keeping = Task {
      try await self.asked {
        try await $0.remember(name, value, under: self.running.claimed.lease)
      }
    }
    guard try await keeping.value else {
      running.stop(.leaseLost)
      throw LeaseLost()
    }
    state.withLock { $0.added[name] = value }
  }

  /// A handler that was gone on without must do nothing more.
  private func check() throws {
    if running.isClosed || running.stopReason == .leaseLost { throw LeaseLost() }
  }

  /// What a step cost is worth more than one question.
  private func asked<Answer>(
    _ question: (any JobQueue) async throws -> Answer
  ) async throws -> Answer {
    var failures = 0
    while true {
      try check()
      do { return try await question(store) } catch {
        failures += 1
        if failures > 4 { throw error }
        try? await Task.sleep(for: Worker.storePolicy.delay(after: failures))
      }
    }
  }
}
