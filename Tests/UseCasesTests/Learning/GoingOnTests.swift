import Domain
import Foundation
import Storage
import Synchronization
import TestKit
import Testing

@testable import UseCases

/// What was asked goes on once somebody has agreed or signed in: for them, and as it was asked.
@Suite struct GoingOnTests {
  private func edit(
    _ work: Work.AnswerCommand, to body: String, _ bench: AskingBench
  ) async throws {
    let forge = try await bench.service.openForge(bench.service.access)
    try await forge.edit(
      comment: work.comment.comment.id, in: ServiceBench.repository, to: body)
  }

  /// Whoever may write may edit comments: to agree is to agree for oneself.
  @Test func anEditedCommentAsksForNobodyElse() async throws {
    let bench = try await AskingBench(signsIn: false)
    let asked = try await bench.says("grace", "@stet review as lin")
    try await edit(asked, to: "@stet review as grace\n@stet review as lin", bench)
    try await bench.says("lin", "@stet agree")
    #expect(try await bench.work() == 1)
    #expect(bench.started.now.map(\.user.id) == [107])

    let again = try await bench.says("grace", "@stet review as mallory")
    try await edit(again, to: "@stet review as grace", bench)
    try await bench.says("mallory", "@stet agree")
    try await bench.work()
    #expect(bench.started.now.map(\.user.id) == [107])
  }

  /// Also where the one who asked has to sign in in between.
  @Test func anEditedCommentAsksForNobodyElseAfterASignIn() async throws {
    let bench = try await AskingBench()
    let asked = try await bench.says("grace", "@stet review as lin")
    try await edit(asked, to: "@stet review as grace\n@stet review as lin", bench)
    try await bench.says("lin", "@stet agree")
    try await bench.work()
    #expect(try await bench.signsIn(as: "grace") == .signedIn(login: "grace"))
    try await bench.work()
    #expect(bench.started.now.map(\.user.id) == [107])
  }

  @Test func eachWhoWasAskedGoesOnByThemselves() async throws {
    let bench = try await AskingBench(signsIn: false)
    let asked = try await bench.says("grace", "@stet review as lin\n@stet review as mallory")
    let id = asked.comment.comment.id
    #expect(bench.answers.count == 1)
    #expect(bench.answers[0].hasPrefix("<!-- stet:answer \(id) consent 107,166 -->"))
    #expect(bench.answers[0].contains("@lin, ") && bench.answers[0].contains("@mallory, "))
    try await bench.says("mallory", "@stet agree")
    #expect(try await bench.work() == 1)
    #expect(bench.started.now.map(\.user.id) == [166])
    // The answers so far: who is asked, and that mallory was heard. Nobody is asked twice.
    #expect(bench.answers.count == 2)
    try await bench.says("lin", "@stet agree")
    #expect(try await bench.work() == 1)
    #expect(bench.started.now.map(\.user.id) == [166, 107])
    #expect(bench.answers.count == 3)
  }

  @Test func whoWasAskedIsNotAskedAgainAfterASignIn() async throws {
    let bench = try await AskingBench()
    try await bench.says("grace", "@stet review as grace\n@stet review as lin")
    #expect(bench.answers.count == 1)
    try await bench.signsIn(as: "grace")
    try await bench.work()
    #expect(bench.started.now.map(\.user.id) == [105])
    #expect(bench.answers.count == 1)
    try await bench.says("lin", "@stet agree")
    try await bench.work()
    #expect(bench.started.now.map(\.user.id) == [105, 107])
  }

  @Test func inAThreadItIsAnsweredThere() async throws {
    let bench = try await AskingBench(signsIn: false)
    let place = ForgeComment.Place(
      path: "orders.py", side: .new, line: 3, commit: "c", inReplyTo: 41, diffHunk: "@@")
    for (id, place, thread) in [(42, place, 41), (43, nil, nil)]
      as [(Int64, ForgeComment.Place?, Int64?)]
    {
      _ = try await bench.answer.run(
        Work.AnswerCommand(
          access: bench.service.access,
          comment: ForgeEvent.CommentEvent(
            change: .created,
            comment: ForgeComment(
              id: id, author: AskingBench.account("grace"), body: "@stet review as grace",
              createdAt: Date(timeIntervalSince1970: 1), place: place),
            kind: place == nil ? .conversation : .review, subject: bench.service.reference,
            isPullRequest: true, subjectAuthor: AskingBench.account("ada")),
          repository: ServiceBench.repository))
      #expect(bench.started.now.last?.thread == thread)
    }
    #expect(bench.started.now.count == 2)
  }

  // MARK: Cut off

  /// A process that ends before the link is used up has lost neither the token nor what goes on.
  @Test func aSignInThatIsCutOffIsDone() async throws {
    let bench = try await AskingBench()
    try await bench.says("grace", "@stet review as grace")
    let address = try bench.link()
    let query = try bench.opens(address, as: "grace")
    var ports = bench.signIns.ports
    ports.store = InterruptedSignIns(ports.store)
    let signIns = SignIns(ports: ports)
    await #expect(throws: StoreError.self) {
      try await signIns.finish(state: query["state"], code: query["code"])
    }
    let kept = try #require(try await bench.linked("grace"))
    #expect(bench.hub.signInTokens(of: "grace").contains(kept.token))
    #expect(try await bench.work() == 1)
    #expect(bench.started.now.count == 1)
    // The link is good once more, and what it does is done already.
    #expect(try await bench.signsIn(address, as: "grace") == .signedIn(login: "grace"))
    try await bench.work()
    #expect(bench.started.now.count == 1)
    let newer = try #require(try await bench.linked("grace"))
    #expect(bench.hub.signInTokens(of: "grace").contains(newer.token))
    #expect(try await bench.comesBack(query) == .used)
  }
}

/// Ends no sign-in the first time.
private final class InterruptedSignIns: SignInStore {
  private let store: any SignInStore
  private let failures = Mutex(1)

  init(_ store: any SignInStore) { self.store = store }

  func begin(_ signIn: PendingSignIn, state: String, at now: Date) async throws(StoreError) {
    try await store.begin(signIn, state: state, at: now)
  }
  func attempt(
    _ state: String, tries: Int, at now: Date
  ) async throws(StoreError) -> FoundSignIn? {
    try await store.attempt(state, tries: tries, at: now)
  }
  func finish(_ state: String, at now: Date) async throws(StoreError) -> Bool {
    let fails = failures.withLock { failures in
      failures -= 1
      return failures >= 0
    }
    if fails { throw StoreError(code: .unreachable, detail: "the process ends here.") }
    return try await store.finish(state, at: now)
  }
}
