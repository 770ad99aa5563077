public import Domain

/// Something wrong in a `.stet.yml`, with its place.
public struct PolicyProblem: Sendable, Hashable, CustomStringConvertible {
  /// Name of the file, as it is shown.
  public var file: String
  /// 1-based; `nil` where the whole file is meant.
  public var line: Int?
  public var column: Int?
  /// Such as `review.severity.print-call`; empty where the whole file is meant.
  public var keyPath: String
  /// What is wrong, what is allowed, what was perhaps meant.
  public var message: String

  public init(
    file: String, line: Int? = nil, column: Int? = nil, keyPath: String = "", message: String
  ) {
    self.file = file
    self.line = line
    self.column = column
    self.keyPath = keyPath
    self.message = message
  }

  public var description: String {
    var place = file
    if let line { place += ":\(line)" }
    if let column { place += ":\(column)" }
    return keyPath.isEmpty ? "\(place): \(message)" : "\(place): \(keyPath): \(message)"
  }
}

/// All that is wrong in a policy file, in the order of its lines.
public struct PolicyError: Error, Sendable, Equatable, CustomStringConvertible {
  public var problems: [PolicyProblem]

  public init(problems: [PolicyProblem]) { self.problems = problems }

  public var description: String { problems.map(\.description).joined(separator: "\n") }
}

/// A policy that was read, and what a person may want to mend in it.
public struct PolicyFile: Sendable, Equatable {
  public var review: ReviewPolicy
  public var fix: FixPolicy
  public var issues: IssuePolicy
  public var notify: NotifyPolicy
  /// Rules, merges, queue and roles. Only what stands on the default branch is ever acted upon.
  public var shepherd: ShepherdPolicy
  /// Who may be learned, and by whom it may be asked.
  public var reviewers: ReviewerPolicy
  /// Keys that this version does not know.
  public var warnings: [PolicyProblem]

  public init(
    review: ReviewPolicy, fix: FixPolicy = FixPolicy(), issues: IssuePolicy = IssuePolicy(),
    notify: NotifyPolicy = NotifyPolicy(), shepherd: ShepherdPolicy = ShepherdPolicy(),
    reviewers: ReviewerPolicy = ReviewerPolicy(), warnings: [PolicyProblem] = []
  ) {
    self.review = review
    self.fix = fix
    self.issues = issues
    self.notify = notify
    self.shepherd = shepherd
    self.reviewers = reviewers
    self.warnings = warnings
  }
}
