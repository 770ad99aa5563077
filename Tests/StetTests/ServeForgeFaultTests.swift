import Domain
import Foundation
import Jobs
import TestKit
import Testing
import WebClient

/// The forge misbehaves during a review: the job ends as it should and says why, and after the
/// recovery each thing stands once.
@Suite struct ServeForgeFaultTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var fault: GitHubFault
    var state: JobState
    /// What `stet jobs show` has to say.
    var parts: [String]
    var testDescription: String { name }
  }

  private static func refusing(_ status: Int) -> GitHubFault.Kind {
    .answer(
      status: status, body: "{\"message\":\"Refused for the test\"}",
      headers: ["content-type": "application/json"])
  }

  static let cases: [Case] = [
    Case(
      name: "401", fault: GitHubFault(refusing(401), on: "GET", "/pulls/1"), state: .discarded,
      parts: ["401", "Refused for the test", "credentials"]),
    Case(
      name: "403", fault: GitHubFault(refusing(403), on: "POST", "/comments"), state: .discarded,
      parts: ["403", "write pull requests"]),
    Case(
      name: "404", fault: GitHubFault(refusing(404), on: "GET", "/pulls/1"), state: .discarded,
      parts: ["404", "deleted", "repositories"]),
    Case(
      name: "422", fault: GitHubFault(refusing(422), on: "GET", "/pulls/1"), state: .discarded,
      parts: ["422", "Refused for the test"]),
    Case(
      name: "502 before posting",
      fault: GitHubFault(refusing(502), on: "GET", "/pulls/1", times: 3),
      state: .scheduled, parts: []),
    Case(
      name: "500 while posting", fault: GitHubFault(refusing(500), on: "POST", "/reviews"),
      state: .scheduled, parts: []),
    Case(
      name: "HTML instead of a comment",
      fault: GitHubFault(.html(status: 200), on: "POST", "/comments"), state: .scheduled, parts: []),
    Case(
      name: "an outage's page", fault: GitHubFault(.html(status: 503), on: "POST", "/reviews"),
      state: .scheduled, parts: []),
    Case(
      name: "half an answer to a comment", fault: GitHubFault(.half, on: "POST", "/comments"),
      state: .scheduled, parts: []),
    Case(
      name: "half an answer to a review", fault: GitHubFault(.half, on: "POST", "/reviews"),
      state: .scheduled, parts: []),
  ]

  @Test(arguments: cases)
  func theJobSaysWhyAndNothingIsPostedTwice(_ given: Case) async throws {
    let service = try await ServiceRunning()
    let posting = ServicePosting(service)
    service.hub.inject(given.fault)
    try await service.start()
    #expect(try await service.deliver(posting.delivery()).status == 202)
    let job = try await service.review(comesTo: given.state, .completed)
    #expect(job.state == given.state, "\(posting.calls)")
    let shown = try await service.stet(["jobs", "show", String(job.id.prefix(30))])
    for part in [given.state.rawValue] + given.parts {
      #expect(shown.output.contains(part), "\(part) is not in \(shown.output)")
    }
    #expect(!shown.output.contains(service.token))

    service.hub.clearFaults()
    // By the server, which need not look for it first as after `stet jobs retry`.
    let retried = try await service.ask("POST", "/v1/jobs/\(job.id)/retry", body: "{}")
    #expect(retried.status == 200, "\(String(decoding: retried.body, as: UTF8.self))")
    try await service.idles()
    posting.expectPostedOnce()
    #expect(try await service.reviewJob()?.state == .completed)
  }

  /// 422 for places outside the diff costs the places, never the findings.
  @Test func aReviewThatIsRefusedIsListed() async throws {
    let service = try await ServiceRunning()
    let posting = ServicePosting(service)
    service.hub.inject(GitHubFault(Self.refusing(422), on: "POST", "/reviews", times: 20))
    try await service.start()
    #expect(try await service.deliver(posting.delivery()).status == 202)
    try await service.idles()
    #expect(try await service.reviewJob()?.state == .completed)
    #expect(posting.summaries.count == 1)
    #expect(posting.summaries.first?.body.contains("app/orders.py") == true)
  }

  @Test(arguments: [429, 403])
  func aRateLimitPutsTheJobOff(_ status: Int) async throws {
    let service = try await ServiceRunning()
    let posting = ServicePosting(service)
    service.hub.inject(
      GitHubFault(
        .answer(
          status: status, body: "{\"message\":\"You have exceeded a secondary rate limit.\"}",
          headers: ["retry-after": "2"]), on: "GET", "/pulls/1"))
    try await service.start()
    #expect(try await service.deliver(posting.delivery()).status == 202)
    let job = try await service.review(comesTo: .scheduled, .completed)
    #expect(job.state == .scheduled)
    #expect(job.scheduledAt > job.createdAt)
    posting.expectNothingPosted()
    try await service.idles()
    posting.expectPostedOnce()
    // Waiting is no failure.
    #expect(try await service.reviewJob()?.errors.isEmpty == true)
  }

  @Test func aForgeThatIsDownAtFirst() async throws {
    let service = try await ServiceRunning()
    let posting = ServicePosting(service)
    service.hub.inject(GitHubFault(.resetBefore, times: 40))
    try await service.start()
    #expect(try await service.deliver(posting.delivery()).status == 202)
    // An outage is nobody's fault: it is waited for, and uses up no try.
    let job = try await service.review(comesTo: .scheduled)
    #expect(job.attempt == 0)
    service.hub.clearFaults()
    #expect(try await service.stet(["jobs", "retry", job.id]).status == 0)
    try await service.idles()
    posting.expectPostedOnce()
  }

  @Test func withoutCredentialsTheJobSaysWhatToSet() async throws {
    let service = try await ServiceRunning(.none)
    let posting = ServicePosting(service)
    try await service.start()
    #expect(try await service.deliver(posting.delivery()).status == 202)
    let job = try await service.review(comesTo: .discarded)
    #expect(job.errors.last?.message.contains("GITHUB_TOKEN") == true, "\(job.errors)")
    #expect(service.hub.log.isEmpty)
  }
}
