import Domain
import Foundation
import Jobs
import Storage
import TestKit
import Testing

@testable import UseCases

/// Stale issues and pull requests, on a forge behind a socket.
@Suite struct StaleTests {
  private static let policy = """
    stale:
      remind: 60d
      close: 14d
      exempt: {labels: [security], drafts: true, milestones: true}
    """

  @Test func whatNobodyTouchesIsRemindedOfAndClosedOnce() async throws {
    let bench = try await OnTimeBench(Self.policy)
    let issue = bench.issue()
    try await bench.sweep()
    #expect(bench.hub.item(issue)?.labels == [])
    bench.pass(days: 61)
    for _ in 0..<3 { try await bench.sweep() }
    for reference in [issue, bench.bench.reference] {
      let item = try #require(bench.hub.item(reference))
      #expect(item.labels == ["stale"])
      #expect(item.comments.count == 1)
      #expect(item.comments.first?.contains("nothing happened for 61 days") == true)
      #expect(item.comments.first?.contains("14 days") == true)
    }
    bench.pass(days: 13)
    try await bench.sweep()
    #expect(bench.hub.item(issue)?.isOpen == true)
    bench.pass(days: 2)
    for _ in 0..<3 { try await bench.sweep() }
    let closed = try #require(bench.hub.item(issue))
    #expect(!closed.isOpen && closed.reason == "not_planned" && closed.comments.count == 2)
    #expect(bench.hub.item(bench.bench.reference)?.isOpen == false)
    #expect(
      try await bench.audited()
        == ["stale.reminded", "stale.reminded", "stale.closed", "stale.closed"])
    let entries = try await bench.bench.audit.entries(after: 0, limit: 9)
    #expect(entries.allSatisfy { $0.event.facts["reason"]?.isEmpty == false })
    #expect(entries.allSatisfy { $0.event.decidedBy == "stale" })
    #expect(try await bench.told().map(\.event) == [.stale, .stale])
  }

  @Test func anAnswerTakesTheLabelOffAgain() async throws {
    let bench = try await OnTimeBench(Self.policy)
    let issue = bench.issue()
    bench.pass(days: 61)
    try await bench.sweep()
    bench.pass(days: 1)
    // A program's comment is no answer.
    bench.hub.addComment("ping", by: "robot[bot]", on: issue)
    try await bench.sweep()
    #expect(bench.hub.item(issue)?.labels == ["stale"])
    bench.pass(days: 1)
    bench.hub.addComment("still so", by: "ada", on: issue)
    bench.hub.push(["more.py": Array("x = 1\n".utf8)], to: bench.bench.reference)
    try await bench.sweep()
    #expect(bench.hub.item(issue)?.labels == [])
    #expect(bench.hub.item(bench.bench.reference)?.labels == [])
    let woken = try await bench.bench.audit.entries(after: 0, limit: 99)
      .filter { $0.event.action == "stale.woken" }.compactMap { $0.event.facts["reason"] }
    #expect(Set(woken) == ["ada answered", "something was pushed"])
    bench.pass(days: 30)
    try await bench.sweep()
    #expect(bench.hub.item(issue)?.isOpen == true)
    // It may grow stale again, and is told so again.
    bench.pass(days: 40)
    try await bench.sweep()
    #expect(bench.hub.item(issue)?.labels == ["stale"])
  }

  /// The answer comes after the list was read.
  @Test func whoAnswersAtTheLastMomentIsHeard() async throws {
    let bench = try await OnTimeBench(Self.policy)
    let issue = bench.issue()
    bench.pass(days: 61)
    try await bench.sweep()
    bench.pass(days: 15)
    let forge = try await bench.bench.openForge(bench.bench.access)
    let listed = try #require(try await forge.openItem(issue))
    bench.hub.addComment("wait", by: "ada", on: issue)
    let items = StaleItems(
      ports: .init(
        forge: forge, notes: bench.bench.notes, audit: bench.bench.audit, notices: nil,
        now: { bench.now }),
      access: bench.bench.access, policy: StalePolicy(), actor: "test", job: nil)
    #expect(try await items.visit(listed))
    #expect(bench.hub.item(issue)?.isOpen == true)
    #expect(bench.hub.item(issue)?.labels == [])
  }

  @Test func someAreExempt() async throws {
    let bench = try await OnTimeBench(Self.policy)
    let secure = bench.issue("a", labels: ["security"])
    let planned = bench.issue("b")
    bench.hub.setMilestone("v2", of: planned)
    let draft = bench.hub.addPullRequest(
      in: OnTimeBench.repository, head: ["z": [1]], headBranch: "z", isDraft: true)
    bench.pass(days: 70)
    try await bench.sweep()
    for reference in [secure, planned, draft] {
      #expect(bench.hub.item(reference)?.comments.isEmpty == true)
    }
  }

  @Test func aShadowOnlyRecords() async throws {
    let bench = try await OnTimeBench("stale: {on: issues, shadow: true}")
    let issue = bench.issue()
    bench.pass(days: 61)
    for _ in 0..<2 { try await bench.sweep() }
    bench.pass(days: 15)
    for _ in 0..<2 { try await bench.sweep() }
    let item = try #require(bench.hub.item(issue))
    #expect(item.isOpen && item.labels.isEmpty && item.comments.isEmpty)
    #expect(try await bench.audited() == ["stale.shadow", "stale.shadow"])
  }

  /// The comment was written and its answer was lost.
  @Test func aReminderThatWasCutOffIsNotSaidTwice() async throws {
    let bench = try await OnTimeBench("stale: {on: issues}")
    let issue = bench.issue()
    bench.pass(days: 61)
    bench.hub.inject(
      GitHubFault(.resetAfter, on: "POST", "/issues/\(issue.number)/comments"))
    _ = try? await bench.sweep()
    #expect(bench.hub.item(issue)?.comments.count == 1)
    #expect(bench.hub.item(issue)?.labels == [])
    // It is not quiet any more; what was begun is finished all the same.
    try await bench.sweep()
    #expect(bench.hub.item(issue)?.comments.count == 1)
    #expect(bench.hub.item(issue)?.labels == ["stale"])
  }

  /// What is done first leaves the list, what is exempt stays at its head: neither starves the rest.
  @Test func aLongBacklogIsGoneThroughOverSeveralRuns() async throws {
    let bench = try await OnTimeBench("stale: {on: issues, exempt: {labels: keep}}")
    for number in 0..<450 {
      _ = bench.issue("i\(number)", labels: number % 3 == 0 && number < 300 ? ["keep"] : [])
    }
    bench.pass(days: 61)
    for _ in 0..<12 { try await bench.sweep(deeds: 100, pages: 3) }
    let marked = try await bench.audited().count { $0 == "stale.reminded" }
    #expect(marked == 350)
    #expect(bench.hub.count("POST", "/comments") == 350)
  }

  @Test func whatTheForgeRefusesKeepsNoneOfTheOthers() async throws {
    let bench = try await OnTimeBench("stale: {on: issues}")
    let (first, second) = (bench.issue("a"), bench.issue("b"))
    bench.pass(days: 61)
    bench.hub.inject(
      GitHubFault(
        .answer(status: 403, body: #"{"message":"locked"}"#), on: "POST",
        "/issues/\(first.number)/comments"))
    try await bench.sweep()
    try await bench.sweep()
    #expect(bench.hub.item(second)?.labels == ["stale"])
    #expect(bench.hub.item(first)?.comments.isEmpty == true)
    #expect(try await bench.audited() == ["stale.refused", "stale.reminded"])
  }

  @Test func aWebhookWakesAtOnce() async throws {
    let bench = try await OnTimeBench("stale: {on: issues}")
    let issue = bench.issue()
    bench.pass(days: 61)
    try await bench.sweep()
    let handler = HandleEvent(
      ports: .init(
        inbox: bench.bench.inbox, readers: [], jobs: bench.bench.jobs, followsPolicies: true,
        notes: bench.bench.notes))
    func event(_ reference: PullRequestReference, by login: String, isBot: Bool = false)
      -> ForgeEvent
    {
      let who = ForgeAccount(id: 5, login: login, isBot: isBot)
      return ForgeEvent(
        forge: "github", event: "issue_comment", action: "created",
        repository: OnTimeBench.repository, installation: nil, sender: who,
        content: .comment(
          .init(
            change: .created,
            comment: ForgeComment(id: 1, author: who, body: "yes", createdAt: bench.now),
            kind: .conversation, subject: reference, isPullRequest: false, subjectAuthor: nil)))
    }
    #expect(try await handler.waking(event(issue, by: "robot[bot]", isBot: true)).isEmpty)
    #expect(try await handler.waking(event(bench.bench.reference, by: "ada")).isEmpty)
    let job = try #require(try await handler.waking(event(issue, by: "ada")).first)
    #expect(job.kind == Work.WakeStaleItem.kind)
    let work = try JSONDecoder().decode(
      Work.WakeStaleItem.self, from: Data(job.arguments.utf8))
    let wake = WakeStaleItem(ports: bench.ports)
    #expect(try await wake.run(work) == .completed)
    #expect(bench.hub.item(issue)?.labels == [])
    guard case .cancelled = try await wake.run(work) else {
      Issue.record("it was done twice")
      return
    }
  }

  @Test func aRepositoryThatIsGoneIsForgotten() async throws {
    let bench = try await OnTimeBench("stale: {}")
    try await bench.register.note(bench.bench.access.known)
    bench.hub.deleteRepository(OnTimeBench.repository)
    guard case .cancelled = try await bench.sweep() else {
      Issue.record("a repository that is gone was gone through")
      return
    }
    #expect(try await bench.register.repositories(after: nil, limit: 9).isEmpty)
  }
}
