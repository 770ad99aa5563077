import Domain
import Foundation
import TestKit
import Testing

/// What a workflow of GitHub runs.
@Suite struct ActionTests {
  private static let root = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  private func act(
    _ service: ServiceRunning, event: String, environment: [String: String] = [:]
  ) async throws -> ReviewOutcome {
    let settings = [
      "PROGRAM": ProgramRunning.program, "GITHUB_REPOSITORY": "octo-org/orders",
      "GITHUB_EVENT_PATH": try service.folder.write(event, to: "event.json"),
      "RUNNER_TEMP": service.folder.path,
      "GITHUB_STEP_SUMMARY": try service.folder.write("", to: "summary.md"),
    ]
    let launch = try service.launched(
      [Self.root.appending(path: "Scripts/action.sh").path],
      environment: settings.merging(environment) { $1 }, program: "/bin/bash")
    return try await StartedService(launch).ended(within: .seconds(30))
  }

  private func summary(_ service: ServiceRunning) throws -> String {
    try String(contentsOfFile: service.folder.path + "/summary.md", encoding: .utf8)
  }

  private func event(of posting: ServicePosting) -> String {
    String(decoding: posting.payload, as: UTF8.self)
  }

  @Test func aPullRequestIsReviewedAndPostedOnce() async throws {
    let service = try await ServiceRunning()
    let posting = ServicePosting(service)
    for number in 1...2 {
      let outcome = try await act(service, event: event(of: posting))
      #expect([0, 1].contains(outcome.status), "\(outcome.error)")
      posting.expectPostedOnce()
      #expect(try summary(service).contains("app/orders.py"), "run \(number)")
    }
  }

  @Test func itFailsFromTheGivenSeverityOn() async throws {
    let service = try await ServiceRunning()
    let posting = ServicePosting(service)
    let strict = try await act(
      service, event: event(of: posting), environment: ["FAIL_ON": "note"])
    #expect(strict.status == 1, "\(strict.error)")
    posting.expectPostedOnce()
  }

  @Test func itMayOnlyShow() async throws {
    let service = try await ServiceRunning()
    let posting = ServicePosting(service)
    let outcome = try await act(
      service, event: event(of: posting), environment: ["POST": "false"])
    #expect([0, 1].contains(outcome.status), "\(outcome.error)")
    posting.expectNothingPosted()
    #expect(try summary(service).contains("app/orders.py"))
  }

  @Test func aCommentOnAPullRequestCounts() async throws {
    let service = try await ServiceRunning()
    let posting = ServicePosting(service)
    let outcome = try await act(
      service, event: #"{"issue":{"number":1,"pull_request":{"url":"x"}},"comment":{"id":1}}"#)
    #expect([0, 1].contains(outcome.status), "\(outcome.error)")
    posting.expectPostedOnce()
  }

  @Test(arguments: [
    "{}", #"{"issue":{"number":1}}"#, #"{"pull_request":{"number":"1; rm -rf /"}}"#,
    #"{"pull_request":{"number":true}}"#,
  ])
  func anEventWithoutAPullRequest(_ event: String) async throws {
    let service = try await ServiceRunning()
    let outcome = try await act(service, event: event)
    #expect(outcome.status == 2, "\(outcome.error)")
    #expect((outcome.output + outcome.error).contains("no pull request"), "\(outcome.output)")
    #expect(service.hub.log.isEmpty)
  }

  /// A text of a pull request must never become part of a script.
  @Test func noExpressionStandsInAScript() throws {
    let text = try String(
      contentsOf: Self.root.appending(path: "action.yml"), encoding: .utf8)
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    for key in ["name:", "description:", "inputs:", "runs:"] {
      #expect(lines.contains { $0.hasPrefix(key) }, "\(key)")
    }
    #expect(text.contains("using: composite"))
    #expect(!text.contains("\t"))
    for line in lines where line.trimmingCharacters(in: .whitespaces).hasPrefix("run:") {
      #expect(!line.contains("${{"), "\(line)")
    }
    // Every input is used, and every one that is used exists.
    let used = text.matches(of: /inputs\.([a-z-]+)/).map { String($0.1) }
    let declared = lines.drop { $0 != "inputs:" }.prefix { $0 != "runs:" }
      .compactMap { $0.wholeMatch(of: #/  ([a-z-]+):.*/#).map { String($0.1) } }
    #expect(Set(used) == Set(declared))
    // Actions of others are named by their commit.
    for line in lines where line.contains("uses:") {
      #expect(line.contains(/@[0-9a-f]{40}/), "\(line)")
    }
  }
}
