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
  let run: Runner
  private(set) var runs = 0
  private(set) var before: TestReading?
  /// Whether the command finds the canary.
  private var hearsCanary = false

  init(command: [String], canary: TestCanary?, run: @escaping Runner) {
    self.command = command
    self.canary = canary
    self.run = run
  }

  /// Of the checkout as it is.
  mutating func baseline() async throws(WorkspaceError) -> TestReading {
    let reading = try await read([:])
    before = reading
    if let canary {
      let alarmed = try await read(canary.files)
      hearsCanary = !alarmed.passed && alarmed.tells(of: canary.word)
    }
    return reading
  }

  mutating func verdict(_ candidates: [FixCandidate]) async throws(WorkspaceError) -> Verdict {
    var changes: [SourcePath: [UInt8]?] = [:]
    for candidate in candidates { changes[candidate.path] = .some(candidate.after) }
    let reading = try await read(changes)
    guard reading.passed else {
      return .fails(why: "the tests end with \(reading.ended)", reading: reading)
    }
    if let why = weaker(reading) { return .fails(why: why, reading: nil) }
    if hearsCanary, let canary {
      let alarmed = try await read(changes.merging(canary.files) { $1 })
      guard !alarmed.passed, alarmed.tells(of: canary.word) else {
        return .fails(
          why: "a test that must fail is passed over, so the word of the others counts for nothing",
          reading: nil)
      }
    }
    return .holds(reading)
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
