import Domain
import Forges
import Foundation
import Jobs
import Storage
import TestKit
import Testing

@testable import UseCases

/// Which event leads to which job, on a real queue.
@Suite struct HandleEventTests {
  private static let repository = RepositoryName(owner: "octo-org", name: "orders")
  private static let ada = ForgeAccount(id: 1, login: "ada", isBot: false)
  private static let bot = ForgeAccount(id: 2, login: "renovate[bot]", isBot: true)

  private let handler: HandleEvent
  private let jobs: SQLJobStore
  private let inbox: SQLInbox

  init() {
    let path = FileManager.default.temporaryDirectory.appending(
      path: "stet-events-\(UUID().uuidString).db")
    let database = SQLiteDatabase(path: path.path)
    jobs = SQLJobStore(database)
    inbox = SQLInbox(database)
    handler = HandleEvent(
      ports: .init(
        inbox: inbox, readers: [GitHubWebhooks(secret: "s")], jobs: jobs,
        isOwn: { $1.login == "stet-bot" }))
  }

  // MARK: Events

  private func pull(
    _ state: PullRequest.State = .open, head: String = "aa", isDraft: Bool = false,
    author: ForgeAccount = ada
  ) -> PullRequest {
    PullRequest(
      reference: PullRequestReference(Self.repository, 5), title: "t", body: "b", state: state,
      isDraft: isDraft, author: author, head: head, base: "bb", headBranch: "c", baseBranch: "main",
      headRepository: Self.repository, url: "", updatedAt: Date(timeIntervalSince1970: 1))
  }

  private func event(
    _ content: ForgeEvent.Content, event: String = "pull_request", action: String? = nil,
    sender: ForgeAccount? = ada
  ) -> ForgeEvent {
    ForgeEvent(
      forge: "github", event: event, action: action, repository: Self.repository,
      installation: 9, sender: sender, content: content)
  }

  private func comment(
    _ body: String, change: ForgeEvent.CommentEvent.Change = .created,
    author: ForgeAccount = ada, isPullRequest: Bool = true
  ) -> ForgeEvent.Content {
    .comment(
      ForgeEvent.CommentEvent(
        change: change,
        comment: ForgeComment(
          id: 11, author: author, body: body, createdAt: Date(timeIntervalSince1970: 1)),
        kind: .conversation, subject: PullRequestReference(Self.repository, 5),
        isPullRequest: isPullRequest, subjectAuthor: Self.ada))
  }

  private func enqueued(_ event: ForgeEvent) -> [NewJob] {
    if case .enqueue(let jobs) = handler.decide(event) { return jobs }
    return []
  }

  private func review(_ event: ForgeEvent) throws -> Work.ReviewPullRequest? {
    guard let job = enqueued(event).first, job.kind == Work.ReviewPullRequest.kind else {
      return nil
    }
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .secondsSince1970
    return try decoder.decode(Work.ReviewPullRequest.self, from: Data(job.arguments.utf8))
  }

  @Test(arguments: [
    ForgeEvent.PullRequestChange.opened, .reopened, .synchronize, .readyForReview, .baseChanged,
  ])
  func theseAreReviewed(_ change: ForgeEvent.PullRequestChange) throws {
    let review = try #require(try review(event(.pullRequest(change, pull()))))
    #expect(review.access.installation == 9)
    #expect(review.pullRequest?.head == "aa")
    #expect(review.askedBy == "github:ada")
    #expect(review.isAskedFor == (change == .baseChanged))
    let job = try #require(enqueued(event(.pullRequest(change, pull()))).first)
    #expect(job.supersedeKey == "github:octo-org/orders#5")
    #expect(job.run != nil)
  }

  @Test(arguments: [
    ForgeEvent.PullRequestChange.edited, .labeled, .unlabeled, .assigned, .unassigned,
    .reviewRequested, .reviewRequestRemoved, .other,
  ])
  func theseAreNot(_ change: ForgeEvent.PullRequestChange) {
    #expect(enqueued(event(.pullRequest(change, pull()))).isEmpty)
  }

  @Test func draftsWaitAndBotsPullRequestsAreReviewed() throws {
    #expect(enqueued(event(.pullRequest(.opened, pull(isDraft: true)))).isEmpty)
    let byBot = event(.pullRequest(.opened, pull(author: Self.bot)), sender: Self.bot)
    #expect(try review(byBot) != nil)
  }

  @Test func whatStetDoesItselfCausesNothing() {
    let own = ForgeAccount(id: 3, login: "stet-bot", isBot: false)
    #expect(enqueued(event(.pullRequest(.opened, pull()), sender: own)).isEmpty)
    #expect(enqueued(event(comment("@stet review", author: own), sender: own)).isEmpty)
  }

  @Test func onlyNewCommandsOfPeopleAreHeard() {
    #expect(enqueued(event(comment("@stet review"))).map(\.kind) == [Work.AnswerCommand.kind])
    #expect(enqueued(event(comment("/stet help"))).count == 1)
    #expect(enqueued(event(comment("well done"))).isEmpty)
    #expect(enqueued(event(comment("> @stet review"))).isEmpty)
    #expect(enqueued(event(comment("@stet review", change: .edited))).isEmpty)
    #expect(enqueued(event(comment("@stet review", change: .deleted))).isEmpty)
    #expect(
      enqueued(event(comment("@stet review", author: Self.bot), sender: Self.bot)).isEmpty)
    // Sent by another than who wrote it, or by nobody that is named.
    #expect(enqueued(event(comment("@stet review", author: Self.ada), sender: Self.bot)).isEmpty)
    #expect(enqueued(event(comment("@stet review"), sender: nil)).isEmpty)
  }

  @Test func onesOwnCheckIsRunAgainWhenAsked() throws {
    func check(_ id: String?) -> ForgeEvent.Content {
      .check(
        ForgeEvent.Check(
          name: "stet", commit: "aa", status: "completed", conclusion: "failure",
          pullRequests: [5, 6], appID: 1, externalID: id))
    }
    let asked = event(check("stet"), event: "check_run", action: "rerequested")
    #expect(enqueued(asked).count == 2)
    #expect(try review(asked)?.isAskedFor == true)
    // It says whose it is, where one commit is the head of two.
    let one = enqueued(event(check("stet:6"), event: "check_run", action: "rerequested"))
    #expect(one.map(\.supersedeKey) == ["github:octo-org/orders#6"])
    for id in ["ci", "stet:", "stet:x", "stets:6", "stet:-1"] {
      #expect(enqueued(event(check(id), event: "check_run", action: "rerequested")).isEmpty)
    }
    #expect(enqueued(event(check("stet"), event: "check_run", action: "completed")).isEmpty)
  }

  // MARK: On the queue

  private func waiting() async throws -> [Job] {
    try await jobs.jobs(JobFilter(states: [.available, .scheduled, .retryable], limit: 50))
      .filter { $0.kind != Work.HandleDelivery.kind }
  }

  private func deliver(_ id: String, _ name: String, _ body: [UInt8]) async throws -> Job {
    let arguments = Work.HandleDelivery(delivery: "github:\(id)", event: name)
    let acceptance = try await inbox.accept(
      Delivery(id: "github:\(id)", event: name, meaning: id, body: body),
      enqueuing: NewJob(kind: Work.HandleDelivery.kind, arguments: try arguments.json()))
    guard case .accepted(let job) = acceptance else { throw JobFailure("not accepted") }
    return try #require(try await jobs.job(id: job))
  }

  @Test func aDeliveryHandledTwiceEnqueuesOnce() async throws {
    let body = Payloads.pullRequest("opened", head: "aa")
    let job = try await deliver("1", "pull_request", body)
    #expect(try await handler.handle(job) == .completed)
    #expect(try await handler.handle(job) == .completed)
    #expect(try await waiting().count == 1)
  }

  @Test func aNewerHeadTakesThePlaceOfAnOlder() async throws {
    for (index, head) in ["aa", "bb", "cc"].enumerated() {
      let body = Payloads.pullRequest(index == 0 ? "opened" : "synchronize", head: head)
      _ = try await handler.handle(try await deliver("\(index)", "pull_request", body))
    }
    let left = try await waiting()
    #expect(left.count == 1)
    #expect(left.first?.arguments.contains("\"head\":\"\(Payloads.sha("cc"))\"") == true)
  }

  @Test func closingTakesThePlaceOfWhatWaits() async throws {
    _ = try await handler.handle(
      try await deliver("1", "pull_request", Payloads.pullRequest("opened", head: "aa")))
    _ = try await handler.handle(
      try await deliver(
        "2", "pull_request", Payloads.pullRequest("closed", head: "aa", state: "closed")))
    let left = try await waiting()
    #expect(left.count == 1)
    #expect(left.first?.arguments.contains("\"state\":\"closed\"") == true)
  }

  @Test func whatCannotBeReadIsDiscardedWithASentence() async throws {
    let job = try await deliver("1", "pull_request", Array("<html>".utf8))
    do {
      _ = try await handler.handle(job)
      Issue.record("a page was taken for a delivery")
    } catch let failure as JobFailure {
      #expect(failure.isFinal)
      #expect(failure.message.contains("github:1"))
    }
  }

  /// Every sample of GitHub's own is read and leads to a decision.
  @Test func allSamplesAreDecided() async throws {
    let root = ProcessInfo.processInfo.environment["STET_SHARED_DATA"] ?? "../shared/data"
    let folder = URL(fileURLWithPath: root).appending(path: "github/webhooks")
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    if names.isEmpty { print("skipped: no webhooks in \(folder.path); set STET_SHARED_DATA") }
    var counts: [String: Int] = [:]
    for name in names.sorted() {
      let body = [UInt8](try Data(contentsOf: folder.appending(path: name)))
      let event = String(name.prefix { $0 != "." })
      let job = try await deliver(name, event, body)
      switch try await handler.handle(job) {
      case .completed: counts["enqueued", default: 0] += 1
      case .cancelled: counts["nothing follows", default: 0] += 1
      case .snoozed: Issue.record("\(name) was put off")
      }
    }
    if !names.isEmpty {
      print("webhook samples: \(counts)")
      #expect(counts["enqueued", default: 0] > 0)
    }
  }

  // MARK: Issues

  private func issue(
    title: String = "t", labels: [String] = [], isOpen: Bool = true, isPullRequest: Bool = false
  ) -> ForgeIssue {
    ForgeIssue(
      reference: PullRequestReference(Self.repository, 8), title: title, body: "b", isOpen: isOpen,
      isPullRequest: isPullRequest, author: Self.ada, labels: labels, url: "")
  }

  @Test(arguments: [
    (ForgeEvent.IssueChange.opened, Work.EnrichForgeIssue.Cause.opened), (.edited, .edited),
    (.unlabeled, .unlabeled),
  ])
  func anIssueIsLookedAt(
    _ change: ForgeEvent.IssueChange, _ cause: Work.EnrichForgeIssue.Cause
  ) throws {
    guard
      case .enqueue(let jobs) = handler.decide(
        event(.issue(change, issue()), event: "issues"))
    else {
      Issue.record("nothing was enqueued")
      return
    }
    #expect(jobs.count == 1)
    #expect(jobs[0].kind == Work.EnrichForgeIssue.kind)
    #expect(jobs[0].arguments.contains("\"\(cause.rawValue)\""))
    // A removed label must not be lost to a newer look.
    #expect((jobs[0].supersedeKey == nil) == (change == .unlabeled))
  }

  @Test func anotherTextIsAnotherLook() throws {
    func key(_ title: String) -> String? {
      let decision = handler.decide(
        event(.issue(.edited, issue(title: title)), event: "issues"))
      guard case .enqueue(let jobs) = decision else { return nil }
      return jobs.first?.uniqueKey
    }
    #expect(key("one") != nil && key("one") == key("one"))
    #expect(key("one") != key("other"))
  }

  @Test func whatIsNoIssueOrNoPersonsIsLeft() {
    let bot = Self.bot
    let own = ForgeAccount(id: 3, login: "stet-bot", isBot: false)
    let left: [ForgeEvent] = [
      event(.issue(.opened, issue(isPullRequest: true)), event: "issues"),
      event(.issue(.opened, issue(isOpen: false)), event: "issues"),
      event(.issue(.closed, issue()), event: "issues"),
      event(.issue(.labeled, issue()), event: "issues"),
      event(.issue(.edited, issue()), event: "issues", sender: bot),
      event(.issue(.unlabeled, issue()), event: "issues", sender: bot),
      event(.issue(.edited, issue()), event: "issues", sender: nil),
      event(.issue(.opened, issue()), event: "issues", sender: own),
    ]
    for event in left {
      guard case .nothing = handler.decide(event) else {
        Issue.record("something follows from \(event.content)")
        continue
      }
    }
  }
}

private enum Payloads {
  static func sha(_ byte: String) -> String { String(repeating: byte, count: 20) }

  /// A webhook with the members that a pull request's event is read from.
  static func pullRequest(_ action: String, head: String, state: String = "open") -> [UInt8] {
    Array(
      """
      {"action":"\(action)","number":5,"installation":{"id":9},
      "sender":{"id":1,"login":"ada","type":"User"},
      "repository":{"id":3,"name":"orders","full_name":"octo-org/orders",
      "owner":{"id":4,"login":"octo-org","type":"Organization"}},
      "pull_request":{"number":5,"title":"t","body":null,"state":"\(state)","draft":false,
      "merged":false,"html_url":"https://github.example/octo-org/orders/pull/5",
      "user":{"id":1,"login":"ada","type":"User"},"labels":[],"comments":0,"review_comments":0,
      "changed_files":1,"created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:00Z",
      "head":{"sha":"\(sha(head))","ref":"change","repo":{"id":3,"name":"orders",
      "full_name":"octo-org/orders","owner":{"id":4,"login":"octo-org","type":"Organization"}}},
      "base":{"sha":"\(sha("bb"))","ref":"main","repo":{"id":3,"name":"orders",
      "full_name":"octo-org/orders","owner":{"id":4,"login":"octo-org","type":"Organization"}}}}}
      """.utf8)
  }
}
