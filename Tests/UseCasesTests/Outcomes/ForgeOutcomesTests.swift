import Domain
import Foundation
import TestKit
import Testing

@testable import UseCases

/// What people did on the forge with what Stet said there.
@Suite struct ForgeOutcomesTests {
  private static let me = ServiceBench.login(.token)

  private func finding(_ fingerprint: String) -> Finding {
    Finding(
      path: "app/run.py", side: .new, startLine: 1, line: 1, severity: .note, category: "style",
      message: "m", quote: "q", confidence: 1, source: .rule("a"), fingerprint: fingerprint)
  }

  private func bench(_ fingerprints: [String]) async throws -> (ServiceBench, [String: Int64]) {
    let bench = try await ServiceBench()
    let path = try #require(FakeGitHub.demoHead.keys.sorted().first)
    try await bench.runs.save(
      Run(
        id: "01", kind: .review, startedAt: Date(timeIntervalSinceNow: -3_600), seconds: 1,
        outcome: .completed, askedBy: "github:ann", subject: "\(bench.reference)",
        inputs: ["diff": "one"], modelCalls: [], claims: 0, masked: [:],
        review: Review(
          verdict: .comment, summary: "", findings: fingerprints.map(finding), dropped: [],
          coverage: Coverage(files: 1, hunks: 1, hunksReviewed: 1, skipped: []),
          usage: ModelUsage(), run: "01"), failure: nil, job: "job"))
    var comments: [String: Int64] = [:]
    for fingerprint in fingerprints {
      comments[fingerprint] = bench.hub.addReviewComment(
        "\(HiddenMarker.finding(fingerprint).text)\nmind this", by: Self.me, on: bench.reference,
        path: path, line: 1)
    }
    return (bench, comments)
  }

  private func fates(_ bench: ServiceBench) async throws -> [String: FindingFate] {
    let read = try await ReadOutcomes(
      ports: .init(
        runs: bench.runs, publications: bench.publications, openForge: bench.openForge)
    ).read(since: .distantPast)
    #expect(read.unseen.isEmpty)
    return Dictionary(uniqueKeysWithValues: read.outcomes.map { ($0.fingerprint, $0.fate) })
  }

  @Test func thumbsOfPeopleCountAndOthersDoNot() async throws {
    let names = ["aa", "bb", "cc", "dd", "ee"]
    let (bench, comments) = try await bench(names)
    func react(_ reaction: Reaction, _ login: String, _ name: String) {
      bench.hub.react(
        reaction, by: login, to: comments[name] ?? 0, in: ServiceBench.repository)
    }
    react(.thumbsUp, "ada", "aa")
    react(.thumbsDown, "ada", "bb")
    // Of two people, who differ: the no weighs more.
    react(.thumbsUp, "ada", "cc")
    react(.thumbsDown, "bob", "cc")
    react(.thumbsDown, Self.me, "dd")
    react(.thumbsDown, "robot[bot]", "dd")
    react(.heart, "ada", "ee")
    #expect(
      try await fates(bench)
        == ["aa": .resolved, "bb": .disputed, "cc": .disputed, "dd": .open, "ee": .open])
  }

  /// Who gave a thumb is asked only where there is one.
  @Test func whatNobodyReactedToCostsNoCall() async throws {
    let (bench, comments) = try await bench(["aa", "bb", "cc"])
    #expect(try await fates(bench).values.allSatisfy { $0 == .open })
    #expect(bench.hub.count("GET", "/reactions") == 0)
    bench.hub.react(
      .thumbsUp, by: "ada", to: comments["bb"] ?? 0, in: ServiceBench.repository)
    #expect(try await fates(bench)["bb"] == .resolved)
    #expect(bench.hub.count("GET", "/reactions") == 1)
  }

  /// A comment that only quotes the marker, or that another wrote, is not Stet's.
  @Test func aThumbOnAnothersCommentSaysNothing() async throws {
    let (bench, _) = try await bench(["aa"])
    let path = try #require(FakeGitHub.demoHead.keys.sorted().first)
    let other = bench.hub.addReviewComment(
      "\(HiddenMarker.finding("aa").text)\nmind this", by: "mallory", on: bench.reference,
      path: path, line: 1)
    bench.hub.react(.thumbsDown, by: "mallory", to: other, in: ServiceBench.repository)
    #expect(try await fates(bench) == ["aa": .open])
  }

  @Test func aForgeThatLimitsIsNotAskedOn() async throws {
    let (bench, _) = try await bench(["aa"])
    bench.hub.inject(
      GitHubFault(
        .answer(
          status: 403, body: #"{"message":"API rate limit exceeded"}"#,
          headers: [
            "x-ratelimit-remaining": "0", "x-ratelimit-reset": "4000000000",
          ]), on: "GET", "/comments"))
    let read = try await ReadOutcomes(
      ports: .init(
        runs: bench.runs, publications: bench.publications, openForge: bench.openForge)
    ).read(since: .distantPast)
    #expect(read.outcomes.map(\.fate) == [.open])
    #expect(read.unseen.keys.sorted() == ["\(bench.reference)"])
  }
}
