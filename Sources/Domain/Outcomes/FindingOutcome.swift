public import Foundation

/// What became of a finding that people were shown.
public enum FindingFate: String, Sendable, Hashable, Codable, CaseIterable, CodingKeyRepresentable {
  /// A later push took away what it was about.
  case fixed
  /// Somebody resolved its thread, or put its thumb up.
  case resolved
  /// Somebody asked to be silent about it, or put a thumb down.
  case disputed
  /// The pull request ended, or went quiet, with the finding as it stood.
  case ignored
  /// The pull request goes on.
  case open

  /// Whether it was worth saying; `nil` where that is not known yet.
  public var isActedOn: Bool? {
    switch self {
    case .fixed, .resolved: true
    case .disputed, .ignored: false
    case .open: nil
    }
  }
}

/// One finding on one pull request, and its fate.
public struct FindingOutcome: Sendable, Hashable, Codable {
  /// `OWNER/NAME#N`.
  public var subject: String
  public var fingerprint: String
  public var category: String
  public var severity: Severity
  public var source: FindingSource
  public var path: String
  /// When it was said first.
  public var at: Date
  public var fate: FindingFate
  /// Why that is its fate, in a sentence.
  public var reason: String

  public init(
    subject: String, fingerprint: String, category: String, severity: Severity,
    source: FindingSource, path: String, at: Date, fate: FindingFate, reason: String
  ) {
    self.subject = subject
    self.fingerprint = fingerprint
    self.category = category
    self.severity = severity
    self.source = source
    self.path = path
    self.at = at
    self.fate = fate
    self.reason = reason
  }
}

/// Tells the fates of findings from the reviews of a pull request, in order, and from what people did
/// there.
public enum OutcomeDerivation {
  /// One review that was finished.
  public struct Reviewed: Sendable, Hashable {
    public var run: String
    public var at: Date
    /// Of the diff: two reviews of the same change tell of no push between them.
    public var content: String
    public var findings: [Finding]
    /// Fingerprints of what it found too and did not show.
    public var silenced: Set<String>
    /// Paths, or parts of them, that the model did not see.
    public var skipped: Set<String>
    /// Whether the model answered at all.
    public var hadModel: Bool

    public init(
      run: String, at: Date, content: String, findings: [Finding], silenced: Set<String> = [],
      skipped: Set<String>, hadModel: Bool
    ) {
      self.run = run
      self.at = at
      self.content = content
      self.findings = findings
      self.silenced = silenced
      self.skipped = skipped
      self.hadModel = hadModel
    }
  }

  /// What is known of the pull request beside its reviews, by fingerprint where it is of a finding.
  public struct Surroundings: Sendable, Hashable {
    public enum End: String, Sendable, Hashable { case merged, closed }
    public var end: End?
    public var resolved: Set<String>
    /// With who asked for silence.
    public var disputed: [String: String]
    public var thumbsUp: Set<String>
    public var thumbsDown: Set<String>

    public init(
      end: End? = nil, resolved: Set<String> = [], disputed: [String: String] = [:],
      thumbsUp: Set<String> = [], thumbsDown: Set<String> = []
    ) {
      self.end = end
      self.resolved = resolved
      self.disputed = disputed
      self.thumbsUp = thumbsUp
      self.thumbsDown = thumbsDown
    }
  }

  /// A pull request of which nothing was heard for so long is taken for one that ended.
  public static let quiet: TimeInterval = 14 * 86_400

  /// - Parameter reviews: in any order; of one pull request.
  /// - Returns: each finding once, in the order in which they were said.
  public static func outcomes(
    of subject: String, _ reviews: [Reviewed], _ around: Surroundings = Surroundings(), now: Date
  ) -> [FindingOutcome] {
    let reviews = reviews.sorted { ($0.at, $0.run) < ($1.at, $1.run) }
    var order: [String] = []
    var first: [String: (finding: Finding, at: Date)] = [:]
    for review in reviews {
      for finding in review.findings where first[finding.fingerprint] == nil {
        order.append(finding.fingerprint)
        first[finding.fingerprint] = (finding, review.at)
      }
    }
    return order.compactMap { fingerprint in
      guard let known = first[fingerprint] else { return nil }
      let (fate, reason) = fate(of: fingerprint, known.finding, reviews, around, now: now)
      return FindingOutcome(
        subject: subject, fingerprint: fingerprint, category: known.finding.category,
        severity: known.finding.severity, source: known.finding.source, path: known.finding.path,
        at: known.at, fate: fate, reason: reason)
    }
  }

  /// What people said outright comes before what their pushes imply: whoever fixes a thing that they
  /// dispute has still disputed it.
  private static func fate(
    of fingerprint: String, _ finding: Finding, _ reviews: [Reviewed], _ around: Surroundings,
    now: Date
  ) -> (FindingFate, String) {
    if let who = around.disputed[fingerprint] { return (.disputed, "\(who) asked for silence") }
    if around.thumbsDown.contains(fingerprint) { return (.disputed, "a thumb points down") }
    if let push = pushThatFixed(fingerprint, finding, reviews) {
      return (.fixed, "it is gone since run \(push)")
    }
    if around.resolved.contains(fingerprint) { return (.resolved, "its thread was resolved") }
    if around.thumbsUp.contains(fingerprint) { return (.resolved, "a thumb points up") }
    if let end = around.end { return (.ignored, "the pull request was \(end.rawValue) with it") }
    if let last = reviews.last, now.timeIntervalSince(last.at) > quiet {
      return (.ignored, "nothing was heard of the pull request for two weeks")
    }
    return (.open, "the pull request goes on")
  }

  /// The first review from which on it never came again, of another change than the one before, that
  /// looked at the file with the same kind of reviewer.
  private static func pushThatFixed(
    _ fingerprint: String, _ finding: Finding, _ reviews: [Reviewed]
  ) -> String? {
    guard
      let last = reviews.lastIndex(where: { review in
        review.silenced.contains(fingerprint)
          || review.findings.contains { $0.fingerprint == fingerprint }
      })
    else { return nil }
    let isOfModel = if case .model = finding.source { true } else { false }
    return reviews[(last + 1)...].first { review in
      review.content != reviews[last].content && !review.skipped.contains(finding.path)
        && (review.hadModel || !isOfModel)
    }?.run
  }
}
