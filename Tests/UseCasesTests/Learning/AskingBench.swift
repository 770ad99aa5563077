import Domain
import Forges
import Foundation
import Jobs
import Storage
import TestKit
import Testing
import WebClient

@testable import UseCases

/// People who ask for reviews in somebody's manner, and the forge where they sign in.
final class AskingBench: Sendable {
  static let redirect = "https://stet.example/oauth/github/callback"
  static let clientID = "Ov23bench"
  /// By number, as a forge knows them.
  static let people: [String: Int64] = [
    "ada": 101, "grace": 105, "lin": 107, "mallory": 166, "helper[bot]": 190,
  ]

  let service: ServiceBench
  let answer: AnswerCommand
  let signIns: SignIns
  let accounts: LinkedAccounts
  let links: SQLAccountLinkStore
  let consents: SQLConsentStore
  let time = Noted(Date())
  /// What was begun.
  let started = Noted<[ReviewerRequest]>([])
  private let client: WebClient

  var hub: FakeGitHub { service.hub }

  /// - Parameters:
  ///   - policy: the text of `.stet.yml`.
  ///   - lifetime: of the tokens that people sign in for.
  init(
    policy: String? = nil, lifetime: Duration? = nil, signsIn: Bool = true, clientID: String? = nil
  ) async throws {
    var base = FakeGitHub.demoBase
    if let policy { base[".stet.yml"] = Array(policy.utf8) }
    service = try await ServiceBench(.token, base: base)
    let hub = service.hub
    for (login, id) in Self.people {
      hub.addAccount(login, id: id, isBot: login.hasSuffix("[bot]"))
    }
    hub.setPermission(.write, of: "ada", in: ServiceBench.repository)
    let secret = ["client", "secret", "of", "the", "bench"].joined(separator: "-")
    let client = WebClient(configuration: WebClientConfiguration(userAgent: "stet/test"))
    self.client = client
    let clientID = clientID ?? Self.clientID
    hub.addOAuthApp(id: clientID, secret: secret, callback: Self.redirect, lifetime: lifetime)
    let authority = GitHubSignIn(
      webURL: service.server.url, apiURL: service.server.url, clientID: clientID,
      clientSecret: secret, client: client)
    let key = try #require(SecretKey(bytes: [UInt8](repeating: 7, count: 32)))
    let vault = Vault(keys: [key])
    let (database, time, started) = (service.database, self.time, self.started)
    let links = SQLAccountLinkStore(database, vault: vault)
    self.links = links
    consents = SQLConsentStore(database, vault: vault)
    signIns = SignIns(
      ports: .init(
        authority: authority, store: SQLSignInStore(database, vault: vault), links: links,
        jobs: service.jobs, audit: service.audit, redirect: Self.redirect, now: { time.now }))
    let (apiURL, openForge) = (service.server.url, service.openForge)
    accounts = LinkedAccounts(
      ports: .init(
        authority: signsIn ? authority : nil, links: links, openForge: openForge,
        openAs: { access, token throws(ForgeError) in
          try GitHubConnection(
            GitHubConfiguration(
              apiURL: apiURL, credentials: .token(token), client: client, retry: .never)
          ).forge(for: access.repository)
        }, now: { time.now }))
    answer = AnswerCommand(
      ports: .init(
        openForge: openForge, publications: service.publications, runs: service.runs,
        audit: service.audit, jobs: service.jobs, limiter: service.limiter, model: nil,
        hourlyLimit: 100,
        reviewers: ReviewerAsking(
          accounts: accounts, signIns: signsIn ? signIns : nil, consents: consents,
          start: { request in
            // As a job is added once.
            started.change { if !$0.contains(request) { $0.append(request) } }
            return nil
          }), now: { time.now }))
  }

  deinit {
    let (client, server) = (client, service.server)
    Task {
      await client.shutdown()
      await server.stop()
    }
  }

  // MARK: Saying

  static func account(_ login: String) -> ForgeAccount {
    ForgeAccount(id: people[login] ?? 0, login: login, isBot: login.hasSuffix("[bot]"))
  }

  /// A comment, and what is answered to it.
  @discardableResult
  func says(
    _ login: String, _ body: String, isPullRequest: Bool = true
  ) async throws -> Work.AnswerCommand {
    let id = hub.addComment(body, by: login, on: service.reference)
    let work = Work.AnswerCommand(
      access: service.access,
      comment: ForgeEvent.CommentEvent(
        change: .created,
        comment: ForgeComment(
          id: id, author: Self.account(login), body: body,
          createdAt: Date(timeIntervalSince1970: 1)),
        kind: .conversation, subject: service.reference, isPullRequest: isPullRequest,
        subjectAuthor: Self.account("ada")),
      repository: ServiceBench.repository)
    _ = try await answer.run(work)
    return work
  }

  /// Everything that Stet has said, in its order.
  var answers: [String] {
    hub.comments(on: service.reference).map(\.body).filter { $0.hasPrefix("<!-- stet:answer ") }
  }

  /// The address of the newest link.
  func link() throws -> String {
    let answer = try #require(answers.last { $0.contains("](") })
    let begin = try #require(answer.range(of: "]("))
    return String(answer[begin.upperBound...].prefix { $0 != ")" })
  }

  // MARK: Signing in

  /// What the forge hands a browser that opens an address.
  func opens(_ address: String, as login: String) throws -> [String: String] {
    let back = try #require(hub.browserFollows(address, as: login))
    #expect(back.hasPrefix(Self.redirect + "?"))
    let items = URLComponents(string: back)?.queryItems ?? []
    return Dictionary(items.map { ($0.name, $0.value ?? "") }) { first, _ in first }
  }

  @discardableResult
  func comesBack(_ query: [String: String]) async throws -> SignIns.Ending {
    try await signIns.finish(
      state: query["state"], code: query["code"], refusal: query["error"])
  }

  @discardableResult
  func signsIn(_ address: String? = nil, as login: String) async throws -> SignIns.Ending {
    try await comesBack(try opens(try address ?? link(), as: login))
  }

  /// Runs what was enqueued meanwhile, as workers do. - Returns: how many jobs.
  @discardableResult
  func work() async throws -> Int {
    var count = 0
    while true {
      let jobs = try await service.jobs.jobs(
        JobFilter(states: [.available], kind: Work.AnswerCommand.kind))
      guard !jobs.isEmpty else { return count }
      for job in jobs {
        _ = try await answer.run(try Work.AnswerCommand(of: job))
        // A job that is done twice says nothing twice.
        _ = try await answer.run(try Work.AnswerCommand(of: job))
        _ = try await service.jobs.cancel(id: job.id, reason: "done")
        count += 1
      }
    }
  }

  func linked(_ login: String) async throws -> AccountLink? {
    try await links.link(forge: "github", user: Self.people[login] ?? 0)
  }

  func audited() async throws -> [String] {
    try await service.audit.entries(after: 0, limit: 200).map(\.event.action)
  }
}
