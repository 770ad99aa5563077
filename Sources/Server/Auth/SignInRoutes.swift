import Domain
import Foundation
import Hummingbird
import UseCases

/// Where a forge sends people back to who opened the link of a pull request.
///
/// Nobody is signed in on this server by it, and no cookie is set: all that counts is which account
/// the forge names, which has to be the one that asked.
struct SignInRoutes: Sendable {
  let ports: ServerPorts

  static let path = "/oauth/{forge}/callback"

  var routes: [Route] {
    [
      Route(
        .get, Self.path, .page(nil),
        Operation(
          id: "finishSignIn", tag: "accounts",
          summary: "Takes back whoever signed in on a forge",
          detail: "A browser comes here from the forge, by the link that a comment has given. Each "
            + "link is good for the account that asked, once, for ten minutes.",
          parameters: [
            .init(
              name: "forge", place: .path, schema: Schema.text(), meaning: "Such as `github`."),
            .init(
              name: "state", place: .query, schema: Schema.text(),
              meaning: "What the link held."),
            .init(
              name: "code", place: .query, schema: Schema.text(),
              meaning: "What the forge gives a token for."),
            .init(
              name: "error", place: .query, schema: Schema.text(),
              meaning: "Why the forge gives none, such as `access_denied`."),
          ],
          results: [
            .init(
              status: 200, meaning: "Signed in; what was asked goes on.", schema: nil,
              contentType: PageTemplates.contentType)
          ],
          problems: [.malformed, .forbidden, .notFound, .conflict, .tooManyRequests, .unavailable]),
        handler: finish)
    ]
  }

  @Sendable private func finish(
    _ request: Request, _ context: ServerContext
  ) async throws -> Response {
    guard request.method == .get else {
      throw Problem(.malformed, "A sign-in is finished by a GET.")
    }
    guard let signIns = ports.signIns else {
      throw Problem(
        .unavailable,
        "Signing in is not set up here: GITHUB_OAUTH_CLIENT_ID, GITHUB_OAUTH_CLIENT_SECRET and "
          + "STET_PUBLIC_URL are needed.")
    }
    let forge = context.parameter("forge")
    guard forge == signIns.forge else { throw Problem.unknown("sign-in for", forge) }
    let query = Query(request)
    let ending = try await signIns.finish(
      state: query["state"], code: query["code"], refusal: query["error"])
    if case .signedIn(let login) = ending {
      return Self.page(
        "Signed in as \(PageText.line(login, limit: 70))",
        "What you asked for on the pull request goes on by itself. You can close this page. "
          + "Whenever you like, you can take the access back in the forge's settings, under "
          + "authorized applications.", status: 200)
    }
    if let door = context.dashboard {
      try await FrontDoor.take(RequestLimiter.key(address: context.peer), from: door.failures)
    }
    let (why, kind) = Self.told(ending)
    var response = Self.page("Not signed in", why, status: kind.status)
    if case .failed(_, isPassing: true) = ending { response.headers.set("Retry-After", "30") }
    return response
  }

  private static func page(_ title: String, _ text: String, status: Int) -> Response {
    var response = Page.response(
      title: title,
      body: """
        <main>
        <h1>\(HTMLText.escaped(title))</h1>
        <p>\(HTMLText.escaped(text))</p>
        </main>
        """)
    response.status = HTTPResponse.Status(code: status)
    // Its address holds the code.
    response.headers.set("Referrer-Policy", "no-referrer")
    return response
  }

  /// What a visitor reads who was not signed in.
  private static func told(_ ending: SignIns.Ending) -> (String, Problem.Kind) {
    let again = "Ask again on the pull request for a new link."
    switch ending {
    case .signedIn: return ("", .failed)
    case .unknownState:
      return (
        "This is no link that this Stet has given, or it was over long ago. \(again)", .notFound
      )
    case .used:
      return ("This link was used: each is good for one sign-in. \(again)", .conflict)
    case .wornOut: return ("This link was tried too often. \(again)", .conflict)
    case .expired: return ("The ten minutes of this link are over. \(again)", .conflict)
    case .refused:
      return (
        "The forge has not let you in, or you have said no. Nothing was read. Until its ten minutes "
          + "are over you may open the link again.", .forbidden
      )
    case .otherAccount(let asked, let came):
      return (
        "On the forge you are signed in as \(PageText.line(came, limit: 70)), and this link is for "
          + "\(PageText.line(asked, limit: 70)), who asked for it. Nothing of your account is kept.",
        .forbidden
      )
    case .failed(let why, let isPassing):
      let then = isPassing ? "Open the link of the pull request again in a while." : again
      return ("The forge gave no token: \(PageText.block(why, limit: 600)) \(then)", .unavailable)
    }
  }
}
