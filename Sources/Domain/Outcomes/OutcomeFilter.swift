public import Foundation

/// What one repository's people ignore, learned from the fates of earlier findings. It silences
/// findings of a kind, never what people act on, and says why.
public struct OutcomeFilter: Sendable, Hashable, Codable {
  /// One kind of finding that is not shown any more.
  public struct Silence: Sendable, Hashable, Codable {
    public var source: FindingSource
    public var category: String
    public var actedOn: Int
    public var decided: Int
    /// The most that the true share of those acted on may be, nine times of ten.
    public var most: Double

    /// As a person reads it.
    public var reason: String {
      "\(source) \(category): \(actedOn) of \(decided) were acted on"
    }
  }

  /// What it would have done to findings that it was not learned from.
  public struct Measure: Sendable, Hashable, Codable {
    /// Findings, newer than all that it was learned from, whose fate is known.
    public var findings: Int
    public var actedOn: Int
    public var silenced: Int
    /// Of those silenced: what people would have missed.
    public var silencedActedOn: Int

    public init(findings: Int, actedOn: Int, silenced: Int, silencedActedOn: Int) {
      self.findings = findings
      self.actedOn = actedOn
      self.silenced = silenced
      self.silencedActedOn = silencedActedOn
    }
  }

  public var repository: RepositoryName
  /// From 1; each learning makes a new one, and the old ones stay.
  public var version: Int
  public var learnedAt: Date
  public var silences: [Silence]
  public var measure: Measure

  public init(
    repository: RepositoryName, version: Int, learnedAt: Date, silences: [Silence],
    measure: Measure
  ) {
    self.repository = repository
    self.version = version
    self.learnedAt = learnedAt
    self.silences = silences
    self.measure = measure
  }

  /// Fewer say nothing of a kind.
  public static let fewest = 9
  /// Fewer that were held out prove nothing.
  public static let fewestHeldOut = 3
  /// The share of those acted on, at most, of a kind that is silenced; also on what was held out.
  public static let mostActedOn = 0.25
  /// The oldest share is learned from, the newest is held out.
  static let learned = 0.7

  /// Whether a finding is silenced, and by what. Errors and security are always shown.
  public func silence(of finding: Finding) -> Silence? {
    guard Self.mayBeSilent(finding.severity, finding.category) else { return nil }
    return silences.first { $0.source == finding.source && $0.category == finding.category }
  }

  private static func mayBeSilent(_ severity: Severity, _ category: String) -> Bool {
    severity < .error && !["security", "committed-secret", "secret"].contains(category)
  }

  /// Whether it may be used: on what was held out it silenced something, and hardly anything of
  /// what people acted on.
  public var isFit: Bool {
    measure.silenced >= Self.fewestHeldOut
      && Double(measure.silencedActedOn) <= Double(measure.silenced) * Self.mostActedOn
  }

  /// Learns from the older findings and measures on the newer ones, of other pull requests, which
  /// have no say in what is silenced.
  public static func learn(
    from outcomes: [FindingOutcome], repository: RepositoryName, version: Int, now: Date
  ) -> OutcomeFilter {
    let decided = outcomes.filter {
      $0.fate.isActedOn != nil && mayBeSilent($0.severity, $0.category)
    }.sorted { ($0.at, $0.subject, $0.fingerprint) < ($1.at, $1.subject, $1.fingerprint) }
    let split = boundary(decided)
    let silences = candidates(decided[..<split])
    let held = decided[split...]
    let silenced = held.filter { outcome in
      silences.contains { $0.source == outcome.source && $0.category == outcome.category }
    }
    return OutcomeFilter(
      repository: repository, version: version, learnedAt: now, silences: silences,
      measure: Measure(
        findings: held.count, actedOn: held.count { $0.fate.isActedOn == true },
        silenced: silenced.count,
        silencedActedOn: silenced.count { $0.fate.isActedOn == true }))
  }

  /// Findings of one pull request stand on one side: they share their fate more often than not.
  private static func boundary(_ decided: [FindingOutcome]) -> Int {
    var place = Int(Double(decided.count) * learned)
    guard place > 0, place < decided.count else { return min(place, decided.count) }
    let older = Set(decided[..<place].map(\.subject))
    while place < decided.count, older.contains(decided[place].subject) { place += 1 }
    return place
  }

  private struct Kind: Hashable {
    var source: FindingSource
    var category: String
  }

  private static func candidates(_ decided: some Collection<FindingOutcome>) -> [Silence] {
    var counts: [Kind: (acted: Int, all: Int)] = [:]
    for outcome in decided {
      let kind = Kind(source: outcome.source, category: outcome.category)
      counts[kind, default: (0, 0)].all += 1
      if outcome.fate.isActedOn == true { counts[kind, default: (0, 0)].acted += 1 }
    }
    return counts.compactMap { kind, count in
      guard count.all >= fewest else { return nil }
      let most = OutcomeRate.interval(count.acted, of: count.all).upperBound
      guard most <= mostActedOn else { return nil }
      return Silence(
        source: kind.source, category: kind.category, actedOn: count.acted, decided: count.all,
        most: most)
    }.sorted { ("\($0.source)", $0.category) < ("\($1.source)", $1.category) }
  }
}
