import Domain
import Foundation
import Hummingbird
import Jobs
import UseCases

/// `/ui/issues`: labels that wait for a person's word, which may be given here.
struct IssuePages {
  struct View {
    struct Row {
      var job: String
      var name: String
      var issueLink: String?
      var labels: [String]
      var summary: String?
      var origin: String
      var duplicates: [Duplicate]
      var since: TimeView
      var runPlace: String
      /// What was said already.
      var word: String?
      var isOpen: Bool
    }

    struct Duplicate {
      var twin: String
      var twinLink: String?
      var score: String
    }

    var proposals: [Row]
    var older: String?
    var isFirst: Bool
  }

  let ports: ServerPorts
  let links: PageLinks

  @Sendable func list(_ request: Request, _ context: ServerContext) async throws -> Response {
    let before = try Paging.before(request)
    var context = context
    context.said = Query(request)["said"]
    var view = View(proposals: [], older: nil, isFirst: before == nil)
    if let publications = ports.dashboard.publications {
      let page = try await ReadProposals(
        jobs: ports.jobs, publications: publications, runs: ports.runs
      ).page(limit: Paging.rows, before: before)
      let now = ports.now()
      view.proposals = page.proposals.map { row($0, now) }
      view.older = page.next.map { "/ui/issues?before=\(DashboardDoor.encoded($0))" }
    }
    return try PageTemplates.response("issues", view, title: "Issues", context: context)
  }

  private func row(_ proposal: LabelProposal, _ now: Date) -> View.Row {
    let repository = proposal.reference.repository
    let origin =
      switch proposal.source {
      case "model": "by the model"
      case "classifier": "by the classifier of this repository's labels"
      default: "by the issue's own words, as no model was asked"
      }
    return View.Row(
      job: proposal.job, name: "\(proposal.reference)",
      issueLink: links.issue(proposal.forge, repository, proposal.reference.number),
      labels: proposal.labels.prefix(20).map { PageText.line($0, limit: 100) },
      summary: proposal.summary.isEmpty ? nil : PageText.line(proposal.summary, limit: 1_000),
      origin: origin,
      duplicates: proposal.duplicates.prefix(5).map { twin in
        View.Duplicate(
          twin: "#\(PageText.line(twin.id, limit: 20))",
          twinLink: Int(twin.id).flatMap { links.issue(proposal.forge, repository, $0) },
          score: "\(Int((min(1, max(0, twin.score)) * 100).rounded())) % alike")
      },
      since: TimeView(proposal.since, now: now), runPlace: PageLinks.run(proposal.run),
      word: proposal.word.map {
        "\($0.isYes ? "Confirmed" : "Rejected") by \(PageText.line($0.by, limit: 80)); a job does "
          + "it now."
      }, isOpen: proposal.word == nil)
  }

  @Sendable func confirm(_ request: Request, _ context: ServerContext) async throws -> Response {
    try await decide(context, isYes: true)
  }

  @Sendable func reject(_ request: Request, _ context: ServerContext) async throws -> Response {
    try await decide(context, isYes: false)
  }

  private func decide(_ context: ServerContext, isYes: Bool) async throws -> Response {
    guard let publications = ports.dashboard.publications else {
      throw Problem(.notFound, "This server proposes no labels.")
    }
    let answer = try await DecideIssueLabels(
      jobs: ports.jobs, publications: publications, audit: ports.audit, limits: ports.workLimits
    ).decide(context.parameter("id").lowercased(), isYes: isYes, by: context.caller.actor)
    let said =
      switch answer {
      case .taken: isYes ? "confirmed" : "rejected"
      case .alreadySaid: "already"
      case .settled: "settled"
      case .unknown:
        throw Problem(
          .notFound,
          "There is no such proposal. The list of issues shows which labels wait.")
      }
    return DashboardDoor.redirect("/ui/issues?said=\(said)")
  }
}
