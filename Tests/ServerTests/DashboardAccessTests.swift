import Domain
import Foundation
import Hummingbird
import Jobs
import Testing
import UseCases

@testable import Server

/// Who sees the pages, and whose forms are taken.
@Suite struct DashboardAccessTests {
  private static let pages = [
    "/", "/ui/runs", "/ui/jobs", "/ui/issues", "/ui/audit", "/ui/reports", "/ui/runs/x",
    "/ui/reports/octo-org/shop",
  ]

  // MARK: While no token exists

  @Test func aProgramOfThisMachineSeesItWhileNoTokenExists() async throws {
    try await withServer { server async throws in
      var visitor = DashboardVisitor(server)
      let page = try await visitor.get("/")
      #expect(page.status == 200)
      #expect(page.text.contains("This machine, without a token"))
      #expect(!page.text.contains("Sign out"))
      #expect(visitor.cookies.isEmpty)
    }
  }

  @Test(arguments: [
    ["Host": "stet.example.org"], ["X-Forwarded-For": "127.0.0.1"], ["Via": "1.1 proxy"],
    ["Origin": "https://example.org"], ["Sec-Fetch-Site": "cross-site"],
  ])
  func whatATunnelOrAnotherSiteSendsIsRefused(headers: [String: String]) async throws {
    try await withServer { server async throws in
      var visitor = DashboardVisitor(server)
      visitor.headers = headers
      for path in Self.pages {
        let page = try await visitor.get(path)
        #expect(page.status == 401, "\(path)")
        #expect(page.headers["content-type"] == "text/html; charset=utf-8")
        #expect(page.text.contains("stet token create"))
      }
    }
  }

  @Test func aPublicAddressClosesItUntilThereIsAToken() async throws {
    try await withServer({ _, configuration in
      configuration.publicURL = "https://stet.example.org"
    }) { server async throws in
      var visitor = DashboardVisitor(server)
      #expect(try await visitor.get("/").status == 401)
      #expect(try await visitor.get(DashboardDoor.signIn).text.contains("No API token exists yet"))
    }
  }

  @Test func formsOfThisMachineNeedTheirTokenAndTheirOrigin() async throws {
    try await withServer { server async throws in
      let job = try await DashboardScene.giveUp(server.ports)
      let place = "/ui/jobs/\(job)/retry"
      var visitor = DashboardVisitor(server)
      try await visitor.get("/ui/jobs")
      let csrf = visitor.csrf
      #expect(csrf.utf8.count == 43)
      for (wrong, origin) in [("", nil), ("x", nil), (csrf, "https://example.org"), (csrf, "null")]
        as [(String, String?)]
      {
        visitor.headers["Origin"] = origin
        let answer = try await visitor.post(place, csrf: wrong)
        #expect([401, 403].contains(answer.status), "\(wrong) \(origin ?? "own")")
      }
      #expect(try await server.ports.jobs.job(id: job)?.state == .discarded)
      visitor.headers["Origin"] = nil
      #expect(try await visitor.post(place, csrf: csrf).status == 303)
      #expect(try await server.ports.jobs.job(id: job)?.state == .available)
      // Without an Origin at all, as no browser sends a form.
      let bare = try await server.call(
        "POST", place, headers: ["Content-Type": FormFields.contentType], body: "csrf=\(csrf)")
      #expect(bare.status == 403)
    }
  }

  // MARK: Signing in

  @Test func onceATokenExistsTheSignInPageStandsBefore() async throws {
    try await withServer { server async throws in
      let (text, token) = try await server.makeToken(.admin)
      var visitor = DashboardVisitor(server)
      try await eventually { try await visitor.get("/").status == 303 }
      for path in Self.pages {
        let answer = try await visitor.get(path)
        #expect(answer.status == 303, "\(path)")
        #expect(answer.headers["location"]?.hasPrefix("/ui/sign-in?next=") == true)
      }
      let signedIn = try await visitor.signIn(text, next: "/ui/jobs?state=discarded")
      #expect(signedIn.status == 303)
      #expect(signedIn.headers["location"] == "/ui/jobs?state=discarded")
      let cookie = try #require(signedIn.setCookies.first { $0.hasPrefix("stet_session=") })
      #expect(cookie.contains("; HttpOnly") && cookie.contains("; SameSite=Strict"))
      #expect(cookie.contains("; Path=/;") && !cookie.contains("Secure"))
      #expect(cookie.firstMatch(of: /Max-Age=(\d+)/).flatMap { Int($0.1) } == 12 * 3_600)
      #expect(!cookie.contains(text) && !cookie.contains(token.hash))
      let page = try await visitor.get("/")
      #expect(page.status == 200 && page.text.contains("Sign out"))
      #expect(page.text.contains("test, admin"))
      let begun = try await server.ports.audit.entries(before: nil, limit: 1)[0].event
      #expect(begun.action == "session.begun" && begun.actor == "token:\(token.id)")
    }
  }

  @Test func theCookieIsOfTLSWhereThePublicAddressIs() async throws {
    try await withServer({ _, configuration in
      configuration.publicURL = "https://stet.example.org"
    }) { server async throws in
      let (text, _) = try await server.makeToken(.read)
      var visitor = DashboardVisitor(server)
      visitor.headers = ["Host": "stet.example.org", "Origin": "https://stet.example.org"]
      let answer = try await visitor.signIn(text)
      let cookie = try #require(answer.setCookies.first { $0.hasPrefix("__Host-stet_session=") })
      #expect(cookie.hasSuffix("; Secure") && cookie.contains("; Path=/;"))
      visitor.headers["Origin"] = nil
      #expect(try await visitor.get("/").status == 200)
      // One that was set without TLS is not looked at.
      let value = try #require(visitor.cookies["__Host-stet_session"])
      visitor.cookies = ["stet_session": value]
      #expect(try await visitor.get("/").status == 303)
    }
  }

  @Test func aWrongTokenIsToldAndGuessingIsLimited() async throws {
    try await withServer({ _, configuration in
      configuration.limits.signInFailuresPerMinute = 3
    }) { server async throws in
      let (text, _) = try await server.makeToken(.read)
      let (old, _) = try await server.makeToken(.read, expiresAt: Date().addingTimeInterval(-1))
      var visitor = DashboardVisitor(server)
      var statuses: [Int] = []
      for wrong in [TokenText.make(), old, "", "<script>", String(repeating: "x", count: 900)] {
        let answer = try await visitor.signIn(wrong)
        statuses.append(answer.status)
        #expect(visitor.cookies["stet_session"] == nil)
        if answer.status == 401 { #expect(answer.text.contains("unknown, revoked or expired")) }
        if answer.status == 429 { #expect(answer.headers["retry-after"] != nil) }
      }
      #expect(statuses == [401, 401, 401, 429, 429])
      // Nobody who guesses behind the same proxy locks others out.
      #expect(try await visitor.signIn(text).status == 303)
    }
  }

  @Test(arguments: [
    "https://example.org/", "//example.org", "/\\example.org", "javascript:alert(1)",
    "/ui/../..//example.org", "/v1/jobs", "/ui/runs\r\nX: y", "/uix",
  ])
  func itGoesToNoOtherPlaceThan(next: String) async throws {
    try await withServer { server async throws in
      let (text, _) = try await server.makeToken(.read)
      var visitor = DashboardVisitor(server)
      #expect(try await visitor.signIn(text, next: next).headers["location"] == "/")
    }
  }

  @Test func theSignInFormNeedsItsCookieTokenAndOrigin() async throws {
    try await withServer { server async throws in
      let (text, _) = try await server.makeToken(.read)
      var visitor = DashboardVisitor(server)
      try await visitor.get(DashboardDoor.signIn)
      let (csrf, cookies) = (visitor.csrf, visitor.cookies)
      visitor.cookies = [:]
      #expect(
        try await visitor.post(DashboardDoor.signIn, ["token": text], csrf: csrf).status == 403)
      visitor.cookies = ["stet_visit": "another"]
      #expect(
        try await visitor.post(DashboardDoor.signIn, ["token": text], csrf: csrf).status == 403)
      visitor.cookies = cookies
      visitor.headers["Origin"] = "https://example.org"
      #expect(
        try await visitor.post(DashboardDoor.signIn, ["token": text], csrf: csrf).status == 403)
      visitor.headers["Origin"] = nil
      visitor.headers["Sec-Fetch-Site"] = "cross-site"
      #expect(
        try await visitor.post(DashboardDoor.signIn, ["token": text], csrf: csrf).status == 403)
      visitor.headers = [:]
      #expect(
        try await visitor.post(DashboardDoor.signIn, ["token": text], csrf: csrf).status == 303)
    }
  }

  // MARK: Sessions

  @Test func aSessionEndsWithItsTokenItsTimeAndByWish() async throws {
    let clock = DateClock()
    try await withServer({ ports, _ in ports.now = { clock.now } }) { server async throws in
      let (text, token) = try await server.makeToken(
        .read, expiresAt: clock.now.addingTimeInterval(100_000))
      var visitor = DashboardVisitor(server)
      #expect(try await visitor.signIn(text).status == 303)
      let kept = visitor.cookies
      #expect(try await visitor.get("/").status == 200)

      clock.advance(12 * 3_600 + 1)
      #expect(try await visitor.get("/").status == 303)

      visitor.cookies = [:]
      _ = try await visitor.signIn(text)
      try await visitor.get("/")
      let second = visitor.cookies
      #expect(try await visitor.post("/ui/sign-out").headers["location"] == DashboardDoor.signIn)
      #expect(visitor.cookies["stet_session"] == nil)
      // A cookie that somebody kept is of no use either.
      for old in [kept, second] {
        visitor.cookies = old
        #expect(try await visitor.get("/").status == 303)
      }

      visitor.cookies = [:]
      _ = try await visitor.signIn(text)
      #expect(try await visitor.get("/").status == 200)
      _ = try await server.ports.tokens.revoke(id: token.id, at: clock.now)
      try await eventually { try await visitor.get("/").status == 303 }
    }
  }

  @Test func aCookieThatWasChangedOrMadeElsewhereIsNone() async throws {
    try await withServer { server async throws in
      let (text, token) = try await server.makeToken(.read)
      let (_, other) = try await server.makeToken(.admin)
      var visitor = DashboardVisitor(server)
      _ = try await visitor.signIn(text)
      let good = try #require(visitor.cookies["stet_session"])
      let elsewhere = Sessions(secret: nil)
      let forged = elsewhere.text(of: elsewhere.begin(for: other, at: Date()))
      let bad = [
        "", ".", "...", good + "x", String(good.dropLast()),
        good.replacing(token.id, with: other.id), forged,
        text, String(repeating: "a", count: 5_000),
        // Times of which no date can be made.
        "a.b.\(Int64.max).c", "a.b.\(Int64.min).c", "a.b.nan.c",
      ]
      for value in bad {
        visitor.cookies["stet_session"] = value
        let answer = try await visitor.get("/")
        #expect(answer.status == 303, "\(value.prefix(300)): \(answer.text.prefix(2_000))")
      }
      visitor.cookies["stet_session"] = good
      #expect(try await visitor.get("/").status == 200)
    }
  }

  @Test func noChangeOfASessionsTextPasses() {
    let now = Date()
    let token = APIToken(
      id: "t1", name: "a", scope: .read, hash: "h", createdAt: now, expiresAt: nil)
    for _ in 0..<300 {
      let sessions = Sessions(secret: nil)
      let text = sessions.text(of: sessions.begin(for: token, at: now))
      #expect(sessions.session(text, at: now) != nil)
      let head = String(text.prefix { $0 != "." })
      let changed =
        [text + "x", text + "=", text + "==", text + ".", String(text.dropLast())]
        + [String(text.dropLast(2)), text.replacing(head, with: "t2"), " " + text, text + " "]
      for other in changed { #expect(sessions.session(other, at: now) == nil, "\(text) \(other)") }
    }
  }

  @Test func aSessionLivesOnInEveryServerOfTheSameKey() {
    let now = Date()
    let token = APIToken(
      id: "t1", name: "a", scope: .read, hash: "h", createdAt: now,
      expiresAt: now.addingTimeInterval(60))
    let key = [UInt8](repeating: 7, count: 32)
    let (one, two) = (Sessions(secret: key), Sessions(secret: key))
    let session = one.begin(for: token, at: now)
    #expect(session.expiresAt <= now.addingTimeInterval(60))
    let text = one.text(of: session)
    #expect(two.session(text, at: now) == session)
    #expect(two.session(text, at: now.addingTimeInterval(61)) == nil)
    #expect(Sessions(secret: [UInt8](repeating: 8, count: 32)).session(text, at: now) == nil)
    // A form's token is no session's, and of one session only.
    #expect(one.isFormToken(two.formToken(of: session.id), of: session.id))
    #expect(!one.isFormToken(two.formToken(of: session.id), of: "other"))
    #expect(!one.isFormToken("", of: session.id))
  }

  // MARK: What may be done

  @Test(arguments: [
    (APIToken.Scope.read, [403, 403]), (.write, [303, 403]), (.admin, [303, 303]),
  ])
  func aScopeDecidesWhatMayBeDone(scope: APIToken.Scope, statuses: [Int]) async throws {
    try await withServer { server async throws in
      let proposal = try await DashboardScene.propose(server.ports)
      let job = try await DashboardScene.giveUp(server.ports)
      let (text, _) = try await server.makeToken(scope)
      var visitor = DashboardVisitor(server)
      _ = try await visitor.signIn(text)
      let issues = try await visitor.get("/ui/issues").text
      #expect(issues.contains("/confirm") == (scope >= .write))
      let jobs = try await visitor.get("/ui/jobs").text
      #expect(jobs.contains("/retry") == (scope >= .admin))
      let csrf = visitor.csrf
      #expect(
        try await visitor.post("/ui/issues/\(proposal)/confirm", csrf: csrf).status == statuses[0])
      #expect(try await visitor.post("/ui/jobs/\(job)/retry", csrf: csrf).status == statuses[1])
    }
  }

  @Test func theTokenOfAnotherSessionsFormIsNotTaken() async throws {
    try await withServer { server async throws in
      let job = try await DashboardScene.giveUp(server.ports)
      let (text, _) = try await server.makeToken(.admin)
      var (one, two) = (DashboardVisitor(server), DashboardVisitor(server))
      _ = try await one.signIn(text)
      _ = try await two.signIn(text)
      try await two.get("/ui/jobs")
      let answer = try await one.post("/ui/jobs/\(job)/retry", csrf: two.csrf)
      #expect(answer.status == 403 && answer.text.contains("load the page again"))
      #expect(try await server.ports.jobs.job(id: job)?.state == .discarded)
    }
  }

  @Test func aProgramWithATokenReadsAndSendsNoForms() async throws {
    try await withServer { server async throws in
      let job = try await DashboardScene.giveUp(server.ports)
      let (text, _) = try await server.makeToken(.admin)
      var visitor = DashboardVisitor(server)
      visitor.headers = ["Authorization": "Bearer \(text)"]
      let page = try await visitor.get("/ui/jobs")
      #expect(page.status == 200 && !page.text.contains("<button>"))
      #expect(try await visitor.post("/ui/jobs/\(job)/retry", csrf: "x").status == 403)
      visitor.headers = ["Authorization": "Bearer nonsense"]
      #expect(try await visitor.get("/ui/jobs").status == 401)
    }
  }

  @Test func guessingByHeaderIsLimitedByAddressHereToo() async throws {
    try await withServer({ _, configuration in
      configuration.limits.requestBurstPerAddress = 2
      configuration.limits.requestsPerMinutePerAddress = 1
    }) { server async throws in
      _ = try await server.makeToken()
      var visitor = DashboardVisitor(server)
      visitor.headers = ["Authorization": "Bearer \(TokenText.make())"]
      var statuses: [Int] = []
      for _ in 0..<3 { statuses.append(try await visitor.get("/").status) }
      #expect(statuses == [401, 401, 429])
    }
  }

  @Test func aLinkOfAnotherSiteComesInByAPageOfOurs() async throws {
    try await withServer { server async throws in
      _ = try await server.makeToken(.admin)
      var visitor = DashboardVisitor(server)
      try await eventually { try await visitor.get("/").status == 303 }
      visitor.headers = ["Sec-Fetch-Site": "cross-site"]
      let hop = try await visitor.get("/ui/jobs?state=discarded")
      #expect(hop.status == 200)
      #expect(hop.text.contains("content=\"0; url=/ui/jobs?state=discarded\""))
      visitor.headers = ["Sec-Fetch-Site": "same-origin"]
      #expect(try await visitor.get("/ui/jobs?state=discarded").status == 303)
    }
  }

  @Test func everyPageIsKeptToItself() async throws {
    try await withServer { server async throws in
      var visitor = DashboardVisitor(server)
      for path in Self.pages + [DashboardDoor.signIn, "/ui/jobs?state=nonsense"] {
        let page = try await visitor.get(path)
        let policy = page.headers["content-security-policy"] ?? ""
        #expect(
          policy.hasPrefix(
            "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
              + "frame-ancestors 'none'"), "\(path)")
        #expect(page.headers["x-content-type-options"] == "nosniff")
        #expect(page.headers["x-frame-options"] == "DENY")
        #expect(page.headers["referrer-policy"] == "same-origin")
        #expect(page.headers["cache-control"] == "no-store")
        #expect(!page.text.contains("style=\"") && !page.text.contains("<style"))
      }
      let style = try await visitor.get("/ui/style.css")
      #expect(style.headers["content-type"] == "text/css; charset=utf-8")
      #expect(style.headers["cache-control"]?.contains("immutable") == true)
    }
  }

  @Test(arguments: [
    ("http://127.0.0.1:8080", "127.0.0.1:8080", true), ("http://a.test", "a.test", true),
    ("https://a.test", "a.test:443", true), ("https://A.test:443", "a.test", true),
    ("http://a.test", "a.test:8080", false), ("https://b.test", "a.test", false),
    ("https://stet.example.org", "10.0.0.5:8080", true), ("null", "a.test", false),
    ("http://stet.example.org", "10.0.0.5", false), ("https://stet.example.org.evil", "a", false),
    ("ftp://a.test", "a.test", false), ("http://[::1]:9", "[::1]:9", true),
    ("http://[::1]", "[::1]:80", true),
  ])
  func knowsItsOwnOrigin(origin: String, host: String, isOwn: Bool) throws {
    let check = OriginCheck(publicURL: "https://stet.example.org/")
    var head = HTTPRequest(method: .post, scheme: "http", authority: host, path: "/")
    head.headerFields.set("Origin", origin)
    #expect((check.refusal(head) == nil) == isOwn)
  }
}
