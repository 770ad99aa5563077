import Storage

/// What adds jobs.
struct Enqueueing {
  private let engine: Engine

  init(_ engine: Engine) { self.engine = engine }

  /// Adds jobs until there are so many or the time is over.
  func run(_ options: Options) async throws -> Line {
    let (count, batch): (Int, Int) = (try options.number("count"), try options.number("batch"))
    let seconds: Double = try options.number("seconds", or: 3600)
    _ = try await engine.database.schemaVersion()
    let began = ContinuousClock.now
    var stored = 0
    while stored < count, (ContinuousClock.now - began).inSeconds < seconds {
      let size = min(batch, count - stored)
      try await engine.enqueue(Array(repeating: monotonicNanoseconds(), count: size))
      stored += size
    }
    return Line().with("jobs", stored).with("seconds", ContinuousClock.now - began)
  }

  /// Adds `rate` jobs a second: every 10 ms those that are due by then, in one call. The time of
  /// each is that at which it was due, so a producer that falls behind does not hide it.
  func produce(_ options: Options) async throws -> Line {
    let (rate, seconds): (Double, Double) = (
      try options.number("rate"), try options.number("seconds")
    )
    _ = try await engine.database.schemaVersion()
    let began = monotonicNanoseconds()
    var stored = 0
    while true {
      let now = Double(monotonicNanoseconds() - began) / 1e9
      let due = Int(min(now, seconds) * rate)
      if due > stored {
        try await engine.enqueue(
          (stored + 1...due).map { began + Int64(Double($0) / rate * 1e9) })
        stored = due
      }
      if now >= seconds { break }
      let took = Double(monotonicNanoseconds() - began) / 1e9 - now
      if took < 0.01 { try await Task.sleep(for: .seconds(0.01 - took)) }
    }
    return Line().with("jobs", stored)
      .with("seconds", Double(monotonicNanoseconds() - began) / 1e9)
  }
}
