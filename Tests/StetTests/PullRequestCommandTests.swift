import Domain
import Foundation
import TestKit
import Testing
import WebClient

/// `stet review OWNER/REPO#N`, with and without `--post`.
@Suite struct PullRequestCommandTests {
  private static let subject = "octo-org/orders#1"

  @Test(arguments: [subject, "https://github.com/octo-org/orders/pull/1"])
  func aReviewIsPrintedAndNothingPosted(_ subject: String) async throws {
    let service = try await ServiceRunning()
    let posting = ServicePosting(service)
    let outcome = try await service.stet(["review", subject, "--json", "--fail-on", "warning"])
    #expect(outcome.status == 1, "\(outcome.error)")
    #expect(try outcome.findings().count == ServicePosting.findings)
    posting.expectNothingPosted()
    #expect(service.hub.log.allSatisfy { $0.method == "GET" })
    #expect(posting.conclusion == nil)
    #expect(!(outcome.output + outcome.error).contains(service.token))
  }

  @Test(arguments: [ServiceRunning.Credentials.token, .app])
  func postedTwiceItStandsOnce(_ credentials: ServiceRunning.Credentials) async throws {
    let service = try await ServiceRunning(credentials)
    let posting = ServicePosting(service)
    for _ in 0..<2 {
      let outcome = try await service.stet(["review", Self.subject, "--post", "--json"])
      #expect([0, 1].contains(outcome.status), "\(outcome.error)")
      #expect(try outcome.findings().count == ServicePosting.findings)
      posting.expectPostedOnce()
    }
    // On a machine that knows nothing of it too.
    let outcome = try await service.stet(
      ["review", Self.subject, "--post"],
      environment: ["STET_DATA_DIR": service.folder.path + "/another"])
    #expect([0, 1].contains(outcome.status), "\(outcome.error)")
    posting.expectPostedOnce()
    let trail = try await service.stet(["audit", "list"])
    #expect(trail.output.contains("review.posted") && trail.output.contains("cli"))
  }

  @Test func beforeAndAfterAServerItStandsOnce() async throws {
    let service = try await ServiceRunning()
    let posting = ServicePosting(service)
    try await service.start()
    #expect(try await service.deliver(posting.delivery()).status == 202)
    try await service.idles()
    let outcome = try await service.stet(["review", Self.subject, "--post"])
    #expect([0, 1].contains(outcome.status), "\(outcome.error)")
    posting.expectPostedOnce()
  }

  struct Misuse: Sendable, CustomTestStringConvertible {
    var arguments: [String]
    var status: Int32 = 2
    var environment: [String: String] = [:]
    var parts: [String]
    var testDescription: String { (arguments + environment.keys).joined(separator: " ") }
  }

  @Test(arguments: [
    Misuse(arguments: ["--diff", "x.diff", "--post"], parts: ["OWNER/REPO#N", "--diff"]),
    Misuse(arguments: ["--post"], parts: ["OWNER/REPO#N"]),
    Misuse(arguments: ["octo-org/nothing#1"], parts: ["octo-org/nothing"]),
    Misuse(arguments: ["octo-org/nothing#1", "--post"], parts: ["octo-org/nothing"]),
    Misuse(arguments: ["octo-org/orders#99"], parts: ["octo-org/orders"]),
    Misuse(arguments: [subject], environment: ["GITHUB_TOKEN": ""], parts: ["GITHUB_TOKEN"]),
    Misuse(
      arguments: [subject, "--post"], environment: ["GITHUB_TOKEN": ""], parts: ["GITHUB_TOKEN"]),
    Misuse(
      arguments: [subject], environment: ["GITHUB_TOKEN": "not-the-one"], parts: ["401"]),
    Misuse(
      arguments: ["https://gitlab.example/octo-org/orders/pull/1"], parts: ["GITHUB_WEB_URL"]),
    Misuse(arguments: ["https://github.com/octo-org/orders/issues/1"], parts: ["pull/1"]),
  ])
  func whatCannotBeIsSaid(_ misuse: Misuse) async throws {
    let service = try await ServiceRunning()
    let posting = ServicePosting(service)
    let outcome = try await service.stet(
      ["review"] + misuse.arguments, environment: misuse.environment)
    #expect(outcome.status == misuse.status, "\(outcome.error)")
    for part in misuse.parts {
      #expect(outcome.error.contains(part), "\(part) is not in \(outcome.error)")
    }
    #expect(outcome.output.isEmpty)
    posting.expectNothingPosted()
  }

  @Test(arguments: [false, true])
  func aForgeThatIsDown(_ posts: Bool) async throws {
    let service = try await ServiceRunning()
    let closed = ClosedPort()
    let outcome = try await service.stet(
      ["review", Self.subject] + (posts ? ["--post"] : []),
      environment: ["GITHUB_API_URL": closed.url])
    #expect(outcome.status == 3, "\(outcome.error)")
    #expect(outcome.error.contains("127.0.0.1"), "\(outcome.error)")
  }
}
