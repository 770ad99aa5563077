import Domain
import Hummingbird
import Jobs
import Logging
import UseCases

/// `POST /v1/review`: a review of a diff, or of a pull request on the forge.
struct ReviewRoute {
  let ports: ServerPorts
  let limits: ServerLimits

  var routes: [Route] {
    [
      Route(
        .post, "/v1/review", .api(.write), isLimited: true,
        Operation(
          id: "review", tag: "review", summary: "Reviews a diff or a pull request",
          detail: "The answer comes at once, with the run that will hold the review; with `wait` "
            + "it is the review itself where that is ready in time. `post` also publishes the "
            + "review of a pull request.",
          parameters: [
            .init(
              name: "wait", place: .query,
              schema: Schema.integer(from: 0, to: longestWait),
              meaning: "Seconds to wait for the review.")
          ], body: "ReviewRequest",
          results: [
            .init(status: 200, meaning: "The review, in time.", schema: "Review"),
            .init(
              status: 202, meaning: "It will be made.", schema: "Promise",
              headers: ["Location": "The run."]),
          ], problems: [.conflict, .modelFailed, .unavailable]), handler: review)
    ]
  }

  private var longestWait: Int { Int(limits.longestWait.components.seconds) }

  @Sendable private func review(
    _ request: Request, _ context: ServerContext
  ) async throws -> Response {
    try request.requireJSON()
    let wait = try Query(request).integer("wait", in: 0...longestWait) ?? 0
    var fields = try JSONFields(
      await context.read(request, limit: limits.apiBody, deadline: limits.bodyDeadline))
    let run = TimeOrderedID.next(ports.now())
    let job = try job(&fields, run: run, askedBy: context.caller.actor)

    guard let enqueued = try await ports.jobs.enqueue([job]).first else {
      throw Problem(.unavailable, "The job could not be stored.")
    }
    // Where the same review waits already, that one's run is the one that will be.
    var promised = run
    if !enqueued.isNew, let waiting = try await ports.jobs.job(id: enqueued.id) {
      promised = waiting.run ?? run
    }
    context.logger.info(
      "a review was asked for", metadata: ["run": .string(promised), "job": .string(enqueued.id)])
    if wait > 0,
      let done = try await JobFollowing(ports: ports).job(
        enqueued.id, finalWithin: .seconds(wait)), done.state.isFinal
    {
      return try await result(run: promised, job: done)
    }
    var response = Answer.json(
      .object(["run": .string(promised), "job": .string(enqueued.id)]), status: 202)
    response.headers[.location] = "/v1/runs/\(promised)"
    return response
  }

  private func job(
    _ fields: inout JSONFields, run: String, askedBy: String
  ) throws -> NewJob {
    let diff = fields.text("diff", maxBytes: limits.apiBody)
    let place = fields.text("pull_request", maxBytes: 300)
    let posts = fields.flag("post") ?? false
    var reference: PullRequestReference?
    switch (fields.has("diff"), fields.has("pull_request")) {
    case (true, true):
      fields.refuse("pull_request", "Give either `diff` or `pull_request`.")
    case (false, false):
      fields.refuse("diff", "Give `diff`, or `pull_request` as OWNER/REPO#N.")
    case (true, false):
      if let diff { refuseUnreadable(diff, &fields) }
      if posts { fields.refuse("post", "Only the review of a pull request can be posted.") }
    case (false, true):
      if let place {
        reference = PullRequestReference(place)
        if reference == nil { fields.refuse("pull_request", "It has to be OWNER/REPO#N.") }
      }
    }
    try fields.check()

    if let reference {
      guard let forge = ports.forge else {
        throw Problem(.unavailable, "No forge is set, so no pull request can be read.")
      }
      let work = Work.ReviewPullRequest(
        access: ForgeAccess(forge: forge, repository: reference.repository),
        reference: reference, askedBy: askedBy, run: run, publishes: posts, isAskedFor: true)
      return NewJob(
        kind: Work.ReviewPullRequest.kind, arguments: try work.json(),
        supersedeKey: posts ? work.supersedeKey : nil, group: WorkLimits.group(work.access),
        limits: ports.workLimits.ofReview(work.access), run: run)
    }
    let work = Work.ReviewDiff(run: run, diff: diff ?? "", askedBy: askedBy)
    // Callers take turns as repositories do.
    return NewJob(
      kind: Work.ReviewDiff.kind, arguments: try work.json(), group: "api:\(askedBy)",
      limits: ports.workLimits.ofModel, run: run)
  }

  private func refuseUnreadable(_ text: String, _ fields: inout JSONFields) {
    do {
      let diff = try Diff(parsing: Array(text.utf8))
      if diff.files.isEmpty { fields.refuse("diff", "It changes no file.") }
    } catch {
      fields.refuse("diff", "It cannot be read as a unified diff: \(error)")
    }
  }

  private func result(run: String, job: Job) async throws -> Response {
    let view = RunView(id: run, run: try await ports.runs.run(id: run), job: job)
    if let review = view.run?.review { return Answer.json(RunDocument.review(review)) }
    let reason = view.failure ?? "No reason was kept."
    if view.state == .cancelled {
      throw Problem(.conflict, "The review was cancelled, run \(run). \(reason)")
    }
    throw Problem(.modelFailed, "The review failed, run \(run). \(reason)")
  }
}
