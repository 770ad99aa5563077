import Domain
import Foundation
import Hummingbird

/// Signing in with an API token, and out.
struct SignInPages {
  struct View {
    var next: String
    var csrf: String
    /// What was wrong with the last try.
    var mistake: String?
    /// No token was ever made.
    var hasNoTokens: Bool
  }

  let ports: ServerPorts

  private static let visitSeconds = 3_600

  @Sendable func show(_ request: Request, _ context: ServerContext) async throws -> Response {
    let next = Query(request)["next"].flatMap(DashboardDoor.place) ?? "/"
    return try await page(request, context, next: next, mistake: nil)
  }

  private func page(
    _ request: Request, _ context: ServerContext, next: String, mistake: String?,
    status: Int = 200
  ) async throws -> Response {
    guard let door = context.dashboard else { throw Problem(.failed, "There is no dashboard.") }
    let known = door.cookies.value(door.cookies.visit, in: request.head).flatMap {
      $0.utf8.count == 24 ? $0 : nil
    }
    let visit = known ?? Sessions.random()
    let view = View(
      next: next, csrf: door.sessions.formToken(of: "visit \(visit)"), mistake: mistake,
      hasNoTokens: try await !door.access.anyTokenExists())
    var response = try PageTemplates.response(
      "signin", view, title: "Sign in", context: context, status: status)
    if known == nil {
      door.cookies.set(door.cookies.visit, visit, seconds: Self.visitSeconds, in: &response)
    }
    return response
  }

  @Sendable func signIn(_ request: Request, _ context: ServerContext) async throws -> Response {
    guard let door = context.dashboard else { throw Problem(.failed, "There is no dashboard.") }
    guard let visit = door.cookies.value(door.cookies.visit, in: request.head) else {
      throw Problem(
        .forbidden,
        "The form came without the cookie of its page. Allow cookies for this site, load the "
          + "sign-in page again and send it from there.")
    }
    let form = try await door.form(request, context, of: "visit \(visit)")
    let next = form["next"].flatMap(DashboardDoor.place) ?? "/"
    let text = (form["token"] ?? "").trimmingCharacters(in: .whitespacesAndNewlines)
    guard let token = try await door.access.token(text), token.isValid(at: door.now()) else {
      // Who has a valid token is not held back by others who guess behind the same proxy.
      try await FrontDoor.take(RequestLimiter.key(address: context.peer), from: door.failures)
      return try await page(
        request, context, next: next,
        mistake: "This token is unknown, revoked or expired. `stet token list` shows which there "
          + "are, `stet token create NAME` makes one.", status: 401)
    }
    let session = door.sessions.begin(for: token, at: door.now())
    try await note("session.begun", token.id)
    var response = DashboardDoor.redirect(next)
    let seconds = Int(session.expiresAt.timeIntervalSince(door.now()).rounded(.up))
    door.cookies.set(
      door.cookies.session, door.sessions.text(of: session), seconds: seconds, in: &response)
    door.cookies.set(door.cookies.visit, "", seconds: 0, in: &response)
    return response
  }

  @Sendable func signOut(_ request: Request, _ context: ServerContext) async throws -> Response {
    guard let door = context.dashboard, let session = context.visit?.session else {
      return DashboardDoor.redirect("/")
    }
    door.sessions.end(session, at: door.now())
    try await note("session.ended", session.token)
    var response = DashboardDoor.redirect(DashboardDoor.signIn)
    door.cookies.set(door.cookies.session, "", seconds: 0, in: &response)
    return response
  }

  private func note(_ action: String, _ token: String) async throws {
    try await ports.audit.append(
      AuditEvent(
        actor: "token:\(token)", action: action, place: "token:\(token)", decidedBy: "dashboard"))
  }
}
