import Domain
import Foundation
import Hummingbird

/// What stands before every page: who looks, what they may do, and whether a form is one of ours.
struct DashboardDoor: Sendable {
  static let signIn = "/ui/sign-in"

  let sessions: Sessions
  let cookies: Cookies
  let origins: OriginCheck
  let access: AccessControl
  let limits: ServerLimits
  /// Tokens that were tried and are none, by address.
  let failures: RequestLimiter
  let version: String
  let now: @Sendable () -> Date

  init(
    sessions: Sessions, access: AccessControl, configuration: ServerConfiguration,
    now: @escaping @Sendable () -> Date
  ) {
    self.sessions = sessions
    self.access = access
    self.now = now
    cookies = Cookies(
      isSecure: configuration.publicURL?.lowercased().hasPrefix("https://") ?? false)
    origins = OriginCheck(publicURL: configuration.publicURL)
    limits = configuration.limits
    version = configuration.version
    failures = RequestLimiter(
      perMinute: limits.signInFailuresPerMinute, burst: limits.signInFailuresPerMinute)
  }

  /// Who looks, with a form that was checked where one was sent.
  /// - Parameter scope: `nil` where nobody has to be signed in: who asks then looks themselves.
  /// - Returns: what to answer instead, where the visitor has to sign in first.
  func admit(
    _ request: Request, _ context: inout ServerContext, needing scope: APIToken.Scope?,
    counting limiter: RequestLimiter, refusals: RequestLimiter
  ) async throws -> Response? {
    guard let scope else { return nil }
    do {
      context.visit = try await visit(request.head, peer: context.peer)
    } catch let problem as Problem where problem.kind == .unauthorized {
      if request.head.headerFields[.authorization] != nil {
        try await FrontDoor.take(RequestLimiter.key(address: context.peer), from: refusals)
      }
      guard try await access.anyTokenExists() else { throw problem }
      return try signInFirst(request, problem)
    }
    guard let visit = context.visit else { return nil }
    context.caller = visit.caller
    try await FrontDoor.take(visit.caller.actor, from: limiter)
    guard let own = visit.caller.scope, own >= scope else {
      throw Problem(
        .forbidden,
        "You are signed in with a token of the scope "
          + "`\(visit.caller.scope?.rawValue ?? "none")`; this needs `\(scope.rawValue)`. Sign out, "
          + "and in again with such a token.")
    }
    if request.method == .post {
      guard let bound = visit.formsOf else {
        throw Problem(
          .forbidden, "Forms are for people who are signed in; a program uses the API, see /docs.")
      }
      context.form = try await form(request, context, of: bound)
    }
    return nil
  }

  /// Reads a form that a page of this server gave to this visitor.
  func form(
    _ request: Request, _ context: ServerContext, of visit: String
  ) async throws -> FormFields {
    if let reason = origins.refusal(request.head) {
      throw Problem(
        .forbidden, "The form was not taken, as \(reason). Open the page here and send it again.")
    }
    let form = try await context.readForm(request, limits)
    guard let token = form["csrf"], sessions.isFormToken(token, of: visit) else {
      throw Problem(
        .forbidden,
        "The form was not taken, as it is of an earlier visit. Go back, load the page again and "
          + "send it from there.")
    }
    return form
  }

  /// - Throws: a `Problem`, 401, where nobody is signed in and one would have to be.
  private func visit(_ head: HTTPRequest, peer: String) async throws -> Visit {
    if head.headerFields[.authorization] == nil,
      let text = cookies.value(cookies.session, in: head),
      let session = sessions.session(text, at: now()),
      let token = try await access.token(id: session.token), token.isValid(at: now())
    {
      return Visit(
        caller: Caller(actor: "token:\(token.id)", scope: token.scope), name: token.name,
        session: session, formsOf: session.id)
    }
    let caller = try await access.admit(head, peer: peer, needing: .read)
    return Visit(caller: caller, name: nil, session: nil, formsOf: caller == .local ? "local" : nil)
  }

  private func signInFirst(_ request: Request, _ problem: Problem) throws -> Response {
    guard request.method == .get || request.method == .head,
      request.head.headerFields[.authorization] == nil
    else { throw problem }
    let place = Self.place(request.uri.string) ?? "/"
    let site = request.head.headerFields.first("sec-fetch-site")
    if site == "cross-site" || site == "same-site" {
      // A browser that follows a link of another site leaves the cookie at home. Asked for by a
      // page of ours, it brings it.
      return try PageTemplates.response("hop", HopView(place: place), title: "One moment")
    }
    return DashboardDoor.redirect("\(Self.signIn)?next=\(Self.encoded(place))")
  }

  static func redirect(_ place: String) -> Response {
    var response = PageTemplates.response(
      html: "<!doctype html><title>See other</title><p>See "
        + "<a href=\"\(HTMLText.escaped(place))\">the next page</a>.</p>\n", status: 303)
    response.headers[.location] = place
    return response
  }

  /// A place of the dashboard, and of nobody else.
  static func place(_ text: String) -> String? {
    guard text == "/" || text.hasPrefix("/ui/") || text.hasPrefix("/?"), text.utf8.count <= 1_000,
      text.utf8.allSatisfy({ isPlain($0) || "/?=&%:".utf8.contains($0) }), !text.contains("//")
    else { return nil }
    return text
  }

  static func encoded(_ text: String) -> String {
    var result = ""
    for byte in text.utf8 {
      if isPlain(byte) {
        result.unicodeScalars.append(Unicode.Scalar(byte))
      } else {
        result += "%" + Hexadecimal.of([byte]).uppercased()
      }
    }
    return result
  }

  /// Unreserved by RFC 3986.
  private static func isPlain(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
      UInt8(ascii: "_"), UInt8(ascii: "~"):
      true
    default: false
    }
  }

  // MARK: Problems

  /// A page that says what is wrong and what to do.
  func page(of problem: Problem, _ context: ServerContext) -> Response {
    let view = ProblemView(
      title: problem.kind.title, detail: PageText.block(problem.detail, limit: 2_000),
      errors: problem.errors.map { PageText.line("\($0.field): \($0.message)", limit: 500) },
      request: context.requestID, signIn: problem.kind == .unauthorized ? Self.signIn : nil)
    var response =
      (try? PageTemplates.response(
        "problem", view, title: problem.kind.title, context: context, status: problem.kind.status))
      ?? PageTemplates.response(html: "<!doctype html><p>The page cannot be shown.\n", status: 500)
    for (name, value) in problem.headers where name != "WWW-Authenticate" {
      response.headers.set(name, value)
    }
    return response
  }
}

struct HopView { var place: String }

struct ProblemView {
  var title: String
  var detail: String
  var errors: [String]
  var request: String
  var signIn: String?
}
