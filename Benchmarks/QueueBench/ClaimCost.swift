import Jobs
import Storage

/// What a claim and a completion cost beside so many finished jobs.
struct ClaimCost {
  private let engine: Engine
  private let options: Options

  init(_ engine: Engine, _ options: Options) throws {
    (self.engine, self.options) = (engine, options)
  }

  func run() async throws -> Line {
    let finished: Int = try options.number("finished")
    let (count, batch): (Int, Int) = (
      try options.number("count", or: 10_000), try options.number("batch", or: 100)
    )
    _ = try await engine.database.schemaVersion()
    try await addFinished(finished)
    for first in stride(from: 0, to: count, by: 500) {
      try await engine.enqueue(Array(repeating: 0, count: min(500, count - first)))
    }
    var (claims, ends): ([Double], [Double]) = ([], [])
    while true {
      let began = ContinuousClock.now
      let claimed = try await engine.store.claim(
        kinds: [Engine.kind], limit: batch, worker: "bench", lease: .seconds(60))
      if claimed.isEmpty { break }
      let between = ContinuousClock.now
      let held = try await engine.store.finish(claimed.map { EndedTry($0.lease, .completed) })
      guard held.allSatisfy({ $0 }) else { throw Misuse("a lease was lost.") }
      claims.append((between - began).inSeconds)
      ends.append((ContinuousClock.now - between).inSeconds)
    }
    return Line().with("finished", finished).with("batch", batch)
      .with("claim ms", median(claims) * 1000).with("complete ms", median(ends) * 1000)
  }

  private func median(_ values: [Double]) -> Double {
    values.isEmpty ? .nan : values.sorted()[values.count / 2]
  }

  /// Older than what is claimed, as jobs that were completed are.
  private func addFinished(_ count: Int) async throws {
    let piece = 50_000
    for first in stride(from: 0, to: count, by: piece) {
      try await engine.database.change([
        SQLStatement(
          """
          WITH RECURSIVE n (i) AS (
            SELECT CAST($1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $2
          )
          INSERT INTO jobs (id, kind, arguments, state, priority, attempt, max_attempts, created_at,
            scheduled_at, attempted_at, finished_at, lease_token, interruptions, cancel_requested,
            errors)
          SELECT '01900000-0000-7000-8000-' || CAST(100000000000 + i AS TEXT), '\(Engine.kind)',
            '{"at": 0}', 'completed', 0, 1, 8, 1700000000 + i, 1700000000 + i, 1700000000 + i,
            1700000000 + i, 1, 0, 0, '[]'
          FROM n
          """,
          [.integer(Int64(first)), .integer(Int64(min(count, first + piece)))])
      ])
    }
    if engine.isPostgres { try await engine.database.change([SQLStatement("ANALYZE jobs")]) }
  }
}
