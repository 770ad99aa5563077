import Dispatch
import Domain
import Foundation
import Jobs
import Logging
import Storage

/// Workers of one process, whose handlers do nothing but count.
struct Working {
  private let engine: Engine
  let tally: Tally
  let workers: [Worker]

  private struct Arguments: Decodable {
    var at: Int64
  }

  init(_ engine: Engine, _ options: Options) throws {
    let concurrency: Int = try options.number("concurrency")
    let number: Int = try options.number("workers", or: 1)
    let tally = try Tally(folder: ProcessInfo.processInfo.environment["BENCH_TALLY"])
    let handler = JobHandler(Engine.kind) { context in
      let arguments = try JSONDecoder().decode(
        Arguments.self, from: Data(context.job.arguments.utf8))
      tally.begin(arguments.at)
      return .completed
    }
    workers = (0..<number).map { _ in
      Worker(
        store: engine.store, handlers: [handler], signal: engine.signal, events: JobEvents(),
        settings: WorkerSettings(
          concurrency: concurrency, mask: { SecretMask.masked($0).text }),
        logger: Self.logger)
    }
    (self.engine, self.tally) = (engine, tally)
  }

  private static var logger: Logger {
    var logger = Logger(label: "QueueBench") { StreamLogHandler.standardError(label: $0) }
    logger.logLevel = .warning
    return logger
  }

  /// Runs from the opening of the gate to SIGTERM.
  func untilStopped() async throws -> Line {
    _ = try await engine.database.schemaVersion()
    try await waitForGate()
    let task = start()
    signal(SIGTERM, SIG_IGN)
    let source = DispatchSource.makeSignalSource(signal: SIGTERM)
    source.setEventHandler { task.cancel() }
    source.resume()
    try await task.value
    return Line().with("jobs", tally.count)
  }

  private func waitForGate() async throws {
    guard let folder = ProcessInfo.processInfo.environment["BENCH_TALLY"] else {
      throw Misuse("BENCH_TALLY is not set.")
    }
    guard FileManager.default.createFile(atPath: "\(folder)/ready-\(getpid())", contents: nil)
    else { throw Misuse("\(folder) cannot be written.") }
    while !FileManager.default.fileExists(atPath: "\(folder)/gate") {
      try await Task.sleep(for: .milliseconds(5))
    }
  }

  /// Runs until so many jobs are completed in the store. - Returns: how long it took.
  func complete(_ count: Int, within limit: Duration = .seconds(600)) async throws -> Duration {
    let began = ContinuousClock.now
    let task = start()
    defer { task.cancel() }
    while tally.count < count {
      guard ContinuousClock.now - began < limit else {
        throw Misuse("\(tally.count) of \(count) jobs began within \(limit).")
      }
      try await Task.sleep(for: .milliseconds(5))
    }
    while try await engine.unfinished() > 0 {
      guard ContinuousClock.now - began < limit else { throw Misuse("jobs were not completed.") }
      try await Task.sleep(for: .milliseconds(5))
    }
    return ContinuousClock.now - began
  }

  /// Works while this process adds jobs, and until all of them began, or 5 s after.
  func whileProducing(_ produce: @Sendable () async throws -> Line) async throws -> Line {
    _ = try await engine.database.schemaVersion()
    let task = start()
    defer { task.cancel() }
    let line = try await produce()
    let end = ContinuousClock.now + .seconds(5)
    while try await engine.unfinished() > 0, ContinuousClock.now < end {
      try await Task.sleep(for: .milliseconds(20))
    }
    return line
  }

  func start() -> Task<Void, any Error> {
    Task { [workers] in
      try await withThrowingTaskGroup(of: Void.self) { group in
        for worker in workers { group.addTask { try await worker.run() } }
        try await group.waitForAll()
      }
    }
  }
}

extension Engine {
  /// Jobs that are due or run.
  func unfinished() async throws -> Int {
    let rows = try await database.query(
      SQLStatement("SELECT count(*) FROM jobs WHERE state IN ('available', 'running')"))
    return Int(rows.first?.integer(0) ?? 0)
  }
}
