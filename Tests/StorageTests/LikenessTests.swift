import Domain
import Foundation
import Jobs
import TestKit
import Testing

@testable import Storage

/// What every `SimilarAnswers` must do. - Parameter answers: empty ones.
func similarAnswersContract(_ answers: any SimilarAnswers, _ clock: TestClock) async throws {
  #expect(try await answers.wordings(in: "s", limit: 9).isEmpty)
  let first = IssueWording(title: "Login fails", description: "Nothing happens.")
  let second = IssueWording(
    title: "Naïve 日本 \0", description: String(repeating: "x y ", count: 999))
  try await answers.remember(first, as: "k1", in: "s")
  clock.advance(1)
  try await answers.remember(second, as: "k2", in: "s")
  clock.advance(1)
  try await answers.remember(IssueWording(title: [], text: []), as: "k3", in: "other")
  let found = try await answers.wordings(in: "s", limit: 9)
  #expect(found.map(\.key) == ["k2", "k1"])
  #expect(found.map(\.wording) == [second, first])
  #expect(try await answers.wordings(in: "s", limit: 1).map(\.key) == ["k2"])
  #expect(try await answers.wordings(in: "s", limit: -1).isEmpty)
  #expect(
    try await answers.wordings(in: "other", limit: 9).first?.wording
      == IssueWording(title: [], text: []))
  clock.advance(1)
  try await answers.remember(second, as: "k1", in: "s")
  #expect(try await answers.wordings(in: "s", limit: 9).map(\.wording) == [second, second])
}

/// What every `VectorStore` must do. - Parameter store: an empty one.
func vectorStoreContract(_ store: any VectorStore) async throws {
  #expect(try await store.vectors(for: ["a"]).isEmpty)
  #expect(try await store.vectors(for: []).isEmpty)
  try await store.store([:])
  let vectors = Dictionary(
    uniqueKeysWithValues: (0..<300).map { number in
      ("k\(number)", [Float(number), -0.5, .leastNonzeroMagnitude, 3.25e-7])
    })
  try await store.store(vectors)
  #expect(try await store.vectors(for: Array(vectors.keys) + ["none", "k1"]) == vectors)
  try await store.store(["k1": [1]])
  #expect(try await store.vectors(for: ["k1", "k2"]) == ["k1": [1], "k2": vectors["k2"] ?? []])
}

@Suite struct LikenessTests {
  @Test func inMemory() async throws {
    try await similarAnswersContract(InMemorySimilarAnswers(), TestClock())
    try await vectorStoreContract(InMemoryVectorStore())
  }

  @Test(arguments: Engine.available)
  func inADatabase(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let clock = TestClock()
      try await similarAnswersContract(SQLSimilarAnswers(database) { clock.now }, clock)
      try await vectorStoreContract(SQLVectorStore(database))
    }
  }

  @Test func theLeastUsedGoFirstAndDamageIsNoAnswer() async throws {
    try await Engine.sqlite.withDatabase { database in
      let clock = TestClock()
      let store = SQLVectorStore(database, limit: ByteCount(40)) { clock.now }
      for number in 0..<6 {
        try await store.store(["k\(number)": [1, 2]])
        clock.advance(1)
      }
      let left = try await store.vectors(for: (0..<6).map { "k\($0)" })
      #expect(Set(left.keys) == ["k1", "k2", "k3", "k4", "k5"])
      try await database.change([SQLStatement("UPDATE vectors SET body = X'0102' WHERE key = 'k5'")]
      )
      #expect(try await store.vectors(for: ["k5", "k4"]).keys.sorted() == ["k4"])
      let answers = SQLSimilarAnswers(database)
      try await answers.remember(IssueWording(title: "a", description: ""), as: "k", in: "s")
      for damage in ["X'01'", "X'FFFFFFFF'", "X''"] {
        try await database.change([SQLStatement("UPDATE wordings SET body = \(damage)")])
        #expect(try await answers.wordings(in: "s", limit: 5).isEmpty)
      }
    }
  }
}

@Suite struct IssueIntakeTests {
  private static func issue(_ number: Int) -> TrackedIssue {
    let now = Date(timeIntervalSince1970: 1_800_000_000 + Double(number))
    return TrackedIssue(
      id: TimeOrderedID.next(now), title: "t\(number)", description: "d", priority: nil,
      createdAt: now, updatedAt: now)
  }

  private static func job(_ issue: TrackedIssue, _ arguments: String = "{}") -> NewJob {
    NewJob(kind: "enrich-issue", arguments: arguments, uniqueKey: issue.id, group: "issues")
  }

  @Test(arguments: Engine.available)
  func issuesAndJobsAreStoredTogetherInTheirOrder(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let issues = (0..<100).map(Self.issue)
      let intake = SQLIssueIntake(database)
      let stored = try await intake.store(issues.map { ($0, Self.job($0)) })
      #expect(stored.map(\.id) == issues.map(\.id))
      let jobs = try await SQLJobStore(database).jobs(JobFilter(limit: 200))
      #expect(Set(stored.compactMap(\.job)) == Set(jobs.map(\.id)))
      #expect(jobs.count == 100)
      let read = try await SQLIssueStore(database).issues(limit: 200, before: nil)
      #expect(read == stored.reversed())
      #expect(try await intake.store([]).isEmpty)
    }
  }

  @Test(arguments: Engine.available)
  func whatCannotBeStoredLeavesNothing(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let issues = (0..<3).map(Self.issue)
      let intake = SQLIssueIntake(database)
      await #expect(throws: StoreError.self) {
        try await intake.store(
          [(issues[0], Self.job(issues[0])), (issues[1], Self.job(issues[1], "no JSON"))])
      }
      // The second statement of the transaction fails: the first is taken back with its job.
      try await database.change([
        SQLStatement("CREATE UNIQUE INDEX one_title ON issues (status)")
      ])
      await #expect(throws: StoreError.self) {
        try await intake.store(issues.map { ($0, Self.job($0)) })
      }
      #expect(try await SQLIssueStore(database).issues(limit: 9, before: nil).isEmpty)
      #expect(try await SQLJobStore(database).jobs(JobFilter()).isEmpty)
    }
  }
}
