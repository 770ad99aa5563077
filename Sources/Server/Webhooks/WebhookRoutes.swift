import Domain
import Hummingbird
import Jobs
import Logging
import Metrics
import UseCases

/// `POST /webhooks/FORGE`: stores a delivery with the job that will look at it, and nothing else,
/// before it answers.
struct WebhookRoutes {
  let ports: ServerPorts
  let limits: ServerLimits
  let factory: any MetricsFactory

  var routes: [Route] {
    ports.webhooks.map { reader in
      Route(
        .post, "/webhooks/\(reader.forge)", .open,
        Operation(
          id: "receive-\(reader.forge)", tag: "webhooks",
          summary: "Takes a webhook of \(reader.forge)",
          detail: "Proved by its signature alone. Nothing but the storing of it is done before the "
            + "answer.",
          body: "Delivery",
          results: [
            .init(status: 202, meaning: "Stored, with its job.", schema: "Accepted"),
            .init(status: 200, meaning: "Seen before.", schema: "Duplicate"),
          ], problems: [.unsigned, .unavailable])
      ) { request, context in
        do {
          return try await receive(request, context, reader)
        } catch let problem as Problem {
          count(reader.forge, problem.kind == .unavailable ? "failed" : "refused")
          throw problem
        } catch {
          count(reader.forge, "failed")
          throw error
        }
      }
    }
  }

  private func receive(
    _ request: Request, _ context: ServerContext, _ reader: any WebhookReader
  ) async throws -> Response {
    try request.requireJSON(
      otherwise: " Choose `application/json` as the content type in the webhook's settings.")
    // What its headers alone refuse takes no memory for a body.
    if let error = reader.refusal(header: { request.headers.first($0) }) {
      throw Self.problem(error)
    }
    let body = try await context.read(
      request, limit: limits.webhookBody, deadline: limits.bodyDeadline)
    let identity: WebhookIdentity
    do {
      identity = try reader.verify(body: body) { request.headers.first($0) }
    } catch {
      throw Self.problem(error)
    }

    let id = "\(reader.forge):\(identity.delivery)"
    let work = Work.HandleDelivery(delivery: id, event: identity.event)
    let acceptance = try await ports.inbox.accept(
      Delivery(id: id, event: identity.event, meaning: identity.meaning, body: body),
      enqueuing: NewJob(kind: Work.HandleDelivery.kind, arguments: try work.json()))
    switch acceptance {
    case .accepted(let job):
      count(reader.forge, "accepted")
      context.logger.info(
        "a webhook was stored",
        metadata: [
          "delivery": .string(id), "event": .string(identity.event), "job": .string(job),
        ])
      return Answer.json(
        .object(["delivery": .string(identity.delivery), "job": .string(job)]), status: 202)
    case .duplicate:
      count(reader.forge, "duplicate")
      return Answer.json(
        .object(["delivery": .string(identity.delivery), "duplicate": .bool(true)]))
    }
  }

  private static func problem(_ error: WebhookError) -> Problem {
    let detail = SecretMask.masked(error.detail).text
    return switch error.code {
    case .notConfigured: Problem(.unavailable, detail)
    case .unsigned, .wrongSignature:
      Problem(.unsigned, detail, headers: ["WWW-Authenticate": "Signature"])
    case .malformed: Problem(.malformed, detail)
    }
  }

  private func count(_ forge: String, _ result: String) {
    Counter(
      label: "stet_deliveries_total", dimensions: [("forge", forge), ("result", result)],
      factory: factory
    ).increment()
  }
}
