import Domain
import Foundation
import Hummingbird
import Jobs
import UseCases

/// A run in a list.
struct RunRow {
  var id: String
  var place: String
  var kind: String
  var subject: String
  var subjectLink: String?
  var outcome: String
  /// A class of the stylesheet: `good`, `bad`, `mild`.
  var tone: String
  var askedBy: String
  var when: TimeView
  var took: String
  var cost: String?

  init(_ run: Run, _ links: PageLinks, _ now: Date) {
    id = run.id
    place = PageLinks.run(run.id)
    kind = run.kind.rawValue
    subject = PageText.line(run.subject, limit: 120)
    subjectLink = links.issue(run.subject)
    outcome = run.review.map { PageText.words($0.verdict.rawValue) } ?? run.outcome.rawValue
    if run.outcome != .completed { outcome = run.outcome.rawValue }
    tone =
      switch (run.outcome, run.review?.verdict) {
      case (.failed, _): "bad"
      case (.cancelled, _): "mild"
      case (.completed, .requestChanges): "warn"
      case (.completed, _): "good"
      }
    askedBy = PageText.line(run.askedBy, limit: 60)
    when = TimeView(run.startedAt, now: now)
    took = PageText.span(run.seconds)
    let prices = run.modelCalls.filter { !$0.cacheHit }.map(\.costUSD)
    cost =
      prices.isEmpty || prices.contains { $0 == nil }
      ? nil : PageText.dollars(prices.reduce(USD(0)) { $0 + ($1 ?? USD(0)) })
  }
}

/// `/ui/runs`: what was done, and one of them with all that it left.
struct RunPages {
  struct ListView {
    var runs: [RunRow]
    var older: String?
    var isFirst: Bool
  }

  let ports: ServerPorts
  let links: PageLinks

  @Sendable func list(_ request: Request, _ context: ServerContext) async throws -> Response {
    let before = try Paging.before(request)
    let runs = try await ports.runs.runs(limit: Paging.rows, before: before)
    let now = ports.now()
    let view = ListView(
      runs: runs.map { RunRow($0, links, now) },
      older: runs.count == Paging.rows
        ? runs.last.map { "/ui/runs?before=\(DashboardDoor.encoded($0.id))" } : nil,
      isFirst: before == nil)
    return try PageTemplates.response("runs", view, title: "Runs", context: context)
  }

  @Sendable func show(_ request: Request, _ context: ServerContext) async throws -> Response {
    var context = context
    context.here = "/ui/runs"
    let id = context.parameter("id").lowercased()
    guard let view = try await ports.view(run: id) else {
      throw Problem(
        .notFound,
        "There is no run \(PageText.line(id, limit: 60)). Its record may have been thrown away "
          + "since (`STET_KEEP_RUNS`). The list of runs shows what there is.")
    }
    return try PageTemplates.response(
      "run", RunView.Shown(view, links, ports.now()), title: "Run", context: context)
  }
}

extension RunView {
  /// A run as its page shows it, every list bounded.
  struct Shown {
    struct Finding {
      var severity: String
      var tone: String
      var spot: String
      var category: String
      var message: String
      var quote: String?
      var suggestion: String?
      var proofs: String
      var source: String
      var confidence: String
    }

    struct Dropped {
      var reason: String
      var dropSpot: String?
      var dropMessage: String
      var dropSource: String
    }

    struct Pair {
      var name: String
      var value: String
      var valueLink: String?
    }

    struct Call {
      var model: String
      var tokens: String
      var callCost: String
      var time: String
      var callFailure: String?
    }

    private static let most = 200

    var id: String
    var state: String
    var stateTone: String
    var facts: [Pair]
    var failure: String?
    var summary: String?
    var hasReview = false
    var claims = ""
    var findings: [Finding] = []
    var dropped: [Dropped] = []
    var skipped: [Pair] = []
    var coverage: String?
    var actions: [Pair]
    var calls: [Call]
    var usage: String
    var inputs: [Pair]
    var result: String?
    var jobPlace: String?
    var cut: String?

    init(_ view: RunView, _ links: PageLinks, _ now: Date) {
      id = view.id
      state = view.state.rawValue
      stateTone =
        switch view.state {
        case .completed: "good"
        case .failed: "bad"
        default: "mild"
        }
      failure = view.failure.map { PageText.block($0, limit: 2_000) }
      jobPlace = view.job.map { _ in PageLinks.jobs(ofRun: view.id) }
      facts = []
      actions = []
      calls = []
      inputs = []
      usage = "No model was asked."
      guard let run = view.run else {
        if let job = view.job {
          facts.append(Pair(name: "Kind", value: job.kind))
          facts.append(Pair(name: "Asked", value: TimeView(job.createdAt, now: now).full))
        }
        return
      }
      let began = TimeView(run.startedAt, now: now)
      facts = [
        Pair(name: "Kind", value: run.kind.rawValue),
        Pair(
          name: "Subject", value: PageText.line(run.subject, limit: 300),
          valueLink: links.issue(run.subject)),
        Pair(name: "Asked by", value: PageText.line(run.askedBy, limit: 200)),
        Pair(name: "Began", value: "\(began.full), \(began.ago)"),
        Pair(name: "Took", value: PageText.span(run.seconds)),
      ]
      if !run.masked.isEmpty {
        let kinds = run.masked.sorted { $0.key < $1.key }.map {
          "\($0.value) \(PageText.line($0.key, limit: 40))"
        }
        facts.append(
          Pair(name: "Masked before a model saw it", value: kinds.joined(separator: ", ")))
      }
      if let review = run.review { show(review, claims: run.claims) }
      actions = (run.actions ?? []).prefix(Self.most).map {
        Pair(
          name: PageText.line($0.name, limit: 80), value: PageText.line($0.place, limit: 200),
          valueLink: links.issue($0.place))
      }
      calls = run.modelCalls.prefix(Self.most).map(Self.call)
      usage = Self.usage(run)
      inputs = run.inputs.sorted { $0.key < $1.key }.prefix(50).map {
        Pair(name: PageText.line($0.key, limit: 80), value: PageText.line($0.value, limit: 80))
      }
      result = run.result.map(Self.text)
    }

    private mutating func show(_ review: Review, claims count: Int) {
      hasReview = true
      summary = review.summary.isEmpty ? nil : PageText.block(review.summary, limit: 4_000)
      facts.insert(
        Pair(name: "Verdict", value: PageText.words(review.verdict.rawValue)), at: 1)
      claims =
        "\(PageText.count(count, "claim")): \(review.findings.count) proved, "
        + "\(review.dropped.count) dropped."
      findings = review.findings.prefix(Self.most).map(Self.finding)
      dropped = review.dropped.prefix(Self.most).map { claim in
        Dropped(
          reason: PageText.words(claim.reason.rawValue)
            + (claim.suggestionOnly ? " (its suggestion only)" : ""),
          dropSpot: claim.path.map {
            PageText.line($0, limit: 200) + (claim.line.map { ":\($0)" } ?? "")
          }, dropMessage: PageText.line(claim.message, limit: 600),
          dropSource: PageText.line(claim.source.description, limit: 100))
      }
      let ledger = review.coverage
      coverage =
        "\(ledger.hunksReviewed) of \(PageText.count(ledger.hunks, "hunk")) in "
        + "\(PageText.count(ledger.files, "file")) were looked at by the model."
      skipped = ledger.skipped.prefix(Self.most).map { part in
        Pair(
          name: PageText.line(part.path, limit: 200) + (part.hunk.map { ", hunk \($0)" } ?? ""),
          value: PageText.words(part.reason.rawValue))
      }
      let left = [review.findings.count, review.dropped.count, ledger.skipped.count]
        .map { max(0, $0 - Self.most) }.reduce(0, +)
      if left > 0 {
        cut = "\(PageText.count(left, "line")) more: see `stet runs show \(id) --json`."
      }
    }

    private static func finding(_ finding: Domain.Finding) -> Finding {
      let lines =
        finding.startLine == finding.line
        ? "\(finding.line)" : "\(finding.startLine)–\(finding.line)"
      return Finding(
        severity: finding.severity.rawValue,
        tone: finding.severity == .error ? "bad" : finding.severity == .warning ? "warn" : "mild",
        spot: "\(PageText.line(finding.path, limit: 300)):\(lines)"
          + (finding.side == .old ? " (before)" : ""),
        category: PageText.line(finding.category, limit: 60),
        message: PageText.block(finding.message, limit: 2_000),
        quote: finding.quote.isEmpty ? nil : PageText.block(finding.quote, limit: 2_000),
        suggestion: finding.suggestion.map {
          $0.isEmpty ? "(take these lines away)" : PageText.block($0, limit: 2_000)
        },
        proofs: finding.verified.isEmpty
          ? "nothing" : finding.verified.map(\.rawValue).joined(separator: ", "),
        source: PageText.line(finding.source.description, limit: 100),
        confidence: "\(Int((min(1, max(0, finding.confidence)) * 100).rounded())) %")
    }

    private static func call(_ call: Run.ModelCall) -> Call {
      Call(
        model: PageText.line(call.model, limit: 100)
          + (call.cacheHit ? " (answered from the cache)" : ""),
        tokens: "\(PageText.grouped(call.inputTokens.value)) in, "
          + "\(PageText.grouped(call.outputTokens.value)) out",
        callCost: PageText.dollars(call.costUSD) ?? (call.cacheHit ? "–" : "unknown"),
        time: PageText.span(call.seconds),
        callFailure: call.failure.map { PageText.line($0, limit: 100) })
    }

    private static func usage(_ run: Run) -> String {
      let calls = run.modelCalls.filter { !$0.cacheHit }
      guard !run.modelCalls.isEmpty else { return "No model was asked." }
      let input = calls.reduce(0) { $0 + $1.inputTokens.value }
      let output = calls.reduce(0) { $0 + $1.outputTokens.value }
      let hits = run.modelCalls.count - calls.count
      return "\(PageText.count(calls.count, "call")), \(PageText.grouped(input)) tokens in, "
        + "\(PageText.grouped(output)) out"
        + (hits > 0 ? "; \(PageText.count(hits, "answer")) from the cache." : ".")
    }

    /// What other use cases answered, as the API gives it.
    private static func text(_ value: JSONValue) -> String {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      let data = (try? encoder.encode(value)) ?? Data()
      return PageText.block(String(decoding: data, as: UTF8.self), limit: 30_000)
    }
  }
}
