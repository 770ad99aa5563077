/// What a rule asks of a pull request. Leaves are statements about facts; each can be true, false,
/// or not known.
public indirect enum PolicyCondition: Sendable, Hashable {
  case all([PolicyCondition])
  case any([PolicyCondition])
  case not(PolicyCondition)

  case author(PolicyPeople)
  case actor(PolicyPeople)
  /// Whether the author is a program.
  case bot(Bool)
  case association([PolicyFacts.Association])
  /// The author's team, as `ORG/TEAM`.
  case team([String])
  case base([NameGlob])
  case head([NameGlob])
  case fork(Bool)
  case draft(Bool)
  case state([PullRequest.State])
  case title(TextPattern)
  case body(TextPattern)
  case labels(Labels)
  case files(Files)
  /// Lines added and removed.
  case size(PolicyRange)
  case reviewState(ReviewState)
  case approvals(Approvals)
  /// Whether changes are requested, or by whom.
  case changesRequested(Bool, by: PolicyPeople)
  case unresolvedThreads(PolicyRange)
  case check(name: NameGlob, conclusions: [PolicyFacts.Check.Conclusion])
  case findings(Findings)
  /// Of the review, in percent.
  case coverage(PolicyRange)
  /// Seconds since it was opened.
  case age(PolicyRange)
  /// Seconds since anything happened to it.
  case idle(PolicyRange)
  case mergeable(Bool)
  /// Commits of the base that the head lacks.
  case behind(PolicyRange)
  case time(PolicyTime)
  case dependencies(Dependencies)
  case locked(Bool)
  case assignees(PolicyRange)
  case reviewRequests(PolicyRange)

  public struct Labels: Sendable, Hashable {
    public var all: [NameGlob]
    public var any: [NameGlob]
    public var none: [NameGlob]

    public init(all: [NameGlob] = [], any: [NameGlob] = [], none: [NameGlob] = []) {
      self.all = all
      self.any = any
      self.none = none
    }
  }

  public struct Files: Sendable, Hashable {
    /// At least one file matches one of these.
    public var any: [PathPattern]
    /// For each of these there is a file.
    public var all: [PathPattern]
    /// Every file matches one of these, and there is one.
    public var only: [PathPattern]
    /// No file matches.
    public var none: [PathPattern]
    /// How many there are; of those that `any` names, where it is given.
    public var count: PolicyRange?

    public init(
      any: [PathPattern] = [], all: [PathPattern] = [], only: [PathPattern] = [],
      none: [PathPattern] = [], count: PolicyRange? = nil
    ) {
      self.any = any
      self.all = all
      self.only = only
      self.none = none
      self.count = count
    }
  }

  public enum ReviewState: String, Sendable, Hashable, CaseIterable {
    /// Somebody approved and nobody requests changes.
    case approved
    case changesRequested = "changes_requested"
    /// Reviewed, with neither of these.
    case commented
    /// No review at all.
    case none
  }

  public struct Approvals: Sendable, Hashable {
    public var count: PolicyRange
    /// Only theirs count; empty: everybody's.
    public var by: PolicyPeople
    /// Only those of the owners of changed files count.
    public var byCodeOwners: Bool
    /// Only those of the commit that is the head now count.
    public var ofHead: Bool

    public init(
      count: PolicyRange, by: PolicyPeople = PolicyPeople(), byCodeOwners: Bool = false,
      ofHead: Bool = false
    ) {
      self.count = count
      self.by = by
      self.byCodeOwners = byCodeOwners
      self.ofHead = ofHead
    }
  }

  public struct Findings: Sendable, Hashable {
    /// Of this severity and above.
    public var severity: Severity
    /// Categories or rules; empty: every one.
    public var categories: [String]
    public var count: PolicyRange

    public init(severity: Severity = .note, categories: [String] = [], count: PolicyRange) {
      self.severity = severity
      self.categories = categories
      self.count = count
    }
  }

  public enum Dependencies: String, Sendable, Hashable, CaseIterable {
    /// There are none, or all are merged.
    case merged
    /// Some are not merged.
    case open
    case none
  }
}

extension PolicyCondition {
  /// Whether it may come true by the passing of time alone.
  var asksForTime: Bool {
    switch self {
    case .all(let parts), .any(let parts): parts.contains { $0.asksForTime }
    case .not(let part): part.asksForTime
    case .age, .idle, .time: true
    default: false
    }
  }
}
