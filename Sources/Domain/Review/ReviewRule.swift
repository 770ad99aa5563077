/// A check that needs no model. It looks at what a change adds, or removes, and at nothing else.
public protocol ReviewRule: Sendable {
  /// Kebab-case, unique among the built-in rules.
  var name: String { get }
  /// One line for people: what the rule finds.
  var summary: String { get }
  /// A short kebab-case word such as `bug`, `security`, `committed-secret`.
  var category: String { get }
  /// `error` only where a maintainer would block a merge.
  var severity: Severity { get }
  /// 0 to 1: how often a hit is a true one.
  var confidence: Double { get }
  func findings(in file: RuleFile) -> [RuleFinding]
}

/// What a rule claims, before it is dressed as a `Finding`.
public struct RuleFinding: Sendable {
  /// Indices into the file's lines, all on one side and next to each other on it.
  let lines: ClosedRange<Int>
  let message: String
  /// `nil` leaves the rule's own.
  let severity: Severity?
  let confidence: Double?
  /// Replacement for all of `lines`; only where the fix is certain.
  let suggestion: String?

  init(
    at index: Int, _ message: String, severity: Severity? = nil, confidence: Double? = nil,
    suggestion: String? = nil
  ) {
    self.init(
      index...index, message, severity: severity, confidence: confidence, suggestion: suggestion)
  }

  init(
    _ lines: ClosedRange<Int>, _ message: String, severity: Severity? = nil,
    confidence: Double? = nil, suggestion: String? = nil
  ) {
    self.lines = lines
    self.message = message
    self.severity = severity
    self.confidence = confidence
    self.suggestion = suggestion
  }
}

/// A rule that judges one added line at a time.
protocol LineRule: ReviewRule {
  /// A line that cannot hold one of these, in any case, is not looked at. Three bytes or more each.
  var triggers: [Needle] { get }
  func applies(to file: RuleFile) -> Bool
  /// `line` is `file.lines[index]`.
  func check(_ line: CodeLine, at index: Int, in file: RuleFile) -> RuleFinding?
}

extension LineRule {
  func applies(to file: RuleFile) -> Bool { true }

  public func findings(in file: RuleFile) -> [RuleFinding] {
    guard applies(to: file) else { return [] }
    let filters = triggers.map(\.filter)
    var found: [RuleFinding] = []
    for index in file.added {
      let filter = file.lines[index].filter
      guard filters.contains(where: { filter.mayContain($0) }) else { continue }
      if let finding = check(file.lines[index], at: index, in: file) { found.append(finding) }
    }
    return found
  }
}
