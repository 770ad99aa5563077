import Domain
import Foundation

/// Run records as text.
enum RunText {
  static func list(_ runs: [Run]) -> String {
    var table = TextTable(columns: 5)
    for run in runs {
      table.add([
        run.id, date(run.startedAt), run.kind.rawValue, outcome(run), run.subject,
      ])
    }
    return table.text
  }

  static func one(_ run: Run) -> String {
    var table = TextTable(columns: 2)
    table.add(["run", run.id])
    table.add(["kind", run.kind.rawValue])
    table.add(["subject", run.subject])
    table.add(["started", "\(date(run.startedAt)), took \(seconds(run.seconds)) s"])
    table.add(["asked by", run.askedBy])
    table.add(["outcome", outcome(run)])
    if let failure = run.failure { table.add(["failure", failure]) }
    for (name, hash) in run.inputs.sorted(by: { $0.key < $1.key }) {
      table.add(["input", "\(name) sha256:\(hash)"])
    }
    for call in run.modelCalls { table.add(["model call", describe(call)]) }
    if !run.masked.isEmpty {
      let kinds = run.masked.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
      table.add(["masked", kinds.joined(separator: ", ")])
    }
    table.add(["claims", "\(run.claims)"])
    if let review = run.review { add(review, to: &table) }
    return table.text
  }

  private static func add(_ review: Review, to table: inout TextTable) {
    let coverage = review.coverage
    table.add(["verdict", review.verdict.rawValue])
    table.add([
      "coverage", "\(coverage.hunksReviewed) of \(coverage.hunks) hunks in \(coverage.files) files",
    ])
    for finding in review.findings {
      table.add([
        "finding",
        "\(finding.path):\(finding.line) \(finding.severity.rawValue) \(finding.category): "
          + "\(finding.message) [\(finding.source); "
          + finding.verified.map(\.rawValue).joined(separator: ", ") + "]",
      ])
    }
    for claim in review.dropped {
      let place = claim.path.map { path in "\(path):\(claim.line.map(String.init) ?? "?") " } ?? ""
      table.add(["dropped", "\(claim.reason.rawValue): \(place)\(claim.message) [\(claim.source)]"])
    }
    for part in coverage.skipped {
      let hunk = part.hunk.map { " hunk \($0)" } ?? ""
      table.add(["not reviewed", "\(part.path)\(hunk): \(part.reason.rawValue)"])
    }
  }

  private static func describe(_ call: Run.ModelCall) -> String {
    var text = "\(call.model): \(call.inputTokens.value) tokens in, \(call.outputTokens.value) out"
    text += call.cacheHit ? ", from the cache" : ", \(seconds(call.seconds)) s"
    if let cost = call.costUSD, cost.value > 0 {
      text += ", \(String(format: "%.4f", cost.value)) USD"
    }
    if let failure = call.failure { text += ", failed: \(failure)" }
    return text
  }

  private static func outcome(_ run: Run) -> String {
    guard run.outcome == .completed, let review = run.review else { return run.outcome.rawValue }
    let count = review.findings.count
    return "\(review.verdict.rawValue), \(count) finding\(count == 1 ? "" : "s")"
  }

  private static func date(_ date: Date) -> String { date.formatted(.iso8601) }
  private static func seconds(_ seconds: Double) -> String { String(format: "%.1f", seconds) }
}
