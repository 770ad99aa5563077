import Crypto
import Domain
import Foundation
import TestKit
import Testing
import WebClient

@testable import Forges

/// Signing in against a forge that refuses what GitHub refuses.
@Suite struct SignInTests {
  private static let id = "Ov23bench"
  private static let secret = ["client", "secret", "of", "the", "bench"].joined(separator: "-")
  private static let redirect = "https://stet.example/oauth/github/callback"
  private static let verifier = String(repeating: "v-", count: 22)

  private static func challenge(_ verifier: String) -> String {
    Data(SHA256.hash(data: Data(verifier.utf8))).base64EncodedString()
      .replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
  }

  private static func request(
    state: String = "the-state", scopes: [String] = ["repo"], redirect: String = redirect
  ) -> SignInRequest {
    SignInRequest(
      state: state, challenge: challenge(verifier), redirect: redirect, scopes: scopes,
      login: "grace")
  }

  private func with(
    lifetime: Duration? = nil, secret: String = Self.secret, id: String = Self.id,
    _ body: (GitHubSignIn, FakeGitHub) async throws -> Void
  ) async throws {
    let hub = FakeGitHub()
    hub.addAccount("grace", id: 42)
    hub.addAccount("mallory", id: 66)
    hub.addOAuthApp(
      id: Self.id, secret: Self.secret, callback: Self.redirect, lifetime: lifetime)
    let server = try await hub.listen()
    let client = WebClient(configuration: WebClientConfiguration(userAgent: "stet/test"))
    let signIn = GitHubSignIn(
      webURL: server.url, apiURL: server.url, clientID: id, clientSecret: secret, client: client)
    do { try await body(signIn, hub) } catch {
      await server.stop()
      await client.shutdown()
      throw error
    }
    await server.stop()
    await client.shutdown()
  }

  private func query(_ address: String?) throws -> [String: String] {
    let items = URLComponents(string: try #require(address))?.queryItems ?? []
    return Dictionary(items.map { ($0.name, $0.value ?? "") }) { first, _ in first }
  }

  private func code(
    _ signIn: GitHubSignIn, _ hub: FakeGitHub, as login: String = "grace",
    _ request: SignInRequest = Self.request()
  ) throws -> String {
    let back = try query(hub.browserFollows(signIn.address(of: request), as: login))
    return try #require(back["code"])
  }

  // MARK: The way

  @Test func theAddressHoldsWhatMayBePublic() async throws {
    try await with { signIn, _ in
      let address = signIn.address(of: Self.request())
      let query = try query(address)
      #expect(query["client_id"] == Self.id)
      #expect(query["redirect_uri"] == Self.redirect)
      #expect(query["state"] == "the-state")
      #expect(query["code_challenge_method"] == "S256")
      #expect(query["code_challenge"] == Self.challenge(Self.verifier))
      #expect(query["scope"] == "repo")
      #expect(query["login"] == "grace")
      #expect(!address.contains(Self.secret) && !address.contains(Self.verifier))
      #expect(!address.contains { "()[]<> \"`".contains($0) })
      let bare = try self.query(signIn.address(of: Self.request(scopes: [])))
      #expect(bare["scope"] == nil)
    }
  }

  @Test func scopesAreAsSmallAsCanBe() async throws {
    try await with { signIn, _ in
      #expect(signIn.scopes(toReadPrivate: false).isEmpty)
      #expect(signIn.scopes(toReadPrivate: true) == ["repo"])
    }
    try await with(id: "Iv23app") { signIn, _ in
      #expect(signIn.scopes(toReadPrivate: true).isEmpty)
    }
  }

  @Test func aCodeBecomesATokenOfItsAccount() async throws {
    try await with { signIn, hub in
      let back = try query(
        hub.browserFollows(signIn.address(of: Self.request()), as: "grace"))
      #expect(back["state"] == "the-state")
      let grant = try await signIn.grant(
        code: try #require(back["code"]), verifier: Self.verifier, redirect: Self.redirect)
      #expect(grant.scopes == ["repo"] && grant.refreshToken == nil && grant.lifetime == nil)
      let account = try await signIn.account(of: grant.token)
      #expect(account.account == ForgeAccount(id: 42, login: "grace", isBot: false))
      #expect(account.scopes == ["repo"])
      #expect(hub.signInTokens(of: "grace") == [grant.token])
      try await signIn.revoke(grant.token)
      #expect(hub.signInTokens(of: "grace").isEmpty)
      // Gone already is as good as gone.
      try await signIn.revoke(grant.token)
      let error = await #expect(throws: ForgeError.self) {
        try await signIn.account(of: grant.token)
      }
      #expect(error?.code == .unauthorized)
    }
  }

  @Test func aTokenThatEndsIsRenewedOnce() async throws {
    try await with(lifetime: .seconds(28_800)) { signIn, hub in
      let grant = try await signIn.grant(
        code: try code(signIn, hub), verifier: Self.verifier, redirect: Self.redirect)
      #expect(grant.lifetime == .seconds(28_800))
      let refresh = try #require(grant.refreshToken)
      let next = try await signIn.refreshed(refresh)
      #expect(next.token != grant.token)
      #expect(try await signIn.account(of: next.token).account.id == 42)
      let error = await #expect(throws: ForgeError.self) { try await signIn.refreshed(refresh) }
      #expect(error?.code == .unauthorized)
      hub.setClockOffset(.seconds(30_000))
      await #expect(throws: ForgeError.self) { try await signIn.account(of: next.token) }
    }
  }

  /// That is no word about the person's sign-in.
  @Test func aWrongSecretIsNoEndOfASignIn() async throws {
    try await with(secret: "another") { signIn, hub in
      let error = await #expect(throws: ForgeError.self) {
        try await signIn.refreshed("ghr_whatever")
      }
      #expect(error?.code == .rejected)
      #expect(error?.detail.contains("GITHUB_OAUTH_CLIENT_SECRET") == true)
    }
  }

  // MARK: What GitHub refuses

  enum Wrong: String, CaseIterable {
    case code, verifier, redirect, secret, client, twice, late
  }

  @Test(arguments: Wrong.allCases)
  func isRefused(_ wrong: Wrong) async throws {
    try await with(
      secret: wrong == .secret ? "another" : Self.secret, id: wrong == .client ? "Ov0" : Self.id
    ) { signIn, hub in
      let unused = WebClient(configuration: WebClientConfiguration(userAgent: "unused"))
      let asked = GitHubSignIn(
        webURL: "http://127.0.0.1", apiURL: "http://127.0.0.1", clientID: Self.id,
        clientSecret: Self.secret, client: unused)
      var code = try code(asked, hub)
      if wrong == .code { code = String(repeating: "0", count: 20) }
      if wrong == .late { hub.setClockOffset(.seconds(601)) }
      let verifier = wrong == .verifier ? String(repeating: "w-", count: 22) : Self.verifier
      let redirect = wrong == .redirect ? Self.redirect + "/other" : Self.redirect
      if wrong == .twice {
        _ = try await signIn.grant(code: code, verifier: verifier, redirect: redirect)
      }
      let error = await #expect(throws: ForgeError.self) {
        try await signIn.grant(code: code, verifier: verifier, redirect: redirect)
      }
      let expected: ForgeError.Code =
        switch wrong {
        case .secret: .unauthorized
        case .client: .notFound
        default: .rejected
        }
      #expect(error?.code == expected, "\(error?.detail ?? "")")
      let detail = error?.detail ?? ""
      #expect(!detail.contains(code) && !detail.contains(verifier))
      #expect(wrong != .secret || !detail.contains("another"))
      #expect(hub.signInTokens(of: "grace").count == (wrong == .twice ? 1 : 0))
    }
  }

  @Test func anotherAddressIsNotGivenTheCode() async throws {
    try await with { signIn, hub in
      let stolen = Self.request(redirect: "https://thief.example/callback")
      let back = try #require(hub.browserFollows(signIn.address(of: stolen), as: "grace"))
      #expect(back.hasPrefix(Self.redirect))
      #expect(try query(back)["error"] == "redirect_uri_mismatch")
      #expect(try query(back)["code"] == nil)
      hub.refuseSignIns(of: "grace")
      let denied = try query(
        hub.browserFollows(signIn.address(of: Self.request()), as: "grace"))
      #expect(denied["error"] == "access_denied" && denied["state"] == "the-state")
    }
  }

  @Test(arguments: [
    (GitHubFault.Kind.resetBefore, ForgeError.Code.unreachable),
    (.html(status: 200), .malformed), (.html(status: 502), .unreachable),
    (.answer(status: 200, body: "{}", headers: [:]), .malformed),
    (.answer(status: 200, body: #"{"access_token": "a b"}"#, headers: [:]), .malformed),
  ])
  func aForgeInTrouble(_ fault: GitHubFault.Kind, _ code: ForgeError.Code) async throws {
    try await with { signIn, hub in
      hub.inject(GitHubFault(fault, on: "POST", "/access_token"))
      let error = await #expect(throws: ForgeError.self) {
        try await signIn.grant(code: "c", verifier: Self.verifier, redirect: Self.redirect)
      }
      #expect(error?.code == code, "\(error?.detail ?? "")")
    }
  }

  /// Without the scope the token reads what everybody may.
  @Test func aTokenReadsAsFarAsItsScope() async throws {
    try await with { signIn, hub in
      let (open, closed) = (
        RepositoryName(owner: "octo", name: "open"), RepositoryName(owner: "octo", name: "closed")
      )
      hub.addRepository(open)
      hub.addRepository(closed, isPrivate: true)
      hub.setPermission(.write, of: "grace", in: closed)
      for scopes in [[], ["repo"]] {
        let request = Self.request(scopes: scopes)
        let grant = try await signIn.grant(
          code: try code(signIn, hub, request), verifier: Self.verifier, redirect: Self.redirect)
        let address = try #require(URLComponents(string: signIn.address(of: request)))
        let root = "http://127.0.0.1:\(address.port ?? 0)"
        func forge(_ name: RepositoryName) throws -> GitHubForge {
          try GitHubConnection(
            ForgeBench.configuration(root, credentials: .token(grant.token))
          ).forge(for: name)
        }
        #expect(try await forge(open).isPrivate(open) == false)
        if scopes.isEmpty {
          let error = await #expect(throws: ForgeError.self) {
            try await forge(closed).isPrivate(closed)
          }
          #expect(error?.code == .notFound)
        } else {
          #expect(try await forge(closed).isPrivate(closed))
        }
        #expect(try await forge(open).account(login: "GRACE")?.id == 42)
        #expect(try await forge(open).account(login: "nobody-of-that-name") == nil)
      }
    }
  }

  private func code(
    _ signIn: GitHubSignIn, _ hub: FakeGitHub, _ request: SignInRequest
  ) throws -> String { try code(signIn, hub, as: "grace", request) }
}
