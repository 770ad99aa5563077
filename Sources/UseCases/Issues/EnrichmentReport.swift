public import Domain
import Foundation

/// What became of the labels and tags that Stet gave, by place and tag.
public struct EnrichmentReport: Sendable, Hashable, Codable {
  public struct Row: Sendable, Hashable, Codable {
    /// `github:owner/name`, or `tracker`.
    public var place: String
    public var tag: String
    public var given: Int
    /// By people.
    public var removed: Int
    /// The share that people kept.
    public var precision: Double
  }

  /// By place, the most given first.
  public var rows: [Row]
  /// Enrichments that were looked at, and those of them without a model.
  public var enrichments: Int
  public var fallbacks: Int
  /// Those that were answered by what a model had said of a like issue.
  public var cached: Int
  /// What all of them cost, where prices are known.
  public var costUSD: Double
  public var tokens: Int

  /// Runs of one page.
  private static let page = 200

  /// - Parameters:
  ///   - place: only of this one, such as `github:owner/name`; `nil`: of all.
  ///   - most: runs that are looked at, of every kind.
  public static func read(
    runs: any RunStore, issues: any IssueStore, place: String? = nil, most: Int = 20_000
  ) async throws(StoreError) -> EnrichmentReport {
    var report = EnrichmentReport(
      rows: [], enrichments: 0, fallbacks: 0, cached: 0, costUSD: 0, tokens: 0)
    var fates = Fates()
    var before: String?
    var seen = 0
    while seen < most {
      let some = try await runs.runs(limit: page, before: before)
      for run in some where run.kind == .enrich { report.add(run, place, &fates) }
      seen += some.count
      guard some.count == page, let last = some.last else { break }
      before = last.id
    }
    var figures = fates.figures
    if place == nil || place == "tracker" {
      figures["tracker"] = try await tracker(issues)
    }
    for (place, tags) in figures.sorted(by: { $0.key < $1.key }) {
      report.rows += tags.map { tag, figures in
        Row(
          place: place, tag: tag, given: figures.given, removed: figures.removed,
          precision: figures.precision)
      }.sorted { ($1.given, $0.tag) < ($0.given, $1.tag) }
    }
    return report
  }

  private static func tracker(
    _ store: any IssueStore
  ) async throws(StoreError) -> [String: TagFigures] {
    var issues: [(given: [String], removed: [String])] = []
    var before: String?
    while true {
      let some = try await store.issues(limit: page, before: before)
      issues += some.filter(\.areTagsConfirmed).map { ($0.suggestedTags, $0.removedTags) }
      guard some.count == page, let last = some.last else { return TagFigures.of(issues) }
      before = last.id
    }
  }

  private mutating func add(_ run: Run, _ wanted: String?, _ fates: inout Fates) {
    let place = run.result?["place"]?.string ?? "tracker"
    let isWanted = wanted.map { $0 == Fates.repository(place) } ?? true
    guard isWanted else { return }
    fates.add(run)
    guard run.result?["ai_summary"] != nil else { return }
    enrichments += 1
    if run.result?["source"]?.string == TrackedIssue.Source.fallback.rawValue { fallbacks += 1 }
    if run.result?["cached"] ?? .null != .null { cached += 1 }
    for call in run.modelCalls {
      costUSD += call.costUSD?.value ?? 0
      tokens += call.inputTokens.value + call.outputTokens.value
    }
  }
}

/// Labels that were set on issues of a forge, and those that people took away, as runs tell.
struct Fates: Sendable {
  /// By issue, `github:owner/name#n`.
  private(set) var given: [String: Set<String>] = [:]
  private var removed: [String: Set<String>] = [:]

  mutating func add(_ run: Run) {
    guard let place = run.result?["place"]?.string else { return }
    for name in ["labels_set", "labels_removed"] {
      let labels = (run.result?[name]?.array ?? []).compactMap(\.string)
      if labels.isEmpty { continue }
      if name == "labels_set" {
        given[place, default: []].formUnion(labels)
      } else {
        removed[place, default: []].formUnion(labels)
      }
    }
  }

  /// By repository and tag.
  var figures: [String: [String: TagFigures]] {
    var figures: [String: [String: TagFigures]] = [:]
    for (place, labels) in given {
      let gone = removed[place] ?? []
      for label in labels {
        figures[Self.repository(place), default: [:]][label, default: TagFigures()].given += 1
        if gone.contains(label) {
          figures[Self.repository(place), default: [:]][label, default: TagFigures()].removed += 1
        }
      }
    }
    return figures
  }

  static func repository(_ place: String) -> String { String(place.prefix { $0 != "#" }) }
}
