import Domain
import Foundation
import Hummingbird
import UseCases

/// `/ui/reports`: what `stet report` tells of a repository.
struct ReportPages {
  static let mostDays = 90
  private static let lengths = [7, 30, 90]

  struct ListView {
    struct Row {
      var name: String
      var place: String
    }
    var repositories: [Row]
    var mistake: String?
  }

  struct View {
    struct Length {
      var name: String
      var place: String
      var isChosen: Bool
    }
    /// Made here, its texts escaped there.
    var report: String
    var lengths: [Length]
    var isEmpty: Bool
    var auditPlace: String
  }

  let ports: ServerPorts

  @Sendable func list(_ request: Request, _ context: ServerContext) async throws -> Response {
    var mistake: String?
    if let text = Query(request)["repository"]?.replacing("+", with: " ")
      .trimmingCharacters(in: .whitespaces), !text.isEmpty
    {
      if let name = RepositoryName(text) { return DashboardDoor.redirect(PageLinks.report(name)) }
      mistake = "That is no repository. Write OWNER/NAME, such as octo-org/shop."
    }
    var names: Set<RepositoryName> = []
    for run in try await ports.runs.runs(limit: 100, before: nil) {
      let place = run.subject.split(separator: ":", maxSplits: 1).last.map(String.init) ?? ""
      if let reference = PullRequestReference(place) { names.insert(reference.repository) }
    }
    let view = ListView(
      repositories: names.sorted { "\($0)" < "\($1)" }.map {
        ListView.Row(name: "\($0)", place: PageLinks.report($0))
      }, mistake: mistake)
    return try PageTemplates.response("reports", view, title: "Reports", context: context)
  }

  @Sendable func show(_ request: Request, _ context: ServerContext) async throws -> Response {
    var context = context
    context.here = "/ui/reports"
    let days = try Query(request).integer("days", in: 1...Self.mostDays) ?? 7
    let text = "\(context.parameter("owner"))/\(context.parameter("name"))"
    guard let name = RepositoryName(text), let make = ports.dashboard.report else {
      throw Problem(
        .notFound, "\(PageText.line(text, limit: 100)) is no repository. Write OWNER/NAME.")
    }
    let report = try await make(name, days)
    let forge = ports.forge ?? "github"
    let view = View(
      report: report.htmlFragment,
      lengths: Self.lengths.map {
        View.Length(
          name: "\($0) days", place: "\(PageLinks.report(name))?days=\($0)", isChosen: $0 == days)
      }, isEmpty: report.reviews + report.failed + report.findings == 0,
      auditPlace: PageLinks.audit("\(forge):\(name)"))
    return try PageTemplates.response(
      "report", view, title: "Report of \(name)", context: context)
  }
}
