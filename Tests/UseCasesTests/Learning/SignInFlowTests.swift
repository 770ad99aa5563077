import Domain
import Foundation
import Storage
import TestKit
import Testing

@testable import UseCases

/// Who asks is sent a link, signs in on the forge, and the command goes on by itself.
@Suite struct SignInFlowTests {
  @Test(arguments: ["@stet review as grace", "@tech-lead-bot grace --force-reload"])
  func theCommandGoesOnAfterASignIn(_ command: String) async throws {
    let bench = try await AskingBench()
    let work = try await bench.says("grace", command)
    #expect(bench.started.now.isEmpty && bench.answers.count == 1)
    #expect(bench.answers[0].hasPrefix("<!-- stet:answer \(work.comment.comment.id) -->"))
    let address = try bench.link()
    let query = URLComponents(string: address)?.queryItems ?? []
    #expect(query.first { $0.name == "redirect_uri" }?.value == AskingBench.redirect)
    #expect(query.first { $0.name == "code_challenge_method" }?.value == "S256")
    #expect(query.first { $0.name == "scope" } == nil)

    #expect(try await bench.signsIn(as: "grace") == .signedIn(login: "grace"))
    #expect(try await bench.work() == 1)
    let request = try #require(bench.started.now.first)
    #expect(bench.started.now.count == 1)
    #expect(request.asker.id == 105 && request.user.id == 105)
    #expect(request.forceReload == command.contains("force"))
    #expect(request.isBareAlias == command.contains("tech"))
    #expect(request.comment.id == work.comment.comment.id)
    // Nothing more was said: the deed is the answer.
    #expect(bench.answers.count == 1)
    let link = try #require(try await bench.linked("grace"))
    #expect(bench.hub.signInTokens(of: "grace") == [link.token])
    #expect(link.scopes.isEmpty && link.expiresAt == nil)
    let audited = try await bench.audited()
    #expect(audited.contains("account.asked") && audited.contains("account.linked"))

    // Who is linked is asked for nothing again.
    try await bench.says("grace", command)
    #expect(bench.started.now.count == 2 && bench.answers.count == 1)
  }

  /// The link stands in public: whoever else opens it gets nothing, and spoils nothing.
  @Test func anotherAccountIsOfNoUse() async throws {
    let bench = try await AskingBench()
    try await bench.says("grace", "@stet review as grace")
    let address = try bench.link()
    let ending = try await bench.signsIn(address, as: "mallory")
    #expect(ending == .otherAccount(asked: "grace", came: "mallory"))
    #expect(try await bench.linked("grace") == nil)
    #expect(try await bench.linked("mallory") == nil)
    // The token that came of it is not left behind.
    #expect(bench.hub.signInTokens(of: "mallory").isEmpty)
    #expect(try await bench.work() == 1)
    #expect(bench.answers.count == 2 && bench.started.now.isEmpty)
    #expect(bench.answers[1].contains("another account") && !bench.answers[1].contains("mallory"))
    #expect(bench.answers[1].contains("`grace`"))
    // However often it is tried, it is said once.
    try await bench.signsIn(address, as: "mallory")
    try await bench.work()
    #expect(bench.answers.count == 2)
    #expect(try await bench.signsIn(address, as: "grace") == .signedIn(login: "grace"))
    try await bench.work()
    #expect(bench.started.now.count == 1)
  }

  @Test func aRefusalIsSaidOnceAndTheLinkStays() async throws {
    let bench = try await AskingBench()
    try await bench.says("grace", "@stet review as grace")
    let address = try bench.link()
    bench.hub.refuseSignIns(of: "grace")
    #expect(try await bench.signsIn(address, as: "grace") == .refused)
    try await bench.work()
    #expect(bench.answers.count == 2 && bench.answers[1].contains("was refused"))
    #expect(bench.started.now.isEmpty)
    #expect(try await bench.linked("grace") == nil)
    bench.hub.refuseSignIns(of: "grace", false)
    #expect(try await bench.signsIn(address, as: "grace") == .signedIn(login: "grace"))
  }

  @Test(arguments: ["redirect_uri_mismatch", "application_suspended"])
  func whatIsSetUpWronglyIsSaid(_ word: String) async throws {
    let bench = try await AskingBench()
    try await bench.says("grace", "@stet review as grace")
    let state = try bench.opens(try bench.link(), as: "grace")["state"]
    let ending = try await bench.signIns.finish(state: state, code: nil, refusal: word)
    guard case .failed(let why, isPassing: false) = ending else {
      Issue.record("\(ending)")
      return
    }
    #expect(why.contains("Whoever runs"))
    try await bench.work()
    #expect(bench.answers.count == 2 && bench.answers[1].contains("Whoever runs"))
  }

  @Test func aLinkIsGoodOnce() async throws {
    let bench = try await AskingBench()
    try await bench.says("grace", "@stet review as grace")
    let address = try bench.link()
    let (first, second) = (
      try bench.opens(address, as: "grace"), try bench.opens(address, as: "grace")
    )
    #expect(try await bench.comesBack(first) == .signedIn(login: "grace"))
    #expect(try await bench.comesBack(first) == .used)
    #expect(try await bench.comesBack(second) == .used)
    #expect(bench.hub.signInTokens(of: "grace").count == 1)
    #expect(try await bench.work() == 1)
    #expect(bench.answers.count == 1)
  }

  @Test func aLinkIsGoodForTenMinutes() async throws {
    let bench = try await AskingBench()
    try await bench.says("grace", "@stet review as grace")
    let query = try bench.opens(try bench.link(), as: "grace")
    bench.time.change { $0 += 600 }
    #expect(try await bench.comesBack(query) == .expired)
    try await bench.work()
    #expect(bench.answers.count == 2 && bench.answers[1].contains("its time was over"))
    #expect(bench.started.now.isEmpty && bench.hub.signInTokens(of: "grace").isEmpty)
    bench.time.change { $0 += 2 * 86_400 }
    // Sweeps what is over.
    try await bench.says("grace", "@stet review as grace")
    #expect(try await bench.comesBack(query) == .unknownState)
  }

  @Test func aForgedStateIsNobodys() async throws {
    let bench = try await AskingBench()
    try await bench.says("grace", "@stet review as grace")
    let query = try bench.opens(try bench.link(), as: "grace")
    let state = try #require(query["state"])
    let forged: [String?] = [
      nil, "", "x", String(state.dropLast()) + (state.hasSuffix("A") ? "B" : "A"),
      String(repeating: "a", count: 43), state + "a", "'; DROP TABLE sign_ins; --",
    ]
    for forged in forged {
      let ending = try await bench.signIns.finish(state: forged, code: query["code"])
      #expect(ending == .unknownState, "\(forged ?? "none")")
    }
    #expect(try await bench.work() == 0)
    #expect(bench.answers.count == 1)
    // The code was not spent by it.
    #expect(try await bench.comesBack(query) == .signedIn(login: "grace"))
  }

  @Test(arguments: ["0000000000000000000", "a b", "../../x", ""])
  func aForgedCodeIsOfNoUse(_ code: String) async throws {
    let bench = try await AskingBench()
    try await bench.says("grace", "@stet review as grace")
    let query = try bench.opens(try bench.link(), as: "grace")
    let ending = try await bench.signIns.finish(state: query["state"], code: code)
    if case .signedIn = ending { Issue.record("signed in by \(code)") }
    #expect(try await bench.linked("grace") == nil)
    try await bench.work()
    #expect(bench.answers.count == 2 && bench.started.now.isEmpty)
    #expect(try await bench.comesBack(query) == .signedIn(login: "grace"))
  }

  /// A public link is tried by whoever likes; the forge is not asked each time.
  @Test func aLinkIsTriedSoOften() async throws {
    let bench = try await AskingBench()
    try await bench.says("grace", "@stet review as grace")
    let query = try bench.opens(try bench.link(), as: "grace")
    for _ in 0..<SignIns.tries {
      _ = try await bench.signIns.finish(state: query["state"], code: "wrong")
    }
    let asked = bench.hub.count("POST", "/access_token")
    #expect(asked == SignIns.tries)
    #expect(try await bench.comesBack(query) == .wornOut)
    #expect(bench.hub.count("POST", "/access_token") == asked)
  }

  /// A verifier of another link does not fit: the code is bound to the one that asked for it.
  @Test func theCodeOfAnotherLinkIsOfNoUse() async throws {
    let bench = try await AskingBench()
    try await bench.says("grace", "@stet review as grace")
    let first = try bench.opens(try bench.link(), as: "grace")
    try await bench.says("grace", "@stet review as grace")
    let second = try bench.opens(try bench.link(), as: "grace")
    #expect(first["state"] != second["state"])
    let ending = try await bench.signIns.finish(state: second["state"], code: first["code"])
    if case .failed(let why, false) = ending {
      #expect(why.contains("code") && !why.contains(first["code"] ?? "?"))
    } else {
      Issue.record("\(ending)")
    }
  }

  @Test func whileTheForgeIsAwayTheLinkStays() async throws {
    let bench = try await AskingBench()
    try await bench.says("grace", "@stet review as grace")
    let address = try bench.link()
    bench.hub.inject(GitHubFault(.html(status: 502), on: "POST", "/access_token"))
    if case .failed(_, isPassing: true) = try await bench.signsIn(address, as: "grace") {
    } else {
      Issue.record("an outage was taken for a refusal")
    }
    // Whose token it is cannot be learned: it is given back.
    bench.hub.inject(GitHubFault(.html(status: 502), on: "GET", "/user", times: 3))
    if case .failed(_, isPassing: true) = try await bench.signsIn(address, as: "grace") {
    } else {
      Issue.record("an outage was taken for a refusal")
    }
    #expect(bench.hub.signInTokens(of: "grace").isEmpty)
    #expect(try await bench.work() == 0 && bench.answers.count == 1)
    #expect(try await bench.signsIn(address, as: "grace") == .signedIn(login: "grace"))
  }

  @Test func oneLinkForACommentOfSeveralCommands() async throws {
    let bench = try await AskingBench()
    try await bench.says("grace", "@stet review as grace\n@stet help\n@stet review as grace")
    #expect(bench.answers.count == 1)
    #expect(bench.answers[0].components(separatedBy: "/login/oauth/authorize").count == 2)
    try await bench.signsIn(as: "grace")
    try await bench.work()
    #expect(bench.started.now.count == 1)
    // What was answered at once is not answered again.
    #expect(bench.answers.count == 1)
  }

  // MARK: Tokens

  @Test func aPrivateRepositoryNeedsItsScope() async throws {
    let bench = try await AskingBench()
    bench.hub.setPrivate(ServiceBench.repository, true)
    try await bench.says("grace", "@stet review as grace")
    #expect(bench.answers[0].contains("`repo`"))
    try await bench.signsIn(as: "grace")
    try await bench.work()
    #expect(try await bench.linked("grace")?.scopes == ["repo"])
    #expect(bench.started.now.count == 1)
  }

  /// A link for what is public does not do for what is private.
  @Test func aSmallerScopeIsAskedForAnew() async throws {
    let bench = try await AskingBench()
    try await bench.says("grace", "@stet review as grace")
    try await bench.signsIn(as: "grace")
    try await bench.work()
    bench.hub.setPrivate(ServiceBench.repository, true)
    try await bench.says("grace", "@stet review as grace")
    #expect(bench.started.now.count == 1 && bench.answers.count == 2)
    #expect(bench.answers[1].contains("`repo`"))
  }

  @Test func whatIsReadIsReadInTheAskersName() async throws {
    let bench = try await AskingBench()
    try await bench.says("grace", "@stet review as grace")
    try await bench.signsIn(as: "grace")
    let grace = AskingBench.account("grace")
    let forge = try await bench.accounts.forge(bench.service.access, for: grace)
    #expect(try await forge.ownAccount().login == "grace")
    let error = await #expect(throws: ForgeError.self) {
      try await bench.accounts.forge(
        bench.service.access, for: AskingBench.account("ada"))
    }
    #expect(error?.code == .unauthorized && error?.detail.contains("ada") == true)
  }

  /// In the middle of the work: the next one who asks gets a link again.
  @Test func aTokenThatWasTakenBackIsForgotten() async throws {
    let bench = try await AskingBench()
    try await bench.says("grace", "@stet review as grace")
    try await bench.signsIn(as: "grace")
    let grace = AskingBench.account("grace")
    let forge = try await bench.accounts.forge(bench.service.access, for: grace)
    bench.hub.revokeSignIns(of: "grace")
    do {
      _ = try await forge.comments(on: bench.service.reference)
      Issue.record("a token that was taken back was taken")
    } catch {
      #expect(error.code == .unauthorized)
      #expect(try await bench.accounts.isOver(error, of: grace, on: "github"))
    }
    #expect(try await bench.linked("grace") == nil)
    let count = bench.answers.count
    try await bench.says("grace", "@stet review as grace")
    #expect(bench.answers.count == count + 1 && bench.answers.last?.contains("](") == true)
    // Other errors say nothing of the token.
    let away = ForgeError(code: .unreachable, detail: "d", status: 502)
    let narrow = ForgeError(code: .unauthorized, detail: "d", status: 403)
    #expect(try await !bench.accounts.isOver(away, of: grace, on: "github"))
    #expect(try await !bench.accounts.isOver(narrow, of: grace, on: "github"))
  }

  @Test func aTokenThatEndsIsRenewed() async throws {
    let bench = try await AskingBench(lifetime: .seconds(28_800))
    try await bench.says("grace", "@stet review as grace")
    try await bench.signsIn(as: "grace")
    let first = try #require(try await bench.linked("grace"))
    #expect(first.refreshToken != nil && first.expiresAt != nil)
    #expect(try await bench.accounts.link(of: 105, on: "github") == first)
    bench.time.change { $0 += 28_300 }
    let next = try #require(try await bench.accounts.link(of: 105, on: "github"))
    #expect(next.token != first.token && next.refreshToken != first.refreshToken)
    #expect(try await bench.linked("grace") == next)
    // Two at once: one of them finds what the other has got.
    bench.time.change { $0 += 28_300 }
    async let one = bench.accounts.link(of: 105, on: "github")
    async let other = bench.accounts.link(of: 105, on: "github")
    let both = try await [one, other]
    #expect(both.allSatisfy { $0 != nil })
    // Taken back: the person has to sign in again.
    bench.hub.revokeSignIns(of: "grace")
    bench.time.change { $0 += 28_300 }
    #expect(try await bench.accounts.link(of: 105, on: "github") == nil)
    #expect(try await bench.linked("grace") == nil)
  }

  /// A job that began before it fails with the older token: the newer one stays.
  @Test func aTokenThatWasRenewedMeanwhileStays() async throws {
    let bench = try await AskingBench()
    try await bench.says("grace", "@stet review as grace")
    try await bench.signsIn(as: "grace")
    let grace = AskingBench.account("grace")
    let failed = ForgeError(code: .unauthorized, detail: "d", status: 401)
    #expect(try await !bench.accounts.isOver(failed, of: grace, on: "github"))
    #expect(try await bench.linked("grace") != nil)
    // Nobody can say whether it is over while the forge is away.
    bench.hub.inject(GitHubFault(.html(status: 502), on: "GET", "/user", times: 9))
    let away = await #expect(throws: ForgeError.self) {
      try await bench.accounts.isOver(failed, of: grace, on: "github")
    }
    #expect(away?.code == .unreachable)
    #expect(try await bench.linked("grace") != nil)
  }

  /// The settings are wrong, not the person's token.
  @Test func aWrongSecretEndsNoSignIn() async throws {
    let bench = try await AskingBench(lifetime: .seconds(28_800))
    try await bench.says("grace", "@stet review as grace")
    try await bench.signsIn(as: "grace")
    try await bench.work()
    bench.hub.addOAuthApp(
      id: AskingBench.clientID, secret: "turned", callback: AskingBench.redirect,
      lifetime: .seconds(28_800))
    bench.time.change { $0 += 28_300 }
    let error = await #expect(throws: ForgeError.self) {
      try await bench.accounts.link(of: 105, on: "github")
    }
    #expect(error?.code == .rejected)
    #expect(error?.detail.contains("GITHUB_OAUTH_CLIENT_SECRET") == true)
    #expect(try await bench.linked("grace") != nil)
    // Who asks is told, as only the settings can be mended.
    try await bench.says("grace", "@stet review as grace")
    #expect(bench.answers.last?.contains("GITHUB_OAUTH_CLIENT_SECRET") == true)
  }

  @Test func withoutAnAppStetReadsWithItsOwn() async throws {
    let bench = try await AskingBench(signsIn: false)
    try await bench.says("grace", "@stet review as grace")
    #expect(bench.started.now.count == 1 && bench.answers.isEmpty)
    let forge = try await bench.accounts.forge(
      bench.service.access, for: AskingBench.account("grace"))
    #expect(try await forge.ownAccount().login == ServiceBench.login(.token))
  }
}
