import Foundation
import Storage

/// Whether memory grows with the jobs that went through: one process adds and works, with a bounded
/// number waiting, and what is completed stays in the store.
struct MemoryGrowth {
  private let engine: Engine
  private let options: Options
  private static let most = 5_000
  private static let batch = 500

  init(_ engine: Engine, _ options: Options) throws {
    (self.engine, self.options) = (engine, options)
  }

  func run() async throws -> Line {
    let count: Int = try options.number("count")
    let working = try Working(engine, options)
    _ = try await engine.database.schemaVersion()
    let task = working.start()
    defer { task.cancel() }
    let began = ContinuousClock.now
    var (added, early, earlyTook) = (0, 0, Duration.zero)
    while working.tally.count < count {
      if early == 0, working.tally.count >= count / 10 {
        (early, earlyTook) = (Self.residentBytes(), ContinuousClock.now - began)
      }
      if added < count, added - working.tally.count < Self.most {
        try await engine.enqueue(
          Array(repeating: monotonicNanoseconds(), count: min(Self.batch, count - added)))
        added = min(count, added + Self.batch)
      } else {
        try await Task.sleep(for: .milliseconds(2))
      }
    }
    let took = ContinuousClock.now - began
    return Line().with("jobs", count)
      .with("MB at a tenth", Double(early) / 1e6)
      .with("MB at the end", Double(Self.residentBytes()) / 1e6)
      .with("jobs/s of the first tenth", Double(count / 10) / earlyTook.inSeconds)
      .with("jobs/s of the rest", Double(count - count / 10) / (took - earlyTook).inSeconds)
  }

  private static func residentBytes() -> Int {
    let statm = (try? String(contentsOfFile: "/proc/self/statm", encoding: .ascii)) ?? ""
    let pages = statm.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
    return pages * sysconf(Int32(_SC_PAGESIZE))
  }
}
