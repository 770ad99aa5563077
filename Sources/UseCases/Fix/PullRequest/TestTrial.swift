import Domain

/// Runs the test command of the policy on copies of the checkout, and says whether a change holds.
struct TestTrial: Sendable {
  enum Verdict: Sendable {
    case holds(TestReading)
    /// - Parameter why: the end of a sentence that begins "with it".
    case fails(why: String, reading: TestReading?)
  }

  typealias Runner =
    @Sendable ([SourcePath: [UInt8]?]) async throws(WorkspaceError) -> SandboxResult

  let command: [String]
  let canary: TestCanary?
  /// When the runs should be over: the test that must fail is left out where no time is left for it.
  let end: ContinuousClock.Instant?
  let run: Runner
  private(set) var runs = 0
  private(set) var before: TestReading?
  /// Whether the command was seen to find the canary.
  private var hearsCanary = false

  init(
    command: [String], canary: TestCanary?, end: ContinuousClock.Instant? = nil,
    run: @escaping Runner
  ) {
    self.command = command
    self.canary = canary
    self.end = end
    self.run = run
  }

  /// Of the checkout as it is.
  mutating func baseline() async throws(WorkspaceError) -> TestReading {
    let reading = try await read([:])
    before = reading
    // Once for the canary, and once at least for a change.
    if let canary, !reading.isTimedOut, leaves(2, of: reading) {
      let alarmed = try await read(canary.files)
      hearsCanary = !alarmed.passed && alarmed.tells(of: canary.word)
    }
    return reading
  }

  mutating func verdict(_ candidates: [FixCandidate]) async throws(WorkspaceError) -> Verdict {
    // A test that is changed may not be what makes the tests pass.
    let code = candidates.filter { !TestGuard.isTest($0.path) }
    if code.count < candidates.count {
      let plain: TestReading
      if code.isEmpty, let before { plain = before } else { plain = try await read(changes(code)) }
      guard plain.passed else {
        return .fails(why: "the tests pass only with the change to them, if at all", reading: plain)
      }
    }
    let changes = changes(candidates)
    let reading = try await read(changes)
    guard reading.passed else {
      return .fails(why: "the tests end with \(reading.ended)", reading: reading)
    }
    if let why = weaker(reading) { return .fails(why: why, reading: nil) }
    // Where the tests failed as they were, the canary may not have been reached.
    if let canary, hearsCanary || leaves(1, of: reading) {
      let alarmed = try await read(changes.merging(canary.files) { $1 })
      if !alarmed.passed, alarmed.tells(of: canary.word) {
        hearsCanary = true
      } else if hearsCanary {
        return .fails(
          why: "a test that must fail is passed over, so the word of the others counts for nothing",
          reading: nil)
      }
    }
    return .holds(reading)
  }

  /// One sentence where the command was to find the test that must fail, and never did.
  var note: String? {
    guard canary != nil, !hearsCanary else { return nil }
    return "A test that must fail was put beside the others, and the command was not seen to run "
      + "it: that it tells of failures is not shown."
  }

  private func changes(_ candidates: [FixCandidate]) -> [SourcePath: [UInt8]?] {
    var changes: [SourcePath: [UInt8]?] = [:]
    for candidate in candidates { changes[candidate.path] = .some(candidate.after) }
    return changes
  }

  /// Whether there is time for so many runs as long as that one.
  private func leaves(_ runs: Int, of reading: TestReading) -> Bool {
    guard let end else { return true }
    return ContinuousClock.now + .seconds(reading.seconds * Double(runs)) < end
  }

  /// As many tests as before have to run, and no more may be skipped.
  private func weaker(_ after: TestReading) -> String? {
    guard let old = before?.counts else { return nil }
    guard let new = after.counts else { return "the tests no longer say how many of them ran" }
    if new.ran < old.ran { return "only \(new.ran) tests run, \(old.ran) before" }
    if new.skipped > old.skipped {
      return "\(new.skipped) tests are skipped, \(old.skipped) before"
    }
    return nil
  }

  /// A sandbox that was lost in mid-run is asked once more.
  private mutating func read(
    _ changes: [SourcePath: [UInt8]?]
  ) async throws(WorkspaceError) -> TestReading {
    runs += 1
    do throws(WorkspaceError) {
      return TestReading(try await run(changes))
    } catch {
      guard error.code == .sandbox, !Task.isCancelled else { throw error }
      runs += 1
      return TestReading(try await run(changes))
    }
  }
}
