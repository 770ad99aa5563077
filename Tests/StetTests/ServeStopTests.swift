import Domain
import Foundation
import Jobs
import TestKit
import Testing
import WebClient

/// A server that is asked to end while it works, and the commands that look at its work.
@Suite struct ServeStopTests {
  @Test func aStoppedServerHandsItsWorkBack() async throws {
    let service = try await ServiceRunning()
    let posting = ServicePosting(service)
    let model = FakeModelServer(.openAI)
    model.script([], always: .hang)
    let socket = try await model.listen()
    service.environment.merge([
      "LLM_PROVIDER": "openai", "OPENAI_BASE_URL": socket.url + "/v1",
      "OPENAI_API_KEY": model.key, "LLM_MODEL": model.model, "STET_GRACE": "1",
    ]) { $1 }
    let first = try await service.start()
    #expect(try await service.deliver(posting.delivery()).status == 202)
    try await eventually("a question to the model") { !model.asked.isEmpty }

    let job = try #require(try await service.reviewJob())
    #expect(job.state == .running)
    try await lookBeside(service, job)

    first.terminate()
    let ended = try await first.ended(within: .seconds(15))
    #expect(ended.status == 0 && !ended.wasKilled, "\(ended.error)")
    #expect(ended.output.split(separator: "\n").count == 1)
    posting.expectNothingPosted()
    let left = try #require(try await service.reviewJob())
    #expect(left.id == job.id)
    #expect([.available, .scheduled, .retryable].contains(left.state), "\(left)")

    model.script([], always: .text("{\"findings\":[]}"))
    try await service.start()
    try await service.idles()
    posting.expectPostedOnce()
    let done = try #require(try await service.reviewJob())
    #expect(done.id == job.id && done.state == .completed, "\(done)")
    let trail = try await service.stet(["audit", "verify"])
    #expect(trail.status == 0 && trail.output.contains("unbroken"), "\(trail.error)")
    let runs = try await service.stet(["runs", "list", "--json"])
    #expect(try runs.json().array?.count == 1, "\(runs.output)")
    await socket.stop()
  }

  /// What a user types while the server works.
  private func lookBeside(_ service: ServiceRunning, _ job: Job) async throws {
    let list = try await service.stet(["jobs", "list", "--json"])
    #expect(list.status == 0, "\(list.error)")
    let kinds = try list.json().array?.compactMap { $0["kind"]?.string } ?? []
    #expect(
      kinds.sorted() == ["handle-delivery", "review-pull-request", "shepherd-pull-request"],
      "\(list.output)")
    let running = try await service.stet(["jobs", "list", "--state", "running"])
    #expect(running.output.contains(job.id) && running.output.contains("review-pull-request"))
    let show = try await service.stet(["jobs", "show", job.id])
    #expect(show.output.contains("running"), "\(show.output)\(show.error)")
    let stats = try await service.stet(["jobs", "stats", "--json"])
    #expect(try stats.json()["running"]?.integer == 1, "\(stats.output)")
    #expect(try stats.json()["completed"]?.integer == 1, "\(stats.output)")
    #expect(try await service.stet(["runs", "list"]).status == 0)
    #expect(try await service.stet(["audit", "verify"]).status == 0)
    #expect(try await service.stet(["audit", "list"]).output.contains("check.begun"))
    let unknown = try await service.stet(["jobs", "show", "nothing"])
    #expect(unknown.status == 2 && unknown.error.contains("stet jobs list"), "\(unknown.error)")
  }

  @Test func anIdleServerStopsAtOnce() async throws {
    let service = try await ServiceRunning()
    let running = try await service.start()
    let begun = ContinuousClock.now
    running.terminate()
    let ended = try await running.ended(within: .seconds(10))
    #expect(ended.status == 0 && !ended.wasKilled, "\(ended.error)")
    #expect(ContinuousClock.now - begun < .seconds(3))
  }

  /// A job that waits is cancelled from beside, and the server leaves it alone.
  @Test func aWaitingJobIsCancelledFromBeside() async throws {
    let service = try await ServiceRunning()
    let posting = ServicePosting(service)
    service.hub.inject(
      GitHubFault(
        .answer(status: 429, body: "{\"message\":\"later\"}", headers: ["retry-after": "600"])))
    try await service.start()
    #expect(try await service.deliver(posting.delivery()).status == 202)
    let job = try await service.review(comesTo: .scheduled)
    let cancelled = try await service.stet(["jobs", "cancel", job.id])
    #expect(cancelled.status == 0 && cancelled.error.contains("cancelled"), "\(cancelled.error)")
    #expect(try await service.reviewJob()?.state == .cancelled)
    #expect(try await service.stet(["jobs", "cancel", job.id]).status == 2)
    #expect(
      try await service.stet(["audit", "list"]).output.contains("job.cancelled"))
    posting.expectNothingPosted()
  }
}
