import Domain
import Foundation
import Jobs
import Storage
import TestKit
import Testing
import UseCases

@testable import Server

/// Where browsers come back to. What the forge says is scripted here; the whole way, with a forge on
/// a socket, is `ServeSignInTests`.
@Suite struct SignInRouteTests {
  private static let code = ["a", "code", "of", "the", "forge"].joined(separator: "-")

  /// Gives every code a token of one account.
  private struct OneAccount: AccountAuthority {
    var account = ForgeAccount(id: 42, login: "grace<b>", isBot: false)
    var failure: ForgeError?

    var forge: String { "github" }
    func scopes(toReadPrivate isPrivate: Bool) -> [String] { [] }
    func address(of request: SignInRequest) -> String { "state=\(request.state)" }
    func grant(
      code: String, verifier: String, redirect: String
    ) async throws(ForgeError) -> AccountGrant {
      if let failure { throw failure }
      return AccountGrant(token: "t", refreshToken: nil, lifetime: nil, scopes: [])
    }
    func refreshed(_ refreshToken: String) async throws(ForgeError) -> AccountGrant {
      throw ForgeError(code: .unauthorized, detail: "over")
    }
    func account(of token: String) async throws(ForgeError) -> SignedInAccount {
      SignedInAccount(account: account, scopes: nil)
    }
    func revoke(_ token: String) async throws(ForgeError) {}
  }

  private func signIns(
    _ ports: ServerPorts, _ database: any SQLDatabase, failure: ForgeError? = nil
  ) throws -> SignIns {
    let key = try #require(SecretKey(bytes: [UInt8](repeating: 3, count: 32)))
    let vault = Vault(keys: [key])
    return SignIns(
      ports: .init(
        authority: OneAccount(failure: failure), store: SQLSignInStore(database, vault: vault),
        links: SQLAccountLinkStore(database, vault: vault), jobs: ports.jobs, audit: ports.audit,
        redirect: "https://stet.example/oauth/github/callback"))
  }

  private static func command(by id: Int64) -> Work.AnswerCommand {
    let repository = RepositoryName(owner: "octo", name: "shop")
    return Work.AnswerCommand(
      access: ForgeAccess(forge: "github", repository: repository),
      comment: ForgeEvent.CommentEvent(
        change: .created,
        comment: ForgeComment(
          id: 9, author: ForgeAccount(id: id, login: "grace", isBot: false),
          body: "@stet review as grace", createdAt: Date(timeIntervalSince1970: 1)),
        kind: .conversation, subject: PullRequestReference(repository, 1), isPullRequest: true,
        subjectAuthor: nil),
      repository: repository)
  }

  private func with(
    failure: ForgeError? = nil,
    _ body: @escaping @Sendable (ServerUnderTest, SignIns) async throws -> Void
  ) async throws {
    let folder = FileManager.default.temporaryDirectory.path + "/stet-signin-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let database = SQLiteDatabase(path: folder + "/a.db")
    try await withServer({ ports, _ in
      ports.signIns = try signIns(ports, database, failure: failure)
    }) { server async throws in
      guard let signIns = server.ports.signIns else { throw NeverStarted() }
      try await body(server, signIns)
    }
    await database.close()
  }

  private static func path(_ address: String, code: String = code) -> String {
    "/oauth/github/callback?code=\(code)&\(address)"
  }

  @Test func whoAskedIsSignedIn() async throws {
    try await with { server, signIns in
      let address = try await signIns.begin(for: Self.command(by: 42), scopes: [])
      let answer = try await server.call("GET", Self.path(address))
      #expect(answer.status == 200)
      #expect(answer.headers["content-type"] == "text/html; charset=utf-8")
      #expect(answer.headers["referrer-policy"] == "no-referrer")
      #expect(answer.headers["cache-control"] == "no-store")
      #expect(answer.headers["set-cookie"] == nil)
      #expect(answer.headers["content-security-policy"]?.contains("default-src 'none'") == true)
      #expect(answer.text.contains("Signed in as grace&lt;b&gt;"))
      #expect(!answer.text.contains(Self.code))
      let jobs = try await server.ports.jobs.jobs(JobFilter(kind: Work.AnswerCommand.kind))
      #expect(jobs.count == 1)
      #expect(try Work.AnswerCommand(of: try #require(jobs.first)).followUp?.cause == .signedIn)
      let again = try await server.call("GET", Self.path(address))
      #expect(again.status == 409 && again.text.contains("was used"))
    }
  }

  @Test func othersAreNot() async throws {
    try await with { server, signIns in
      let address = try await signIns.begin(for: Self.command(by: 43), scopes: [])
      let other = try await server.call("GET", Self.path(address))
      #expect(other.status == 403 && other.text.contains("signed in as grace&lt;b&gt;"))
      let denied = try await server.call(
        "GET", "/oauth/github/callback?error=access_denied&\(address)")
      #expect(denied.status == 403 && denied.text.contains("have said no"))
      let forged = try await server.call(
        "GET", Self.path("state=" + String(repeating: "x", count: 43)))
      #expect(forged.status == 404)
      #expect(try await server.call("GET", "/oauth/github/callback").status == 404)
      #expect(try await server.call("GET", "/oauth/gitlab/callback?\(address)").status == 404)
      #expect(try await server.call("HEAD", Self.path(address)).status == 400)
      #expect(try await server.call("POST", "/oauth/github/callback").status == 405)
    }
  }

  @Test func whyItFailedIsSaid() async throws {
    let error = ForgeError(code: .rejected, detail: "The code <i>is</i> old.")
    try await with(failure: error) { server, signIns in
      let address = try await signIns.begin(for: Self.command(by: 42), scopes: [])
      let answer = try await server.call("GET", Self.path(address))
      #expect(answer.status == 503)
      #expect(answer.text.contains("&lt;i&gt;") && !answer.text.contains("<i>"))
      #expect(answer.headers["retry-after"] == nil)
    }
    let away = ForgeError(code: .unreachable, detail: "away")
    try await with(failure: away) { server, signIns in
      let address = try await signIns.begin(for: Self.command(by: 42), scopes: [])
      let answer = try await server.call("GET", Self.path(address))
      #expect(answer.status == 503 && answer.headers["retry-after"] == "30")
      #expect(try await server.ports.jobs.jobs(JobFilter()).isEmpty)
    }
  }

  /// Who guesses is slowed down.
  @Test func guessesAreLimited() async throws {
    try await with { server, _ in
      var statuses: [Int] = []
      for number in 0..<14 {
        let state = String(repeating: "g", count: 41) + "\(10 + number)"
        statuses.append(try await server.call("GET", Self.path("state=\(state)")).status)
      }
      #expect(statuses.prefix(10).allSatisfy { $0 == 404 })
      #expect(statuses.last == 429)
    }
  }

  @Test func whereItIsNotSetUpItSaysSo() async throws {
    try await withServer { server async throws in
      let answer = try await server.call("GET", "/oauth/github/callback?state=x&code=y")
      #expect(answer.status == 503 && answer.text.contains("GITHUB_OAUTH_CLIENT_ID"))
    }
  }
}
