import Domain
import Foundation
import Jobs
import TestKit
import Testing
import WebClient

/// `kill -9` in the middle of a review, and a start on the same data folder: nothing is lost, and
/// nothing is posted twice.
@Suite struct ServeKillTests {
  /// When the server dies, by the forge's requests of one review.
  enum Moment: Sendable, CustomStringConvertible {
    /// Right after the webhook was answered.
    case accepted
    /// The request has come, and nothing was done or said.
    case before(Int)
    /// It was done, and nothing said.
    case after(Int)

    var description: String {
      switch self {
      case .accepted: "accepted"
      case .before(let number): "before \(number)"
      case .after(let number): "after \(number)"
      }
    }
  }

  /// Ten with STET_TEST_SLOW=1. Of the eight calls, 6 and 7 post the summary and the review.
  static let moments: [Moment] =
    SlowTests.isOn
    ? [
      .accepted, .before(1), .after(2), .after(3), .after(4), .after(5), .after(6), .before(7),
      .after(7), .after(8),
    ] : [.accepted, .after(6), .after(7)]

  private static let credentials: [ServiceRunning.Credentials] =
    moments.count > 3 ? [.app, .token] : [.app]

  /// By GitHub's own payload where the shared data is here.
  @Test(arguments: moments, credentials)
  func killedAnywhereItIsPostedOnce(
    _ moment: Moment, _ credentials: ServiceRunning.Credentials
  ) async throws {
    let service = try await ServiceRunning(credentials)
    let posting =
      if credentials == .app, let sample = ServicePosting.shared("pull_request.opened.json") {
        try ServicePosting(service, webhook: sample)
      } else { ServicePosting(service) }
    switch moment {
    case .accepted: break
    case .before(let number):
      service.hub.inject(GitHubFault(.holdBefore, skipping: number - 1))
    case .after(let number):
      service.hub.inject(GitHubFault(.holdAfter, skipping: number - 1))
    }
    let first = try await service.start()
    #expect(try await service.deliver(posting.delivery()).status == 202)
    if case .accepted = moment {
    } else {
      try await eventually("a held request", within: .seconds(15)) {
        service.hub.held == moment.description
      } told: {
        posting.calls.joined(separator: "\n")
      }
    }
    try await first.killed()
    service.hub.clearFaults()

    try await service.start()
    try await service.idles(besidesLooks: true)
    posting.expectPostedOnce()
    #expect(posting.openChecks == 0, "a check of this commit turns for ever")
    let jobs = try await service.jobs().filter { $0.kind != "reconcile-publication" }
    #expect(jobs.count == 2)
    #expect(jobs.allSatisfy { $0.state == .completed }, "\(jobs)")
    let trail = try await service.stet(["audit", "verify"])
    #expect(trail.status == 0, "\(trail.error)")
    // What was delivered before stays known.
    #expect(try await service.deliver(posting.delivery()).status == 200)
  }

  /// The same review dies again and again.
  @Test func killedThreeTimesItIsPostedOnce() async throws {
    let service = try await ServiceRunning(.app)
    let posting = ServicePosting(service)
    for (number, path) in ["/check-runs", "/comments", "/reviews"].enumerated() {
      service.hub.inject(GitHubFault(.holdAfter, on: "POST", path))
      let log = service.hub.log.count
      let running = try await service.start()
      if number == 0 { #expect(try await service.deliver(posting.delivery()).status == 202) }
      try await eventually("a held request to \(path)", within: .seconds(15)) {
        service.hub.log.dropFirst(log).contains {
          $0.method == "POST" && $0.plainPath.hasSuffix(path) && $0.status == 0
        }
      } told: {
        posting.calls.joined(separator: "\n")
      }
      try await running.killed()
      service.hub.clearFaults()
    }
    try await service.start()
    try await service.idles(besidesLooks: true)
    posting.expectPostedOnce()
  }
}
