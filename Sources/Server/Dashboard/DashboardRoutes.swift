import Domain
import Hummingbird

/// The pages for people, rendered here: no script runs on them.
struct DashboardRoutes {
  let ports: ServerPorts

  private var links: PageLinks { PageLinks(forge: ports.forge, webURL: ports.dashboard.webURL) }

  var routes: [Route] {
    [
      page(
        "/", id: "overviewPage", "Shows how Stet is doing",
        OverviewPage(ports: ports, links: links).show),
      page(
        "/ui/runs", id: "runsPage", "Lists finished runs, the newest first",
        parameters: [.before], RunPages(ports: ports, links: links).list),
      page(
        "/ui/runs/{id}", id: "runPage", "Shows a run: what was claimed, proved, dropped and done",
        parameters: [.id], problems: [.notFound], RunPages(ports: ports, links: links).show),
      page(
        "/ui/jobs", id: "jobsPage", "Lists jobs, the newest first",
        parameters: [.state, .run, .before], JobPages(ports: ports).list),
      form(
        "/ui/jobs/{id}/retry", .admin, id: "retryJobForm",
        "Runs a failed or cancelled job again", JobPages(ports: ports).retry),
      form(
        "/ui/jobs/{id}/cancel", .admin, id: "cancelJobForm",
        "Cancels a job, or asks one that runs to stop", JobPages(ports: ports).cancel),
      page(
        "/ui/issues", id: "issuesPage", "Lists labels that wait for a person's word",
        parameters: [.before], IssuePages(ports: ports, links: links).list),
      form(
        "/ui/issues/{id}/confirm", .write, id: "confirmLabelsForm",
        "Has the proposed labels set", IssuePages(ports: ports, links: links).confirm),
      form(
        "/ui/issues/{id}/reject", .write, id: "rejectLabelsForm",
        "Has the proposed labels dropped", IssuePages(ports: ports, links: links).reject),
      page(
        "/ui/audit", id: "auditPage", "Lists what was done and why, the newest first",
        parameters: [.place, .before], AuditPage(ports: ports, links: links).list),
      page(
        "/ui/reports", id: "reportsPage", "Lists repositories of the latest runs",
        parameters: [.repository], redirects: "To the report of `repository`.",
        ReportPages(ports: ports).list),
      page(
        "/ui/reports/{owner}/{name}", id: "reportPage", "Shows the report of a repository",
        parameters: [.owner, .name, .days], problems: [.notFound],
        ReportPages(ports: ports).show),
    ] + signing
  }

  private var signing: [Route] {
    let pages = SignInPages(ports: ports)
    let toNext = Operation.Result(
      status: 303, meaning: "Signed in; to the page that was wanted.", schema: nil,
      contentType: PageTemplates.contentType, headers: ["Location": "That page."])
    return [
      Route(
        .get, DashboardDoor.signIn, .page(nil),
        Operation(
          id: "signInPage", tag: "dashboard", summary: "Asks for an API token",
          parameters: [
            .init(
              name: "next", place: .query, schema: Schema.text(), meaning: "Where to go then.")
          ], results: [Self.html]), handler: pages.show),
      Route(
        .post, DashboardDoor.signIn, .page(nil),
        Operation(
          id: "signIn", tag: "dashboard", summary: "Begins a session with an API token",
          detail: "Sets a cookie that holds no token. Texts that are no token are limited by "
            + "address.",
          body: "SignInForm", bodyType: FormFields.contentType, results: [toNext],
          problems: [.unauthorized, .forbidden, .tooManyRequests, .unavailable]),
        handler: pages.signIn),
      form(
        "/ui/sign-out", .read, id: "signOut", "Ends the session", pages.signOut, problems: []),
      Route(
        .get, "/ui/style.css", .page(nil),
        Operation(
          id: "style", tag: "dashboard", summary: "The one stylesheet of the pages",
          parameters: [
            .init(
              name: "v", place: .query, schema: Schema.text(),
              meaning: "Changes with its text; not looked at.")
          ],
          results: [
            .init(status: 200, meaning: "The style.", schema: nil, contentType: Self.css)
          ])
      ) { _, _ in
        var response = Answer.text(PageTemplates.style, contentType: Self.css)
        response.headers[.cacheControl] = "public, max-age=31536000, immutable"
        return response
      },
    ]
  }

  private static let css = "text/css; charset=utf-8"
  private static let html = Operation.Result(
    status: 200, meaning: "The page.", schema: nil, contentType: PageTemplates.contentType)

  private func page(
    _ path: String, id: String, _ summary: String, parameters: [Operation.Parameter] = [],
    problems: [Problem.Kind] = [], redirects: String? = nil,
    _ handler: @escaping @Sendable (Request, ServerContext) async throws -> Response
  ) -> Route {
    let toSignIn = redirects ?? "Nobody is signed in; to the sign-in page."
    return Route(
      .get, path, .page(.read), isLimited: true,
      Operation(
        id: id, tag: "dashboard", summary: summary, parameters: parameters,
        results: [
          Self.html,
          .init(
            status: 303, meaning: toSignIn, schema: nil, contentType: PageTemplates.contentType,
            headers: ["Location": "That page."]),
        ], problems: [.invalidFields] + problems), handler: handler)
  }

  private func form(
    _ path: String, _ scope: APIToken.Scope, id: String, _ summary: String,
    _ handler: @escaping @Sendable (Request, ServerContext) async throws -> Response,
    problems: [Problem.Kind] = [.notFound, .conflict]
  ) -> Route {
    Route(
      .post, path, .page(scope), isLimited: true,
      Operation(
        id: id, tag: "dashboard", summary: summary,
        parameters: path.contains("{id}") ? [.id] : [], body: "ActionForm",
        bodyType: FormFields.contentType,
        results: [
          .init(
            status: 303, meaning: "Done; to the page that says so.", schema: nil,
            contentType: PageTemplates.contentType, headers: ["Location": "That page."])
        ], problems: problems), handler: handler)
  }
}

extension Operation.Parameter {
  static let state = Operation.Parameter(
    name: "state", place: .query, schema: Schema.text(), meaning: "Only jobs in this state.")
  static let place = Operation.Parameter(
    name: "place", place: .query, schema: Schema.text(),
    meaning: "Only of places that begin with it, such as `github:owner/name`.")
  static let repository = Operation.Parameter(
    name: "repository", place: .query, schema: Schema.text(), meaning: "`OWNER/NAME` to go to.")
  static let owner = Operation.Parameter(
    name: "owner", place: .path, schema: Schema.text(), meaning: "The repository's owner.")
  static let name = Operation.Parameter(
    name: "name", place: .path, schema: Schema.text(), meaning: "The repository's name.")
  static let days = Operation.Parameter(
    name: "days", place: .query, schema: Schema.integer(from: 1, to: ReportPages.mostDays),
    meaning: "Of the last so many days; 7 where it is not given.")
}

extension Paging {
  /// Of a page for people.
  static let rows = 25

  static func before(_ request: Request) throws -> String? { try Paging(request).before }
}
