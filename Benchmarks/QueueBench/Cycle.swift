import Storage

/// The whole life of jobs in one process: all enqueued in batches, then claimed and completed.
struct Cycle {
  private let engine: Engine
  private let options: Options

  init(_ engine: Engine, _ options: Options) throws {
    (self.engine, self.options) = (engine, options)
  }

  func run() async throws -> Line {
    let (count, batch): (Int, Int) = (try options.number("count"), try options.number("batch"))
    let working = try Working(engine, options)
    _ = try await engine.database.schemaVersion()
    let began = ContinuousClock.now
    for first in stride(from: 0, to: count, by: batch) {
      try await engine.enqueue(
        Array(repeating: monotonicNanoseconds(), count: min(batch, count - first)))
    }
    let enqueued = ContinuousClock.now - began
    let worked = try await working.complete(count)
    return Line().with("jobs", count)
      .with("enqueue/s", Double(count) / enqueued.inSeconds)
      .with("work/s", Double(count) / worked.inSeconds)
      .with("jobs/s", Double(count) / (enqueued + worked).inSeconds)
  }
}
