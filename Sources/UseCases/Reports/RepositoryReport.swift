public import Domain
public import Foundation

/// What happened in a time: in one repository, or in all.
public struct RepositoryReport: Sendable, Hashable, Codable {
  /// Of times in seconds.
  public struct Spread: Sendable, Hashable, Codable {
    public var count: Int
    public var median: Double
    /// Nine of ten are at most so long.
    public var ninth: Double

    /// - Returns: `nil` where there is none. Source: nearest rank.
    init?(_ values: [Double]) {
      let sorted = values.sorted()
      guard !sorted.isEmpty else { return nil }
      func rank(_ share: Double) -> Double {
        sorted[max(0, Int((Double(sorted.count) * share).rounded(.up)) - 1)]
      }
      (count, median, ninth) = (sorted.count, rank(0.5), rank(0.9))
    }
  }

  public struct Day: Sendable, Hashable, Codable {
    /// Such as `2026-11-22`, of UTC.
    public var day: String
    public var reviews: Int
    public var findings: Int
    public var costUSD: Double
  }

  /// `nil`: all.
  public var repository: String?
  public var from: Date
  public var to: Date
  /// As the forge tells; `nil` where it was not asked.
  public var opened: Int?
  public var merged: Int?
  public var closed: Int?
  /// From the opening of those opened to Stet's first review.
  public var firstReview: Spread?
  /// Of those merged, from their opening.
  public var merge: Spread?
  public var pullRequests: Int
  public var reviews: Int
  public var failed: Int
  public var verdicts: [String: Int]
  public var findings: Int
  public var categories: [OutcomeRate]
  public var modelCalls: Int
  public var inputTokens: Int
  public var outputTokens: Int
  /// Of calls whose price is known.
  public var costUSD: Double
  /// Calls whose price is not.
  public var unpriced: Int
  public var days: [Day]
  /// What could not be read, in sentences.
  public var notes: [String]

  enum CodingKeys: String, CodingKey {
    case repository, from, to, opened, merged, closed, reviews, failed, verdicts, findings
    case categories, days, unpriced, notes, merge
    case firstReview = "first_review"
    case pullRequests = "pull_requests"
    case modelCalls = "model_calls"
    case inputTokens = "input_tokens"
    case outputTokens = "output_tokens"
    case costUSD = "cost_usd"
  }
}

extension RepositoryReport {
  /// - Parameters:
  ///   - runs: of the time, and earlier ones of its pull requests where they are known.
  ///   - pullRequests: `nil` where the forge was not asked.
  public init(
    repository: RepositoryName?, from: Date, to: Date, runs: [Run], outcomes: [FindingOutcome],
    pullRequests: [PullRequestTimes]?, notes: [String] = []
  ) {
    let wanted = repository.map { "\($0)".lowercased() }
    let ofRepository = runs.filter { run in
      wanted == nil
        || PullRequestReference(run.subject).map { "\($0.repository)".lowercased() } == wanted
    }
    let inTime = ofRepository.filter { $0.startedAt >= from && $0.startedAt < to }
    let reviews = inTime.filter { $0.kind == .review }
    let said = outcomes.filter { $0.at >= from && $0.at < to }
    self.repository = repository.map { "\($0)" }
    self.from = from
    self.to = to
    self.notes = notes
    self.pullRequests = Set(reviews.map(\.subject)).count
    self.reviews = reviews.count { $0.outcome == .completed }
    failed = reviews.count { $0.outcome == .failed }
    verdicts = reviews.reduce(into: [:]) { counts, run in
      if let verdict = run.review?.verdict { counts[verdict.rawValue, default: 0] += 1 }
    }
    findings = said.count
    categories = OutcomeRate.by({ $0.category }, said)
    let calls = inTime.flatMap(\.modelCalls).filter { !$0.cacheHit }
    modelCalls = calls.count
    inputTokens = calls.reduce(0) { $0 + $1.inputTokens.value }
    outputTokens = calls.reduce(0) { $0 + $1.outputTokens.value }
    costUSD = calls.reduce(0) { $0 + ($1.costUSD?.value ?? 0) }
    unpriced = calls.count { $0.costUSD == nil && $0.failure == nil }
    days = Self.days(from, to, inTime, said)
    if let pullRequests {
      let opened = pullRequests.filter { $0.openedAt >= from && $0.openedAt < to }
      let merged = pullRequests.filter { $0.mergedAt.map { $0 >= from && $0 < to } ?? false }
      self.opened = opened.count
      self.merged = merged.count
      closed = pullRequests.count { pull in
        pull.mergedAt == nil && pull.closedAt.map { $0 >= from && $0 < to } ?? false
      }
      merge = Spread(
        merged.compactMap { $0.mergedAt?.timeIntervalSince($0.openedAt) }.map { max(0, $0) })
      firstReview = Spread(opened.compactMap { Self.waited($0, ofRepository) })
    }
  }

  /// Until the end of the first review.
  private static func waited(_ pull: PullRequestTimes, _ runs: [Run]) -> Double? {
    let subject = "\(pull.reference)".lowercased()
    return runs.filter {
      $0.kind == .review && $0.outcome == .completed && $0.subject.lowercased() == subject
    }.map { $0.startedAt.timeIntervalSince(pull.openedAt) + $0.seconds }.filter { $0 >= 0 }.min()
  }

  private static func days(
    _ from: Date, _ to: Date, _ runs: [Run], _ said: [FindingOutcome]
  ) -> [Day] {
    func number(_ date: Date) -> Int {
      Int((date.timeIntervalSince1970 / 86_400).rounded(.down))
    }
    let last = max(number(from), number(to.addingTimeInterval(-0.001)))
    // A year of days is as much as a plot can show.
    return (max(number(from), last - 365)...last).map { day in
      let ofDay = runs.filter { number($0.startedAt) == day }
      return Day(
        day: name(of: day),
        reviews: ofDay.count { $0.kind == .review && $0.outcome == .completed },
        findings: said.count { number($0.at) == day },
        costUSD: ofDay.flatMap(\.modelCalls).reduce(0) {
          $0 + ($1.cacheHit ? 0 : $1.costUSD?.value ?? 0)
        })
    }
  }

  static func name(of day: Int) -> String {
    let formatter = ISO8601DateFormatter()
    formatter.formatOptions = [.withFullDate]
    return formatter.string(from: Date(timeIntervalSince1970: Double(day) * 86_400))
  }
}
