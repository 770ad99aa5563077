import Domain
import Hummingbird
import Jobs

/// `/v1/runs`: what was done, and what is being done.
struct RunRoutes {
  let ports: ServerPorts
  let limits: ServerLimits
  let streams: StreamSlots

  var routes: [Route] {
    [
      Route(
        .get, "/v1/runs", .api(.read), isLimited: true,
        Operation(
          id: "listRuns", tag: "runs", summary: "Lists finished runs, the newest first",
          parameters: [.limit, .before],
          results: [.init(status: 200, meaning: "One page.", schema: "Runs")],
          problems: [.invalidFields]), handler: list),
      Route(
        .get, "/v1/runs/{id}", .api(.read), isLimited: true,
        Operation(
          id: "getRun", tag: "runs", summary: "Shows a run, also one that is still to come",
          parameters: [.id], results: [.init(status: 200, meaning: "The run.", schema: "Run")],
          problems: [.notFound]), handler: show),
      Route(
        .get, "/v1/runs/{id}/events", .api(.read), isLimited: true,
        Operation(
          id: "followRun", tag: "runs", summary: "Follows a run until it is final",
          detail:
            "Events `state` (the run and its job's attempt), `progress` (a line), `report` (the "
            + "run with a result to which something slow is still added) and last `result` (the "
            + "run). Comments keep it open. `Last-Event-ID` needs no sending: the "
            + "state as it stands comes first.",
          parameters: [
            .id,
            .init(
              name: "Last-Event-ID", place: .header, schema: Schema.text(),
              meaning: "As browsers send it; not needed."),
          ],
          results: [
            .init(
              status: 200, meaning: "Server-sent events.", schema: nil,
              contentType: RunEvents.contentType)
          ], problems: [.notFound, .unavailable]), handler: follow),
    ]
  }

  @Sendable private func list(
    _ request: Request, _ context: ServerContext
  ) async throws -> Response {
    let page = try Paging(request)
    let runs = try await ports.runs.runs(limit: page.limit, before: page.before)
    return Answer.json(
      .object([
        "runs": .array(
          runs.map { RunDocument.document(RunView(id: $0.id, run: $0, job: nil)) }),
        "next": page.next(runs.map(\.id)),
      ]))
  }

  @Sendable private func show(
    _ request: Request, _ context: ServerContext
  ) async throws -> Response {
    let id = context.parameter("id").lowercased()
    guard let view = try await ports.view(run: id) else { throw Problem.unknown("run", id) }
    return Answer.json(RunDocument.document(view))
  }

  @Sendable private func follow(
    _ request: Request, _ context: ServerContext
  ) async throws -> Response {
    let id = context.parameter("id").lowercased()
    guard try await ports.view(run: id) != nil else { throw Problem.unknown("run", id) }
    guard let slot = streams.take() else {
      throw Problem(
        .unavailable, "Too many event streams are open.", headers: ["Retry-After": "10"])
    }
    let events = RunEvents(
      run: id, ports: ports, heartbeat: limits.heartbeat, slot: slot)
    return Response(
      status: .ok,
      headers: [.contentType: RunEvents.contentType, .cacheControl: "no-store, no-transform"],
      body: ResponseBody { writer in try await events.write(to: &writer, for: request) })
  }
}

extension ServerPorts {
  /// - Returns: `nil` where neither a record nor a job tells of it.
  func view(run id: String) async throws -> RunView? {
    let job = try await jobs.jobs(JobFilter(run: id, limit: 1)).first
    let run = try await runs.run(id: id)
    return job == nil && run == nil ? nil : RunView(id: id, run: run, job: job)
  }
}
