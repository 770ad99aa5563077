import Domain
import Forges
import Foundation
import Jobs
import Storage
import TestKit
import Testing
import WebClient

@testable import UseCases

/// What stands in the way of a review is told on the pull request, or waited for.
@Suite struct ReviewAsReplyTests {
  private static let eve = ForgeAccount(id: 177, login: "eve", isBot: false)

  /// Read in the asker's name, who does not see what Stet sees.
  @Test func aPrivateRepositoryThatTheAskerCannotReadIsToldOf() async throws {
    let bench = try await LearningBench()
    bench.addPast()
    let pull = bench.addPresent()
    try await bench.agree()
    bench.hub.setPrivate(LearningBench.repository, true)
    let token = ["token", "of", "eve"].joined(separator: "-")
    bench.hub.addToken(token, for: "eve")
    let hers = try GitHubConnection(
      GitHubConfiguration(
        apiURL: bench.server.url, credentials: .token(token), client: bench.client,
        retry: .never))
    var ports = bench.ports
    ports.openHistory = { access, _ in hers.forge(for: access.repository) }
    try await bench.enqueue(bench.asking(pull, asker: Self.eve))
    try await bench.work(with: ports)
    let answer = try #require(bench.answers(on: pull).first)
    #expect(answer.contains("`eve` cannot see octo-org/orders"), "\(answer)")
    #expect(bench.answers(on: pull).count == 1 && bench.likenesses(on: pull).isEmpty)
    #expect(try await bench.rows("gatherings") == 0)
  }

  @Test func aSignInThatIsRevokedWhileItIsReadIsToldOf() async throws {
    let bench = try await LearningBench()
    bench.addPast(pulls: 90)
    let pull = bench.addPresent()
    try await bench.agree()
    bench.hub.inject(
      GitHubFault(
        .answer(status: 401, body: "{\"message\":\"Bad credentials\"}"), on: "GET",
        "/pulls/comments", times: 9, skipping: 1))
    var ports = bench.ports
    ports.isOver = { error, _, _ in error.code == .unauthorized }
    try await bench.enqueue(bench.asking(pull))
    try await bench.work(with: ports)
    let answer = try #require(bench.answers(on: pull).first)
    #expect(answer.contains("The sign-in of `ada` is over or was revoked"), "\(answer)")
    #expect(answer.contains("Ask again for a new link"))
    #expect(bench.answers(on: pull).count == 1)
    #expect(try await bench.rows("gatherings") == 0)
  }

  /// It is put off, goes on where it stood, and says nothing of it.
  @Test func aRateLimitWhileItIsReadIsWaitedFor() async throws {
    let bench = try await LearningBench()
    bench.addPast(pulls: 90)
    let pull = bench.addPresent()
    try await bench.agree()
    bench.hub.inject(
      GitHubFault(
        .answer(
          status: 429, body: "{\"message\":\"API rate limit exceeded\"}",
          headers: ["retry-after": "1"]), on: "GET", "/pulls/comments", skipping: 1))
    try await bench.enqueue(bench.asking(pull))
    try await bench.work()
    #expect(bench.likenesses(on: pull).count == 1)
    let answers = bench.answers(on: pull)
    #expect(answers.count == 1 && answers.first?.contains("rate limit") == false)
    #expect(try await bench.reviewer()?.comments == 90)
  }

  /// What broke may name paths of the machine: it stays with whoever runs Stet.
  @Test func whatBrokeIsNotRepeatedInPublic() async throws {
    let bench = try await LearningBench()
    bench.addPast()
    let pull = bench.addPresent()
    try await bench.agree()
    var ports = bench.ports
    ports.gatherings = BrokenGatherings()
    try await bench.enqueue(bench.asking(pull))
    try await bench.work(with: ports)
    let answer = try #require(bench.answers(on: pull).first)
    #expect(!answer.contains("/srv/secret"), "\(answer)")
    #expect(answer.contains("ask again") && answer.contains("stet jobs list"))
    #expect(bench.answers(on: pull).count == 1)
    let jobs = try await bench.jobs.jobs(JobFilter(kind: Work.LearnReviewer.kind))
    #expect(jobs.first?.errors.last?.message.contains("/srv/secret") == true)
  }
}

private struct BrokenGatherings: GatheringStore {
  private static let broken = StoreError(
    code: .corrupt, detail: "/srv/secret/stet.db is damaged at page 7.")

  func pages(of gathering: String) async throws(StoreError) -> [GatheredPage] {
    throw Self.broken
  }
  func add(
    _ page: GatheredPage, number: Int, to gathering: String
  ) async throws(StoreError) { throw Self.broken }
  func remove(_ gathering: String) async throws(StoreError) {}
  func removeAll(olderThan age: Duration) async throws(StoreError) -> Int { 0 }
}
