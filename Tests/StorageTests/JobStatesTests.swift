import Domain
import Foundation
import Jobs
import Testing

@testable import Storage

/// Tries every event in every state and compares with the table of `docs/job-states.md`.
@Suite struct JobStatesTests {
  private struct Arrow: Hashable, CustomStringConvertible {
    var from: JobState
    var event: String
    var to: JobState
    var tries: String
    var description: String { "| \(from) | \(event) | \(to) | \(tries) |" }
  }

  private func documented() throws -> Set<Arrow> {
    let page = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "docs/job-states.md")
    var arrows: Set<Arrow> = []
    for line in try String(contentsOf: page, encoding: .utf8).split(separator: "\n") {
      let cells = line.split(separator: "|", omittingEmptySubsequences: false)
        .map { $0.trimmingCharacters(in: .whitespaces) }
      guard cells.count == 6, let from = JobState(rawValue: cells[1]) else { continue }
      let to = try #require(JobState(rawValue: cells[3]))
      arrows.insert(Arrow(from: from, event: cells[2], to: to, tries: cells[4]))
    }
    return arrows
  }

  private struct Bench {
    var database: SQLiteDatabase
    var store: SQLJobStore
    var id: String
    /// The last lease of the job, held or not.
    var lease: Lease

    func set(_ assignment: String) async throws {
      try await database.change([
        SQLStatement("UPDATE jobs SET \(assignment) WHERE id = $1", [.text(id)])
      ])
    }

    /// Lets the job need another, and ends that one.
    func endNeed(_ result: JobResult) async throws {
      let need = NewJob(kind: "need", arguments: "{}")
      let needed = try #require(try await store.enqueue([need]).first).id
      try await database.change([
        SQLStatement(
          "INSERT INTO job_dependencies (job, needs) VALUES ($1, $2)", [.text(id), .text(needed)]),
        SQLStatement("UPDATE jobs SET dependents = 1 WHERE id = $1", [.text(needed)]),
      ])
      try await set("blockers = 1, scheduled_at = 0")
      let claimed = try await store.claim(
        kinds: ["need"], limit: 1, worker: "w", lease: .seconds(60))
      #expect(try await store.finish(try #require(claimed.first).lease, result))
    }

    func claim() async throws -> Lease? {
      try await store.claim(kinds: ["k"], limit: 1, worker: "w", lease: .seconds(60))
        .first?.lease
    }
  }

  private typealias Event = @Sendable (Bench) async throws -> Void

  private static let events: [(String, Event)] = [
    ("claimed", { _ = try await $0.claim() }),
    (
      "came due",
      { bench in
        try await bench.set("scheduled_at = 0")
        _ = try await bench.store.claim(
          kinds: ["other"], limit: 1, worker: "w", lease: .seconds(60))
      }
    ),
    ("needs completed", { try await $0.endNeed(.completed) }),
    ("need ended otherwise", { try await $0.endNeed(.discarded(message: "m")) }),
    ("completed", { _ = try await $0.store.finish($0.lease, .completed) }),
    ("snoozed", { _ = try await $0.store.finish($0.lease, .snoozed(.seconds(9))) }),
    (
      "cancelled by its handler",
      { _ = try await $0.store.finish($0.lease, .cancelled(reason: "r")) }
    ),
    (
      "failed",
      { _ = try await $0.store.finish($0.lease, .failed(message: "m", retryAfter: .seconds(9))) }
    ),
    (
      "failed for the last time",
      { bench in
        try await bench.set("max_attempts = attempt")
        _ = try await bench.store.finish(
          bench.lease, .failed(message: "m", retryAfter: .seconds(9)))
      }
    ),
    ("failed for good", { _ = try await $0.store.finish($0.lease, .discarded(message: "m")) }),
    ("handed back", { _ = try await $0.store.finish($0.lease, .handedBack) }),
    (
      "lease lost",
      { bench in
        try await bench.set("leased_until = 1")
        _ = try await bench.store.rescueLost().count
      }
    ),
    (
      "lease lost at the last try",
      { bench in
        try await bench.set("leased_until = 1, max_attempts = attempt")
        _ = try await bench.store.rescueLost().count
      }
    ),
    ("process ended", { _ = try await $0.store.rescueAll() }),
    ("asked to cancel", { _ = try await $0.store.cancel(id: $0.id, reason: "r") }),
    (
      "superseded",
      { bench in
        _ = try await bench.store.enqueue([
          NewJob(kind: "k", arguments: "{}", supersedeKey: "s", delay: .seconds(99))
        ])
      }
    ),
    ("retry asked", { _ = try await $0.store.retry(id: $0.id) }),
  ]

  /// Brings a fresh job to a state by the store's own means.
  private func bench(_ state: JobState, _ database: SQLiteDatabase) async throws -> Bench {
    let store = SQLJobStore(database)
    let new = NewJob(kind: "k", arguments: "{}", supersedeKey: "s")
    let id = try #require(try await store.enqueue([new]).first).id
    let claimed = try await store.claim(kinds: ["k"], limit: 1, worker: "w", lease: .seconds(60))
    let lease = try #require(claimed.first).lease
    switch state {
    case .running: break
    case .available: _ = try await store.finish(lease, .handedBack)
    case .scheduled: _ = try await store.finish(lease, .snoozed(.seconds(99)))
    case .retryable:
      _ = try await store.finish(lease, .failed(message: "m", retryAfter: .seconds(99)))
    case .completed: _ = try await store.finish(lease, .completed)
    case .cancelled: _ = try await store.finish(lease, .cancelled(reason: "r"))
    case .discarded: _ = try await store.finish(lease, .discarded(message: "m"))
    }
    let bench = Bench(database: database, store: store, id: id, lease: lease)
    // Two tries are behind it, so that every change of the count shows.
    try await bench.set("attempt = 2")
    #expect(try await store.job(id: id)?.state == state)
    return bench
  }

  @Test func everyArrowOfTheStoreIsInTheDocumentAndEveryOtherIsNone() async throws {
    let documented = try documented()
    #expect(documented.count > 15)
    var found: Set<Arrow> = []
    try await withFolder { folder in
      let database = SQLiteDatabase(path: folder + "/a.db")
      for state in JobState.allCases {
        for (name, event) in Self.events {
          try await database.change([SQLStatement("DELETE FROM jobs")])
          let bench = try await bench(state, database)
          try await event(bench)
          let after = try #require(try await bench.store.job(id: bench.id))
          if after.state == state {
            #expect(after.attempt == 2, "\(name) in \(state)")
            continue
          }
          let tries =
            switch after.attempt {
            case 3: "+1"
            case 1: "−1"
            case 0: "=0"
            default: ""
            }
          found.insert(Arrow(from: state, event: name, to: after.state, tries: tries))
        }
      }
    }
    #expect(found.subtracting(documented).map(\.description).sorted() == [])
    #expect(documented.subtracting(found).map(\.description).sorted() == [])
  }
}
