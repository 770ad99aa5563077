public import Domain
public import Foundation

/// Learns what a repository's people ignore, keeps each version, and goes back to an earlier one.
public struct LearnFilter: Sendable {
  let outcomes: ReadOutcomes
  let filters: any OutcomeFilterStore
  let audit: any AuditTrail

  public init(
    outcomes: ReadOutcomes, filters: any OutcomeFilterStore, audit: any AuditTrail
  ) {
    self.outcomes = outcomes
    self.filters = filters
    self.audit = audit
  }

  /// - Parameter isTrial: learns and measures, and keeps nothing.
  /// - Returns: what was learned; it is used from now on only where it `isFit`.
  public func learn(
    _ repository: RepositoryName, since: Date, askedBy: String, isTrial: Bool = false
  ) async throws -> OutcomeFilter {
    let read = try await outcomes.read(repository: repository, since: since)
    let version = (try await filters.filters(of: repository).map(\.version).max() ?? 0) + 1
    let filter = OutcomeFilter.learn(
      from: read.outcomes, repository: repository, version: version, now: outcomes.ports.now())
    if isTrial { return filter }
    try await filters.save(filter)
    if filter.isFit { try await filters.use(version: version, of: repository) }
    try await note(filter.isFit ? "filter.used" : "filter.learned", repository, version, askedBy)
    return filter
  }

  /// - Parameter version: `nil`: none is used any more.
  /// - Returns: false where there is no such version.
  public func use(
    version: Int?, of repository: RepositoryName, askedBy: String
  ) async throws -> Bool {
    if let version,
      try await !filters.filters(of: repository).contains(where: { $0.version == version })
    {
      return false
    }
    try await filters.use(version: version, of: repository)
    try await note("filter.used", repository, version ?? 0, askedBy)
    return true
  }

  private func note(
    _ action: String, _ repository: RepositoryName, _ version: Int, _ actor: String
  ) async throws {
    try await audit.append(
      AuditEvent(
        actor: actor, action: action, place: "github:\(repository)", decidedBy: "outcomes",
        facts: ["version": "\(version)"]))
  }
}

extension OutcomeFilter {
  /// Takes out what is silenced. - Returns: a sentence for people; `nil` where nothing was.
  func silence(_ review: inout Review) -> String? {
    var counts: [String: Int] = [:]
    review.findings.removeAll { finding in
      guard let silence = silence(of: finding) else { return false }
      counts[silence.reason, default: 0] += 1
      return true
    }
    guard !counts.isEmpty else { return nil }
    let all = counts.values.reduce(0, +)
    let reasons = counts.keys.sorted().joined(separator: "; ")
    return "\(all) finding\(all == 1 ? " is" : "s are") not shown, because their kind is ignored "
      + "here (\(reasons); version \(version) of `stet runs filter`)."
  }
}
