import Domain
import Hummingbird
import Jobs
import UseCases

/// Work whose answer is the `result` of its run: promised at once, or given where the caller waits.
struct WorkPromise {
  let ports: ServerPorts
  /// In words, such as `evaluation`.
  let what: String

  static func wait(_ limits: ServerLimits, _ meaning: String) -> Operation.Parameter {
    .init(
      name: "wait", place: .query, schema: Schema.integer(from: 0, to: longest(limits)),
      meaning: meaning)
  }

  static let accepted = Operation.Result(
    status: 202, meaning: "It will be made.", schema: "Promise", headers: ["Location": "The run."])

  static func seconds(_ request: Request, _ limits: ServerLimits) throws -> Int {
    try Query(request).integer("wait", in: 0...longest(limits)) ?? 0
  }

  private static func longest(_ limits: ServerLimits) -> Int {
    Int(limits.longestWait.components.seconds)
  }

  func answer(_ job: NewJob, run: String, wait: Int) async throws -> Response {
    guard let enqueued = try await ports.jobs.enqueue([job]).first else {
      throw Problem(.unavailable, "The job could not be stored.")
    }
    if wait > 0,
      let done = try await JobFollowing(ports: ports).job(
        enqueued.id, finalWithin: .seconds(wait)), done.state.isFinal
    {
      return try await result(run: run, job: done)
    }
    var response = Answer.json(
      .object(["run": .string(run), "job": .string(enqueued.id)]), status: 202)
    response.headers[.location] = "/v1/runs/\(run)"
    return response
  }

  private func result(run: String, job: Job) async throws -> Response {
    let view = RunView(id: run, run: try await ports.runs.run(id: run), job: job)
    if let result = view.run?.result { return Answer.json(result) }
    let reason = view.failure ?? "No reason was kept."
    if view.state == .cancelled {
      throw Problem(.conflict, "The \(what) was cancelled, run \(run). \(reason)")
    }
    throw Problem(.modelFailed, "The \(what) failed, run \(run). \(reason)")
  }
}
