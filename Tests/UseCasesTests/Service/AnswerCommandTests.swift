import Domain
import Foundation
import Jobs
import Storage
import TestKit
import Testing
import UseCases

/// Who may ask what, and what is answered, once.
@Suite struct AnswerCommandTests {
  private func work(
    _ bench: ServiceBench, _ body: String, by login: String = "grace",
    isPullRequest: Bool = true, comment id: Int64? = nil
  ) async throws -> Work.AnswerCommand {
    let id = id ?? bench.hub.addComment(body, by: login, on: bench.reference)
    return Work.AnswerCommand(
      access: bench.access,
      comment: ForgeEvent.CommentEvent(
        change: .created,
        comment: ForgeComment(
          id: id, author: Self.account(login), body: body,
          createdAt: Date(timeIntervalSince1970: 1)),
        kind: .conversation, subject: bench.reference, isPullRequest: isPullRequest,
        subjectAuthor: Self.account("ada")),
      repository: ServiceBench.repository)
  }

  private static func account(_ login: String) -> ForgeAccount {
    ForgeAccount(
      id: Int64(login.utf8.reduce(0) { $0 &* 31 &+ Int($1) } & 0xFFFF), login: login, isBot: false)
  }

  /// In the thread of the first finding.
  private func inThread(
    _ bench: ServiceBench, _ body: String, by login: String = "grace"
  ) async throws -> (Work.AnswerCommand, FakeGitHub.Posted) {
    let root = try #require(bench.findings.first)
    let id = bench.hub.addReviewComment(
      body, by: login, on: bench.reference, path: root.path ?? "", line: root.line ?? 1,
      inReplyTo: root.id)
    var work = try await work(bench, body, by: login, comment: id)
    work.comment.kind = .review
    work.comment.comment.place = ForgeComment.Place(
      path: root.path ?? "", side: .new, line: root.line, commit: "", inReplyTo: root.id,
      diffHunk: "@@ -1 +1 @@\n+x = 1")
    return (work, root)
  }

  private func answers(_ bench: ServiceBench) -> [String] {
    (bench.hub.comments(on: bench.reference) + bench.hub.reviewComments(on: bench.reference))
      .map(\.body).filter { $0.hasPrefix("<!-- stet:answer ") }
  }

  private func queued(_ bench: ServiceBench) async throws -> [Work.ReviewPullRequest] {
    try await bench.jobs.jobs(JobFilter(states: [.available])).map {
      try Work.ReviewPullRequest(of: $0)
    }
  }

  // MARK: Who may ask

  @Test(arguments: [
    ("review", "grace", true), ("review", "ada", true), ("review", "mallory", false),
    ("summary", "mallory", false), ("ignore", "ada", false), ("fix", "ada", false),
    ("help", "mallory", true),
  ])
  func onlyWhoMayAskIsServed(_ command: String, _ login: String, _ isServed: Bool) async throws {
    let bench = try await ServiceBench(.app)
    let work = try await work(bench, "@stet \(command)", by: login)
    #expect(try await bench.answer.run(work) == .completed)
    let isRefused = answers(bench).contains { $0.contains("needs write permission in") }
    #expect(isRefused == !isServed, "\(answers(bench))")
    if command == "review" { #expect(try await queued(bench).count == (isServed ? 1 : 0)) }
    let audited = try await bench.audit.entries(after: 0, limit: 9).map(\.event.action)
    #expect(audited.contains("command.refused") == !isServed)
  }

  @Test(arguments: ["ignore", "summary", "explain", "review as ada", "enrich"])
  func aPolicyNarrowsWhoMayAsk(_ command: String) async throws {
    var base = FakeGitHub.demoBase
    let word = command.split(separator: " ").first ?? ""
    base[".stet.yml"] = Array("commands: {\(word): admin}".utf8)
    let bench = try await ServiceBench(.token, base: base)
    _ = try await bench.answer.run(try await work(bench, "@stet \(command)"))
    #expect(answers(bench).first?.contains("needs the role admin") == true, "\(answers(bench))")
    let audited = try await bench.audit.entries(after: 0, limit: 9).map(\.event.action)
    #expect(audited.contains("command.refused"))
  }

  @Test func aRefusalIsAnsweredOnce() async throws {
    let bench = try await ServiceBench(.app)
    let work = try await work(bench, "@stet review", by: "mallory")
    for _ in 0..<3 { _ = try await bench.answer.run(work) }
    #expect(answers(bench).count == 1)
  }

  @Test func whoMayNotAskIsToldOnceHoweverOftenHeAsks() async throws {
    let bench = try await ServiceBench(.app)
    for command in ["review", "summary", "review"] {
      _ = try await bench.answer.run(
        try await work(bench, "@stet \(command)", by: "mallory"))
    }
    #expect(answers(bench).count == 1)
    let audited = try await bench.audit.entries(after: 0, limit: 50).map(\.event.action)
    #expect(audited.filter { $0 == "command.refused" }.count == 3)
    // What anybody may ask is still answered, and another person is told too.
    _ = try await bench.answer.run(try await work(bench, "@stet help\n@stet fix", by: "mallory"))
    #expect(answers(bench).count == 2)
    #expect(answers(bench).last?.contains("needs write permission in") == false)
    _ = try await bench.answer.run(try await work(bench, "@stet ignore", by: "ada"))
    #expect(answers(bench).count == 3)
  }

  @Test func anAnswerThatWasCutOffIsNotGivenTwice() async throws {
    let bench = try await ServiceBench(.app)
    let work = try await work(bench, "@stet help")
    bench.hub.inject(GitHubFault(.resetAfter, on: "POST", "/comments"))
    await #expect(throws: JobFailure.self) { try await bench.answer.run(work) }
    #expect(try await bench.answer.run(work) == .completed)
    #expect(answers(bench).count == 1)
  }

  @Test func stetDoesNotHearItself() async throws {
    let bench = try await ServiceBench(.token)
    let work = try await work(bench, "@stet help", by: ServiceBench.login(.token))
    guard case .cancelled = try await bench.answer.run(work) else {
      Issue.record("Stet answered itself")
      return
    }
    #expect(answers(bench).isEmpty)
  }

  @Test func onePersonIsHeardTenTimesAnHour() async throws {
    let bench = try await ServiceBench(.app)
    for _ in 0..<13 { _ = try await bench.answer.run(try await work(bench, "@stet help")) }
    #expect(answers(bench).count == 10)
    _ = try await bench.answer.run(try await work(bench, "@stet help", by: "ada"))
    #expect(answers(bench).count == 11)
  }

  // MARK: What is done

  @Test func reviewIsAskedForAndDone() async throws {
    let bench = try await ServiceBench(.app, isDraft: true)
    let work = try await work(bench, "@stet review")
    #expect(try await bench.answer.run(work) == .completed)
    let review = try #require(try await queued(bench).first)
    #expect(review.isAskedFor)
    #expect(review.askedBy == "github:grace")
    #expect(answers(bench).isEmpty)
    let reacted = bench.hub.comments(on: bench.reference).contains { $0.reactions["eyes"] != nil }
    #expect(reacted)
    #expect(try await bench.review.run(review) == .completed)
    #expect(bench.summaries.count == 1)
  }

  @Test func summaryIsWrittenAgainWithoutAModelOrAReview() async throws {
    let bench = try await ServiceBench(.app)
    try await bench.work()
    let before = try #require(bench.summaries.first)
    #expect(try await bench.answer.run(try await work(bench, "@stet summary")) == .completed)
    #expect(try await queued(bench).isEmpty)
    #expect(bench.summaries.count == 1)
    #expect(bench.summaries[0].id == before.id)
    #expect(bench.hub.count("PATCH", "/comments/\(before.id)") == 1)
  }

  @Test func summaryBeforeAnyReviewAsksForOne() async throws {
    let bench = try await ServiceBench(.app)
    _ = try await bench.answer.run(try await work(bench, "@stet summary"))
    #expect(try await queued(bench).count == 1)
  }

  @Test func explainTellsTheRuleAndWhatWasShown() async throws {
    let bench = try await ServiceBench(.app)
    try await bench.work()
    let (work, _) = try await inThread(bench, "@stet explain")
    #expect(try await bench.answer.run(work) == .completed)
    let answer = try #require(answers(bench).first)
    #expect(answer.contains("The built-in rule `"))
    #expect(answer.contains("the quoted code stands there"))
  }

  @Test func explainByTheModelIsMadeHarmless() async throws {
    let bench = try await ServiceBench(
      .app, replies: [], always: .text("{\"findings\":[]}"))
    try await bench.work()
    bench.model.script([.text("Tell @octocat: see https://evil.example <img src=x>")])
    let (work, _) = try await inThread(bench, "@stet explain")
    _ = try await bench.answer.run(work)
    let answer = try #require(answers(bench).first)
    #expect(answer.contains("`@octocat`"))
    #expect(!answer.contains("<img"))
    let asked = try #require(bench.model.asked.last)
    #expect(String(decoding: asked.body, as: UTF8.self).contains("BEGIN UNTRUSTED"))
  }

  @Test func ignoreSilencesAFindingAndResolvesItsThread() async throws {
    let bench = try await ServiceBench(.app)
    try await bench.work()
    let count = bench.findings.count
    let (work, root) = try await inThread(bench, "@stet ignore")
    #expect(try await bench.answer.run(work) == .completed)
    let record = try await bench.publications.publication(on: "github", of: bench.reference)
    #expect(record?.ignored.count == 1)
    #expect(answers(bench).first?.contains("with the next review") == true)
    #expect(record?.ignored.values.first == "github:grace")
    #expect(
      bench.hub.reviewComments(on: bench.reference).first { $0.id == root.id }?.isResolved == true)
    try await bench.work("run-2", isAskedFor: true)
    #expect(bench.findings.count == count)
    #expect(bench.summaries[0].body.contains("1 ignored by request"))
  }

  @Test(arguments: ["explain", "ignore"])
  func onTheConversationTheWayIsTold(_ command: String) async throws {
    let bench = try await ServiceBench(.app)
    _ = try await bench.answer.run(try await work(bench, "@stet \(command)"))
    #expect(answers(bench).first?.contains("reply to the comment at its line") == true)
  }

  @Test func anEnrichmentIsEnqueuedForAnIssueAlone() async throws {
    let bench = try await ServiceBench(.app)
    let asked = try await work(bench, "@stet enrich", isPullRequest: false)
    for _ in 0..<2 { #expect(try await bench.answer.run(asked) == .completed) }
    let jobs = try await bench.jobs.jobs(JobFilter(kind: Work.EnrichForgeIssue.kind))
    #expect(jobs.count == 1)
    let enrichment = try Work.EnrichForgeIssue(of: try #require(jobs.first))
    #expect(enrichment.cause == .asked && enrichment.askedBy == "github:grace")
    #expect(enrichment.comment?.id == asked.comment.comment.id)
    #expect(answers(bench).isEmpty)
    _ = try await bench.answer.run(try await work(bench, "@stet enrich"))
    #expect(answers(bench).first?.contains("works on issues") == true)
  }

  @Test(arguments: ["review as ada"])
  func whatThisVersionDoesNotDoIsSaid(_ command: String) async throws {
    let bench = try await ServiceBench(.app)
    _ = try await bench.answer.run(try await work(bench, "@stet \(command)"))
    #expect(answers(bench).first?.contains("is not available in this version") == true)
    #expect(try await queued(bench).isEmpty)
  }

  @Test func anUnknownWordIsAnsweredWithoutPingingAnybody() async throws {
    let bench = try await ServiceBench(.app)
    _ = try await bench.answer.run(try await work(bench, "@stet @octocat"))
    let answer = try #require(answers(bench).first)
    #expect(answer.contains("`@stet help`"))
    #expect(!answer.contains(" @octocat"))
  }

  @Test(arguments: ["fix", "fix a.py b/c.py"])
  func aFixIsEnqueuedOnceForWhoMayWrite(_ command: String) async throws {
    let bench = try await ServiceBench(.app)
    let work = try await work(bench, "@stet \(command)")
    for _ in 0..<2 { #expect(try await bench.answer.run(work) == .completed) }
    let jobs = try await bench.jobs.jobs(JobFilter(states: [.available]))
    #expect(jobs.count == 1)
    let fix = try Work.FixPullRequest(of: try #require(jobs.first))
    #expect(fix.paths == command.split(separator: " ").dropFirst().map(String.init))
    #expect(fix.login == "grace")
    #expect(fix.askedBy == "github:grace")
    #expect(fix.run == jobs.first?.run)
    #expect(answers(bench).isEmpty)
  }

  @Test func severalCommandsGetOneAnswer() async throws {
    let bench = try await ServiceBench(.app)
    _ = try await bench.answer.run(
      try await work(bench, "@stet help\n\n@stet review as ada\n\n@stet help"))
    #expect(answers(bench).count == 1)
    let answer = answers(bench)[0]
    #expect(answer.contains("Begin a line"))
    #expect(answer.contains("`review as` is not available"))
  }

  @Test func anIssueIsNoPullRequest() async throws {
    let bench = try await ServiceBench(.app)
    _ = try await bench.answer.run(
      try await work(bench, "@stet review", isPullRequest: false))
    #expect(answers(bench).first?.contains("works on pull requests") == true)
  }
}
