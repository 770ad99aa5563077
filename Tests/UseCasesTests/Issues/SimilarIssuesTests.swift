import Domain
import Foundation
import Jobs
import LanguageModels
import TestKit
import Testing
import WebClient

@testable import UseCases

/// Issues that are like others: answered from the cache, or named as their duplicates.
@Suite struct SimilarIssuesTests {
  private static let now = Date(timeIntervalSince1970: 1_800_000_000)
  private static let report = """
    Worker 7 gave up request 1042 at 0x7f3a9c00: the pool was empty, and every later request of the \
    same session hangs until the session is closed by hand.
    """

  private final class Tracker: Sendable {
    let issues = InMemoryIssueStore()
    let runs = InMemoryRunStore()
    let cache = InMemoryResponseCache()
    let similar = InMemorySimilarAnswers()

    func add(_ id: String, _ title: String, _ description: String) async throws {
      try await issues.save(
        TrackedIssue(
          id: id, title: title, description: description, priority: nil,
          createdAt: SimilarIssuesTests.now, updatedAt: SimilarIssuesTests.now))
    }

    func enrich(
      _ id: String, by model: (any LanguageModel)?, vectors: IssueVectors? = nil
    ) async throws -> (issue: TrackedIssue, run: Run) {
      let job = Job(
        id: "j-\(id)", kind: Work.EnrichIssue.kind, arguments: "{}", state: .running,
        uniqueKey: nil, supersedeKey: nil, priority: 0, attempt: 1, maxAttempts: 8,
        createdAt: SimilarIssuesTests.now, scheduledAt: SimilarIssuesTests.now,
        attemptedAt: SimilarIssuesTests.now, finishedAt: nil, errors: [], cancelRequested: false,
        run: "r-\(id)")
      let outcome = try await EnrichIssue(
        ports: .init(
          model: model, issues: issues, runs: runs, cache: cache, similar: similar,
          vectors: vectors, now: { SimilarIssuesTests.now }), callDeadline: .seconds(100)
      ).run(.init(issue: id, run: "r-\(id)"), job: job)
      #expect(outcome == .completed)
      return (
        try #require(try await issues.issue(id: id)),
        try #require(try await runs.run(id: "r-\(id)"))
      )
    }
  }

  // MARK: The cache

  @Test func nearlyTheSameIssueIsAnsweredFromTheCacheAndSaysSo() async throws {
    let tracker = Tracker()
    let fake = try await AnsweringModel([
      .tagged(["bug", "backend", "performance"], "Requests hang."),
      .tagged(["bug", "api", "urgent"], "Another thing.", duplicates: []),
    ])
    try await tracker.add("i1", "Every request hangs", Self.report)
    let first = try await tracker.enrich("i1", by: fake.model)
    #expect(first.run.result?["cached"] == .null)

    // Other numbers: the same words. A word more, and one less: nearly the same.
    try await tracker.add("i2", "Every request HANGS", Self.report.replacing("1042", with: "9"))
    let second = try await tracker.enrich("i2", by: fake.model)
    #expect(second.run.result?["cached"] == .number(1))
    try await tracker.add(
      "i3", "Every request hangs again", Self.report.replacing("later ", with: ""))
    let third = try await tracker.enrich("i3", by: fake.model)
    guard case .number(let likeness)? = third.run.result?["cached"] else {
      Issue.record("not from the cache")
      return
    }
    #expect((0.9..<1).contains(likeness))
    for one in [second, third] {
      #expect(one.issue.summary == "Requests hang." && one.issue.source == .model)
      #expect(one.issue.tags == ["bug", "backend", "performance"])
      #expect(one.run.modelCalls.map(\.cacheHit) == [true])
    }
    // What it was answered by is its duplicate.
    #expect(third.issue.duplicates.contains { $0.id == "i1" || $0.id == "i2" })
    #expect(fake.asked.count == 1)

    try await tracker.add("i4", "Every upload hangs", Self.report)
    #expect(try await tracker.enrich("i4", by: fake.model).issue.summary == "Another thing.")
    #expect(fake.asked.count == 2)
    let report = try await EnrichmentReport.read(runs: tracker.runs, issues: tracker.issues)
    #expect(report.enrichments == 4 && report.cached == 2 && report.fallbacks == 0)
  }

  @Test func whatWasAnsweredForOnePlaceIsNotGivenToAnother() async throws {
    let fake = try await AnsweringModel([], always: .tagged(["bug", "api", "urgent"]))
    let answers = SimilarReply(cache: InMemoryResponseCache(), similar: InMemorySimilarAnswers())
    let enricher = IssueEnricher(
      model: fake.model, answers: answers, random: { 7 }, callDeadline: .seconds(100))
    for (count, place) in [(1, "a"), (2, "b"), (2, "a")] {
      var work = EnrichmentWork(
        started: Self.now, run: "r", subject: "s", askedBy: "t", job: nil)
      _ = try await enricher.enrichment(
        EnrichmentRequest(place: place, title: "Every request hangs", description: Self.report),
        .nothing, attempt: 1, &work)
      #expect(fake.asked.count == count)
    }
  }

  @Test func aBrokenCacheCostsACallAndNoMore() async throws {
    let fake = try await AnsweringModel([], always: .tagged(["bug", "api", "urgent"]))
    let broken = StoreError(code: .failed, detail: "no disk")
    let answers = SimilarReply(
      cache: InMemoryResponseCache(failingWith: broken),
      similar: InMemorySimilarAnswers(failingWith: broken))
    let question = SimilarReply.Question(shape: ["m"], title: "t", description: "d")
    #expect(await answers.known(question) == nil)
    let enricher = IssueEnricher(
      model: fake.model, answers: answers, random: { 7 }, callDeadline: .seconds(100))
    var work = EnrichmentWork(started: Self.now, run: "r", subject: "s", askedBy: "t", job: nil)
    let enrichment = try await enricher.enrichment(
      EnrichmentRequest(place: "a", title: "t", description: "d"), .nothing, attempt: 1, &work)
    #expect(enrichment.cached == nil && enrichment.tags == ["bug", "api", "urgent"])
  }

  // MARK: Meaning

  private static let topics = [
    ["login", "signin", "password", "authenticate"], ["crash", "abort", "segfault"],
    ["dark", "theme", "colour"],
  ]

  private func embedding(
    _ server: FakeModelServer
  ) async throws -> (vectors: IssueVectors, socket: FaultServer) {
    let socket = try await server.listen()
    let settings = try ProviderSettings(
      kind: .llamacpp, model: server.model, baseURL: socket.url + "/v1", apiKey: server.key)
    let hasty = Timing(
      now: { ContinuousClock.now }, sleep: { try await Task.sleep(for: $0 / 20) },
      random: { 0.5 })
    let embedder = try #require(
      RemoteEmbedder(
        settings, model: server.model,
        client: WebClient(configuration: WebClientConfiguration(userAgent: "stet/test")),
        timing: hasty))
    return (IssueVectors(embedder: embedder, store: InMemoryVectorStore()), socket)
  }

  @Test func otherWordsForTheSameAreFoundByTheirMeaning() async throws {
    let server = FakeModelServer(.llamaCpp)
    server.embeds(topics: Self.topics)
    let (vectors, socket) = try await embedding(server)
    let tracker = Tracker()
    try await tracker.add("i1", "Login refuses me", "password password login")
    try await tracker.add("i2", "Abort at startup", "A segfault, a segfault, an abort.")
    try await tracker.add("i3", "Cannot authenticate", "signin authenticate signin")
    let secret = "ghp" + "_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    try await tracker.add("i4", "Theme", "colour \(secret)")
    let found = try await tracker.enrich("i3", by: nil, vectors: vectors)
    #expect(found.issue.duplicates.map(\.id) == ["i1"])
    #expect(found.issue.duplicates.first?.words == nil)
    #expect(found.issue.duplicates.first?.meaning ?? 0 > 0.95)
    #expect(found.run.result?["embedding_failure"] == .null)
    #expect(found.run.modelCalls.map(\.model) == [server.model])
    #expect(found.run.result?["duplicates"]?.array?.first?["meaning"] != .null)
    let sent = server.requests.map { String(decoding: $0.body, as: UTF8.self) }.joined()
    #expect(!sent.contains(secret))
    // Each text is sent once.
    let again = try await tracker.enrich("i2", by: nil, vectors: vectors)
    #expect(again.issue.duplicates.isEmpty && again.run.modelCalls.isEmpty)
    #expect(server.requests.count == 1)
    // Without such a model nothing of it is found.
    let without = try await tracker.enrich("i1", by: nil)
    #expect(without.issue.duplicates.isEmpty)
    await socket.stop()
  }

  @Test func aModelChoosesAmongBothKinds() async throws {
    let server = FakeModelServer(.llamaCpp)
    server.embeds(topics: Self.topics)
    let (vectors, socket) = try await embedding(server)
    let tracker = Tracker()
    try await tracker.add("i1", "Login refuses me", "password login")
    try await tracker.add("i2", "Cannot get in at all", "Nothing opens.")
    try await tracker.add("i3", "Cannot get in", "signin authenticate")
    let fake = try await AnsweringModel([
      .text(
        #"{"summary":"No way in.","tags":["bug","security","backend"],"duplicates":["i1","i2"]}"#
      )
    ])
    let found = try await tracker.enrich("i3", by: fake.model, vectors: vectors).issue.duplicates
    #expect(Set(found.map(\.id)) == ["i1", "i2"])
    #expect(found.first { $0.id == "i1" }?.meaning != nil)
    #expect(found.first { $0.id == "i2" }?.words != nil)
    await socket.stop()
  }

  @Test func aModelOfVectorsThatFailsCostsOnlyTheLikeness() async throws {
    let server = FakeModelServer(.llamaCpp)
    server.embeds(topics: Self.topics)
    server.script(Array(repeating: .error(status: 503, message: "down"), count: 9))
    let (vectors, socket) = try await embedding(server)
    let tracker = Tracker()
    try await tracker.add("i1", "Login refuses me", "password login")
    try await tracker.add("i2", "Cannot authenticate", "signin")
    let found = try await tracker.enrich("i2", by: nil, vectors: vectors)
    #expect(found.issue.duplicates.isEmpty && found.issue.status == .enriched)
    #expect(found.run.outcome == .completed)
    #expect(found.run.result?["embedding_failure"]?.string?.hasPrefix("unavailable") == true)
    #expect(found.run.modelCalls.map(\.failure) == ["unavailable"])
    await socket.stop()
  }

  @Test func aTextThatIsTooLongForItIsAskedForByItsBeginning() async throws {
    let server = FakeModelServer(.llamaCpp)
    server.embeds(topics: Self.topics)
    server.embeds(tokensAtMost: 200)
    let (vectors, socket) = try await embedding(server)
    let tail = String(repeating: "é words without a topic ", count: 100)
    let found = await vectors.vectors(
      of: [
        .init(id: "a", title: "Login", description: "password " + tail),
        .init(id: "b", title: "Crash", description: tail),
      ], deadline: .seconds(20))
    #expect(found.failure == nil && found.vectors.count == 2)
    let sizes = server.requests.map(\.body.count)
    #expect(sizes.count == 2 && sizes[1] < sizes[0])
    await socket.stop()
  }
}
