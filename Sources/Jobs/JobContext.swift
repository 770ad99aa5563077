import Foundation
public import Logging

/// What a handler is given.
public struct JobContext: Sendable {
  public var job: Job
  private let base: Logger
  private let steps: JobSteps?
  private let report: @Sendable (String) -> Void

  /// Of a job that no queue holds: its steps are not remembered.
  /// - Parameter report: takes lines of progress.
  public init(job: Job, logger: Logger, report: @escaping @Sendable (String) -> Void = { _ in }) {
    self.init(job: job, logger: logger, steps: nil, report: report)
  }

  init(job: Job, logger: Logger, steps: JobSteps?, report: @escaping @Sendable (String) -> Void) {
    self.job = job
    base = logger
    self.steps = steps
    self.report = report
  }

  /// Carries the job's id, kind and attempt, and its run.
  public var logger: Logger { base.of(job) }

  /// A handler that fails now is not asked again: the moment to say so where it matters.
  public var isLastAttempt: Bool { job.attempt >= job.maxAttempts }

  /// Tells whoever watches the job or its run; nothing is kept.
  public func progress(_ line: String) { report(line) }

  /// The most that a step may give, in bytes of JSON.
  public static let largestStep = 1 << 20

  /// Gives what an earlier try of this job gave for the step, or does it and keeps what it gives, so
  /// that a job that is tried again does not do it again.
  ///
  /// What cannot be read as `Value` any more is made anew. Where no queue holds the job, the step is
  /// just done.
  /// - Parameter name: of the step, unique within the job, the same in every try.
  /// - Throws: what `body` throws; `LeaseLost` where another may have the job by now, and
  ///   `CancellationError` where it shall stop: the handler then ends. `JobFailure` where the value
  ///   is no JSON or larger than `largestStep`.
  public func step<Value: Codable & Sendable>(
    _ name: String, _ body: () async throws -> Value
  ) async throws -> Value {
    guard let steps else { return try await body() }
    if let known = try await steps.value(of: name) {
      do { return try JSONDecoder().decode(Value.self, from: Data(known.utf8)) } catch {
        logger.info("what a step gave cannot be read any more", metadata: ["step": "\(name)"])
      }
    }
    try Task.checkCancellation()
    let value = try await body()
    try await steps.keep(Self.json(value, of: name), for: name)
    return value
  }

  private static func json(_ value: some Encodable, of name: String) throws -> String {
    let data: Data
    do { data = try JSONEncoder().encode(value) } catch {
      throw JobFailure("what the step \(name) gave cannot be kept as JSON.", isFinal: true)
    }
    guard data.count <= largestStep else {
      throw JobFailure(
        """
        the step \(name) gave \(data.count) bytes, and \(largestStep) are the most that is kept; \
        let it give less, or split it.
        """, isFinal: true)
    }
    return String(decoding: data, as: UTF8.self)
  }
}

/// Thrown to a handler whose job another may have by now: it should end.
public struct LeaseLost: Error, Sendable, Hashable, CustomStringConvertible {
  public init() {}
  public var description: String { "the lease was lost, so another may run this job." }
}

extension Logger {
  func of(_ job: Job) -> Logger {
    var logger = self
    logger[metadataKey: "job"] = "\(job.id)"
    logger[metadataKey: "kind"] = "\(job.kind)"
    logger[metadataKey: "attempt"] = "\(job.attempt)/\(job.maxAttempts)"
    if let run = job.run { logger[metadataKey: "run"] = "\(run)" }
    return logger
  }
}
