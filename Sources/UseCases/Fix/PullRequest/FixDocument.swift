public import Domain

/// What a fix of several files came to: the result of its run, and what `stet fix --json` prints.
public struct FixDocument: Sendable, Hashable, Codable {
  public struct File: Sendable, Hashable, Codable {
    public var path: String
    /// What was wrong and what was changed.
    public var reason: String
    /// `model:NAME` or `rule:NAME`.
    public var source: String
    /// Raw values of `Proof`.
    public var verified: [String]
    public var additions: Int
    public var deletions: Int
  }

  /// What the test command of the policy said.
  public struct Tests: Sendable, Hashable, Codable {
    public var command: String
    /// `passed`, or how it ended.
    public var before: String
    /// `nil` where nothing was changed.
    public var after: String?
    /// Tests that ran last, where the command tells.
    public var count: Int?
    public var runs: Int
  }

  public var changed: Bool
  public var files: [File]
  public var left: [LeftFile]
  /// `nil` where the policy names no command.
  public var tests: Tests?
  /// As `git diff` prints it, secrets masked.
  public var diff: String
  /// What was, or is about to be, pushed.
  public var commit: String?
  /// The head that it stands on.
  public var head: String?
  /// Suggestions that were posted where nothing could be pushed.
  public var suggestions: Int
  /// One sentence on how it ended.
  public var summary: String
  /// The whole answer as it is posted.
  public var reply: String?
  /// Fingerprints of findings that it answers.
  public var resolved: [String]
  public var usage: ModelUsage
  public var run: String

  init(run: String, summary: String) {
    self.run = run
    self.summary = summary
    changed = false
    files = []
    left = []
    diff = ""
    suggestions = 0
    resolved = []
    usage = ModelUsage()
  }

  mutating func take(_ outcome: FixLoop.Outcome, command: [String]?) {
    files = outcome.chosen.map { candidate in
      let comparison = LineComparison(old: candidate.before, new: candidate.after)
      return File(
        path: Defanged.oneLine(candidate.path.description, limit: 300), reason: candidate.reason,
        source: candidate.source.description,
        verified: Proof.allCases.filter(candidate.proofs.contains).map(\.rawValue),
        additions: comparison.additions, deletions: comparison.deletions)
    }
    changed = !files.isEmpty
    left += outcome.left
    usage = outcome.toll.spending.usage
    let printed = Diff(files: outcome.chosen.compactMap(\.diff)).printed()
    diff = SecretMask.masked(String(decoding: printed, as: UTF8.self)).text
    if let command, let before = outcome.before {
      func words(_ reading: TestReading) -> String { reading.passed ? "passed" : reading.ended }
      tests = Tests(
        command: SecretMask.masked(command.joined(separator: " ")).text, before: words(before),
        after: outcome.after.map(words), count: (outcome.after ?? before).counts?.ran,
        runs: outcome.trials)
    }
  }
}
