import Domain
import Foundation
import Hummingbird
import Logging
import Metrics
import NIOCore

/// What every request passes: routing, access, limits, then its route; every error leaves as a
/// problem document, and every answer is logged and counted.
struct FrontDoor: HTTPResponder {
  let table: RouteTable
  let access: AccessControl
  let dashboard: DashboardDoor
  let tokenLimiter: RequestLimiter
  let addressLimiter: RequestLimiter
  let bodies: BodyBudget
  let factory: any MetricsFactory
  let logger: Logger

  @Sendable func respond(to request: Request, context: ServerContext) async throws -> Response {
    let start = ContinuousClock.now
    var context = context
    context.logger = logger
    let share = BodyShare(of: bodies)
    defer { share.giveBack() }
    context.share = share
    context.logger[metadataKey: "request"] = .string(context.requestID)
    let running = Meter(label: "stet_http_requests_running", factory: factory)
    running.increment()
    defer { running.decrement() }

    let path = String(request.uri.string.prefix { $0 != "?" })
    var route: Route?
    var response: Response
    do {
      switch table.match(request.method, path) {
      case .unknown:
        throw Problem(.notFound, "Nothing is served at this place; /docs shows what is.")
      case .wrongMethod(let allowed):
        let methods = Set(allowed.map(\.rawValue)).sorted().joined(separator: ", ")
        throw Problem(
          .methodNotAllowed, "This place takes \(methods).", headers: ["Allow": methods])
      case .found(let found, let parameters):
        route = found
        response = try await answer(request, &context, found, parameters)
      }
    } catch {
      response =
        route?.access.isPage == true
        ? dashboard.page(of: problem(error, context), context) : refusal(error, context)
    }
    if request.method == .head { response = response.createHeadResponse() }
    secure(&response, context)
    if request.hasBody, !context.body.isFinished { closeSoon(&response, context) }
    report(request, response, route, ContinuousClock.now - start, context)
    return response
  }

  private func answer(
    _ request: Request, _ context: inout ServerContext, _ route: Route,
    _ parameters: [String: String]
  ) async throws -> Response {
    context.parameters = parameters
    if case .page(let scope) = route.access {
      context.dashboard = dashboard
      context.here = route.path
      let instead = try await dashboard.admit(
        request, &context, needing: scope, counting: tokenLimiter, refusals: addressLimiter)
      if let instead { return instead }
      context.logger[metadataKey: "caller"] = .string(context.caller.actor)
      return try await route.handler(request, context)
    }
    if let scope = route.access.scope {
      do {
        context.caller = try await access.admit(
          request.head, peer: context.peer, needing: scope,
          opensToThisMachine: route.access.opensToThisMachine)
      } catch let problem as Problem {
        // Only who is refused counts by address: all who come through a proxy have the same one.
        if route.isLimited {
          try await Self.take(RequestLimiter.key(address: context.peer), from: addressLimiter)
        }
        throw problem
      }
      context.logger[metadataKey: "caller"] = .string(context.caller.actor)
      if route.isLimited { try await Self.take(context.caller.actor, from: tokenLimiter) }
    }
    return try await route.handler(request, context)
  }

  static func take(_ key: String, from limiter: RequestLimiter) async throws {
    guard let wait = await limiter.take(key) else { return }
    let seconds = Int((wait / .seconds(1)).rounded(.up))
    throw Problem(
      .tooManyRequests, "Too many requests came at once. Try again in \(seconds) s.",
      headers: ["Retry-After": "\(max(1, seconds))"])
  }

  private func refusal(_ error: any Error, _ context: ServerContext) -> Response {
    problem(error, context).response(instance: context.requestID)
  }

  private func problem(_ error: any Error, _ context: ServerContext) -> Problem {
    let problem = Problem.of(error)
    if !(error is Problem) {
      context.logger.error(
        "a request failed",
        metadata: ["error": .string(SecretMask.masked(String(describing: error)).text)])
    }
    return problem
  }

  private func secure(_ response: inout Response, _ context: ServerContext) {
    response.headers.set("X-Request-ID", context.requestID)
    response.headers.set("X-Content-Type-Options", "nosniff")
    if response.headers.first("referrer-policy") == nil {
      response.headers.set("Referrer-Policy", "no-referrer")
    }
    response.headers.set("X-Frame-Options", "DENY")
    if response.headers[.cacheControl] == nil { response.headers[.cacheControl] = "no-store" }
    if response.headers.first("content-security-policy") == nil {
      response.headers.set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
    }
  }

  /// A body that nobody reads would be drained for as long as its sender likes. The client has time
  /// to read the answer; a close at once would reset the connection over it.
  private func closeSoon(_ response: inout Response, _ context: ServerContext) {
    response.headers[.connection] = "close"
    context.channel.eventLoop.scheduleTask(in: .seconds(2)) { [channel = context.channel] in
      channel.close(promise: nil)
    }
  }

  private func report(
    _ request: Request, _ response: Response, _ route: Route?, _ time: Duration,
    _ context: ServerContext
  ) {
    let place = route?.path ?? "none"
    let method = Self.methods.contains(request.method) ? request.method.rawValue : "other"
    Counter(
      label: "stet_http_requests_total",
      dimensions: [
        ("method", method), ("route", place), ("status", "\(response.status.code)"),
      ], factory: factory
    ).increment()
    let nanoseconds = time / .nanoseconds(1)
    Metrics.Timer(
      label: "stet_http_request_seconds", dimensions: [("method", method), ("route", place)],
      factory: factory
    ).recordNanoseconds(Int64(nanoseconds))
    context.logger.debug(
      "answered a request",
      metadata: [
        "method": .string(method), "route": .string(place),
        "query": .string(Self.masked(query: request.uri.query)),
        "status": .stringConvertible(response.status.code),
        "milliseconds": .stringConvertible((nanoseconds / 1e6 * 100).rounded() / 100),
        "peer": .string(context.peer),
      ])
  }

  private static let methods: Set<HTTPRequest.Method> = [
    .get, .head, .post, .put, .patch, .delete, .options,
  ]

  /// The names of a query without its values, of which one may be a secret put in the wrong place.
  static func masked(query: String?) -> String {
    (query ?? "").split(separator: "&").prefix(10)
      .map { SecretMask.masked(String($0.prefix { $0 != "=" }.prefix(30))).text + "=…" }
      .joined(separator: "&")
  }
}
