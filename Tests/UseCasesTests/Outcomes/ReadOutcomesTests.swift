import Domain
import Foundation
import Storage
import TestKit
import Testing

@testable import UseCases

/// From stored runs to what is silenced, on a real database.
@Suite struct ReadOutcomesTests {
  private static let repository = RepositoryName(owner: "acme", name: "app")
  private static let start = Date(timeIntervalSince1970: 1_800_000_000)

  private func finding(_ rule: String, _ number: Int) -> Finding {
    Finding(
      path: "a.py", side: .new, startLine: 1, line: 1, severity: .note, category: "style",
      message: "m", quote: "q", confidence: 1, source: .rule(rule),
      fingerprint: "\(rule)-\(number)")
  }

  private func run(
    _ id: String, _ subject: String, hours: Double, _ findings: [Finding], isPosted: Bool = true
  ) -> Run {
    Run(
      id: id, kind: .review, startedAt: Self.start.addingTimeInterval(hours * 3_600), seconds: 1,
      outcome: .completed, askedBy: "github:ann", subject: subject, inputs: ["diff": id],
      modelCalls: [], claims: 0, masked: [:],
      review: Review(
        verdict: .comment, summary: "", findings: findings, dropped: [],
        coverage: Coverage(files: 1, hunks: 1, hunksReviewed: 1, skipped: []),
        usage: ModelUsage(), run: id), failure: nil, job: isPosted ? "job-\(id)" : nil)
  }

  private func withStores(
    _ body: (SQLRunStore, SQLPublicationStore, SQLOutcomeFilterStore) async throws -> Void
  ) async throws {
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "stet-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let database = SQLiteDatabase(path: folder.appending(path: "stet.db").path)
    try await body(
      SQLRunStore(database), SQLPublicationStore(database), SQLOutcomeFilterStore(database))
  }

  private func reading(_ runs: SQLRunStore, _ publications: SQLPublicationStore) -> ReadOutcomes {
    ReadOutcomes(
      ports: .init(
        runs: runs, publications: publications,
        now: { Self.start.addingTimeInterval(100 * 86_400) }))
  }

  @Test func fatesComeFromLaterRunsAndFromWhatWasAsked() async throws {
    try await withStores { runs, publications, _ in
      try await runs.save(
        run(
          "01", "acme/app#1", hours: 1,
          [finding("a", 1), finding("b", 1), finding("c", 1), finding("e", 1)]))
      var later = run("02", "acme/app#1", hours: 2, [finding("b", 1)])
      // A filter hid it; it is not fixed.
      later.silenced = ["e-1"]
      try await runs.save(later)
      try await runs.save(run("03", "acme/app#1", hours: 3, [], isPosted: false))
      try await runs.save(run("04", "acme/lib#1", hours: 3, [finding("d", 1)]))
      var record = Publication(
        forge: "github", reference: PullRequestReference(Self.repository, 1))
      record.ignored = ["c-1": "github:ann"]
      _ = try await publications.save(record)
      let read = try await reading(runs, publications).read(
        repository: RepositoryName(owner: "ACME", name: "app"), since: Self.start)
      let fates = Dictionary(
        uniqueKeysWithValues: read.outcomes.map { ($0.fingerprint, $0.fate) })
      #expect(fates == ["a-1": .fixed, "b-1": .ignored, "c-1": .disputed, "e-1": .ignored])
    }
  }

  @Test func whatIsIgnoredIsSilencedSaidAndTakenBack() async throws {
    try await withStores { runs, publications, filters in
      for number in 1...40 {
        try await runs.save(
          run(
            "a\(1_000 + number)", "acme/app#\(number)", hours: Double(number),
            [finding("noise", number), finding("useful", number)]))
        try await runs.save(
          run(
            "b\(1_000 + number)", "acme/app#\(number)", hours: Double(number) + 0.5,
            [finding("noise", number)]))
      }
      let audit = InMemoryAuditTrail()
      let learning = LearnFilter(
        outcomes: reading(runs, publications), filters: filters, audit: audit)
      let trial = try await learning.learn(
        Self.repository, since: Self.start, askedBy: "cli", isTrial: true)
      #expect(trial.isFit)
      #expect(try await filters.used(of: Self.repository) == nil)

      let filter = try await learning.learn(Self.repository, since: Self.start, askedBy: "cli")
      #expect(filter.silences.map(\.source) == [.rule("noise")])
      #expect(try await filters.used(of: RepositoryName(owner: "Acme", name: "App"))?.version == 1)
      var review = try #require(
        run("x", "acme/app#99", hours: 1, [finding("noise", 99), finding("useful", 99)]).review)
      let said = try #require(filter.silence(&review))
      #expect(review.findings.map(\.source) == [.rule("useful")])
      #expect(said.contains("1 finding is not shown") && said.contains("version 1"))

      _ = try await learning.learn(Self.repository, since: Self.start, askedBy: "cli")
      #expect(try await filters.used(of: Self.repository)?.version == 2)
      #expect(try await learning.use(version: 1, of: Self.repository, askedBy: "cli"))
      #expect(try await filters.used(of: Self.repository)?.version == 1)
      #expect(try await !learning.use(version: 9, of: Self.repository, askedBy: "cli"))
      #expect(try await learning.use(version: nil, of: Self.repository, askedBy: "cli"))
      #expect(try await filters.used(of: Self.repository) == nil)
      #expect(try await filters.filters(of: Self.repository).map(\.version) == [2, 1])
      #expect(try await audit.entries(after: 0, limit: 9).count == 4)
    }
  }
}
