import Domain
import Hummingbird

/// Health, metrics, and what describes the rest.
struct SystemRoutes {
  let ports: ServerPorts
  let configuration: ServerConfiguration

  var routes: [Route] {
    [
      Route(
        .get, "/healthz", .open,
        Operation(
          id: "healthz", tag: "system", summary: "Says that the server lives",
          results: [.init(status: 200, meaning: "It lives.", schema: "Live")])
      ) { _, _ in Answer.json(.object(["status": .string("ok")])) },
      Route(
        .get, "/readyz", .open,
        Operation(
          id: "readyz", tag: "system", summary: "Says whether the server can do its work",
          results: [
            .init(status: 200, meaning: "It can.", schema: "Ready"),
            .init(status: 503, meaning: "Something it needs does not work.", schema: "Ready"),
          ]), handler: ready),
      Route(
        .get, "/metrics", .thisMachine(.read),
        Operation(
          id: "metrics", tag: "system", summary: "Metrics for Prometheus, text format 0.0.4",
          detail: "Programs of this machine need no token, unless the server has a public "
            + "address.",
          results: [
            .init(
              status: 200, meaning: "The metrics.", schema: nil,
              contentType: PrometheusText.contentType)
          ])
      ) { [metrics = ports.metrics] _, _ in
        guard let metrics else {
          throw Problem(.unavailable, "This server was started without metrics.")
        }
        return Answer.text(metrics.text(), contentType: PrometheusText.contentType)
      },
    ]
  }

  /// The routes that describe all others, themselves included.
  func describing(_ others: [Route]) -> [Route] {
    let html = "text/html; charset=utf-8"
    var all = others
    let own = [
      Route(
        .get, "/openapi.json", .open,
        Operation(
          id: "openapi", tag: "system", summary: "This description",
          results: [
            .init(status: 200, meaning: "An OpenAPI 3.1 document.", schema: "Description")
          ])
      ) { _, _ in Answer.json(.null) },
      Route(
        .get, "/docs", .open,
        Operation(
          id: "docs", tag: "system", summary: "This description, as a page",
          results: [.init(status: 200, meaning: "A page.", schema: nil, contentType: html)])
      ) { _, _ in Answer.json(.null) },
    ]
    all += own
    let document = Description.document(of: all)
    let page = DocsPage.text(of: all, version: configuration.version)
    for index in all.indices {
      switch all[index].path {
      case "/openapi.json": all[index].handler = { _, _ in Answer.json(document) }
      case "/docs": all[index].handler = { _, _ in Page.response(title: "API", body: page) }
      default: break
      }
    }
    return all
  }

  @Sendable private func ready(
    _ request: Request, _ context: ServerContext
  ) async throws -> Response {
    var checks: [JSONValue] = []
    var isReady = true
    for check in ports.readiness {
      let problem = await Self.problem(of: check)
      if problem != nil { isReady = false }
      checks.append(
        .object([
          "name": .string(check.name), "ok": .bool(problem == nil),
          "problem": Answer.optional(problem.map { SecretMask.masked($0).text }),
        ]))
    }
    return Answer.json(
      .object([
        "status": .string(isReady ? "ready" : "not_ready"), "checks": .array(checks),
      ]), status: isReady ? 200 : 503)
  }

  private static func problem(of check: ReadinessCheck) async -> String? {
    do {
      let answer = try await within(.seconds(5)) { CheckAnswer(problem: await check.problem()) }
      return answer.map(\.problem) ?? "It did not answer within 5 s."
    } catch {
      return "It was stopped."
    }
  }
}

private struct CheckAnswer: Sendable {
  var problem: String?
}
