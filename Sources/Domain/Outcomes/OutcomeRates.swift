/// How often findings of one kind were acted on.
public struct OutcomeRate: Sendable, Hashable, Codable {
  public var name: String
  public var fates: [FindingFate: Int]

  public init(name: String, fates: [FindingFate: Int]) {
    self.name = name
    self.fates = fates
  }

  public var findings: Int { fates.values.reduce(0, +) }
  public var actedOn: Int { fates.reduce(0) { $0 + ($1.key.isActedOn == true ? $1.value : 0) } }
  /// Those whose fate is known.
  public var decided: Int { fates.reduce(0) { $0 + ($1.key.isActedOn == nil ? 0 : $1.value) } }
  /// From 0 to 1; `nil` where nothing is decided.
  public var rate: Double? { decided == 0 ? nil : Double(actedOn) / Double(decided) }

  /// Between which rates the true one lies, nine times of ten.
  /// Source: Wilson's score interval; z is 1.645.
  public var interval: ClosedRange<Double>? {
    guard decided > 0 else { return nil }
    return Self.interval(actedOn, of: decided)
  }

  static func interval(_ hits: Int, of count: Int) -> ClosedRange<Double> {
    let z = 1.6449
    let n = Double(count)
    let share = Double(hits) / n
    let scale = 1 + z * z / n
    let middle = (share + z * z / (2 * n)) / scale
    let reach = z * ((share * (1 - share) / n + z * z / (4 * n * n)).squareRoot()) / scale
    return max(0, middle - reach)...min(1, middle + reach)
  }

  /// The most findings first.
  public static func by(
    _ name: (FindingOutcome) -> String?, _ outcomes: [FindingOutcome]
  ) -> [OutcomeRate] {
    var fates: [String: [FindingFate: Int]] = [:]
    for outcome in outcomes {
      guard let name = name(outcome) else { continue }
      fates[name, default: [:]][outcome.fate, default: 0] += 1
    }
    return fates.map { OutcomeRate(name: $0.key, fates: $0.value) }
      .sorted { ($1.findings, $0.name) < ($0.findings, $1.name) }
  }
}
