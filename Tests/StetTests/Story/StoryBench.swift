import Domain
import Foundation
import TestKit
import Testing

/// One repository with rules, a model that is asked over HTTP, and somebody who is told.
final class StoryBench {
  static let repository = RepositoryName(owner: "octo-org", name: "orders")

  static let policy = """
    version: 1
    rules:
      - name: python
        if: {files: {any: "**/*.py"}}
        then: {label: python}
      - name: mend first
        if: {findings: ">= 1"}
        then: {request_changes: "{author}, please mend what the review found."}
      - name: mended
        if: [{findings: 0}, {changes_requested: {by: stet-account}}]
        then: {dismiss: {which: changes_requested, by: stet-account, message: "Mended in {commit}."}}
      - name: ready
        if: [{approvals: 1}, {checks: build}, {findings: 0}, {unresolved_threads: 0}]
        then: {queue: normal}
    merge: {method: squash, approvals: 1, checks: [build], threads_resolved: true}
    notify:
      routes:
        - {events: [review, merged], to: webhook}
    """

  private static let report = """
    def mean(values):
        total = 0
        for value in values:
            total += value
        return total / len(values)

    """
  private static let notes = "def note(text):\n    return text.strip()\n"

  let service: ServiceRunning
  let model = FakeModelServer(.openAI)
  let people: FaultServer
  let reference: PullRequestReference
  let deliveries: StoryDeliveries
  private let modelSocket: FaultServer

  var hub: FakeGitHub { service.hub }
  var standing: FakeGitHub.Standing? { hub.standing(of: reference) }
  var head: String { standing?.head ?? "" }

  init(_ engine: StoryEngine, policy: String = StoryBench.policy) async throws {
    service =
      engine == .postgres
      ? try await SeveralProcessesTests.service() : try await ServiceRunning(.token)
    people = try await FaultServer { _ in .text("ok") }
    modelSocket = try await model.listen()
    var base = FakeGitHub.demoBase
    base[".stet.yml"] = Array(policy.utf8)
    base["app/report.py"] = Array(Self.report.utf8)
    base["app/notes.py"] = Array(Self.notes.utf8)
    var change: [String: [UInt8]?] = FakeGitHub.demoHead.mapValues { Optional($0) }
    change["app/report.py"] = Array(
      Self.report.replacingOccurrences(of: "len(values)", with: "(len(values) - 1)").utf8)
    change["app/notes.py"] = Array(
      Self.notes.replacingOccurrences(of: "strip", with: "rstrip").utf8)
    reference = service.hub.addPullRequest(
      in: Self.repository, title: "Tell of bad orders", author: "ada", base: base, head: change)
    deliveries = StoryDeliveries(hub: service.hub, reference: reference)
    for login in ["stet-account", "ann"] {
      service.hub.setPermission(.write, of: login, in: Self.repository)
    }
    service.hub.addLabels(["python"], to: Self.repository)
    service.hub.protect("main", in: Self.repository, approvals: 1, checks: ["build"])
    service.environment.merge([
      "LLM_PROVIDER": "openai", "OPENAI_BASE_URL": modelSocket.url + "/v1",
      "OPENAI_API_KEY": model.key, "LLM_MODEL": model.model,
      "STET_WEBHOOK_URL": people.url + "/hook",
      "STET_WEBHOOK_SECRET": ["secret", "of", "people", UUID().uuidString].joined(separator: "-"),
    ]) { $1 }
    // Whichever part of the request the file is: claims at other places are dropped.
    let claims = ["A", "B", "C"].map {
      Said.finding(
        path: "app/report.py", line: "\($0)5", quote: "return total / (len(values) - 1)",
        message: "One value alone divides by nothing.")
    }
    model.script(
      [.text("{\"findings\":[\(claims.joined(separator: ","))]}")],
      always: .text("{\"findings\":[]}"))
  }

  func end() async {
    service.current?.terminate()
    _ = try? await service.current?.ended(within: .seconds(20))
    await service.closeDatabase()
    await modelSocket.stop()
    await people.stop()
    await service.forge.stop()
  }

  /// What mends all of it.
  func push() {
    let text = String(decoding: FakeGitHub.demoBase["app/orders.py"] ?? [], as: UTF8.self)
    hub.push(
      [
        "app/orders.py": Array(
          text.replacingOccurrences(of: "in orders", with: "in list(orders)").utf8),
        "app/report.py": Array(
          Self.report.replacingOccurrences(of: "len(values)", with: "max(1, len(values))").utf8),
      ], to: reference)
  }

  // MARK: What came of it

  func eventually(
    _ what: String, within limit: Duration = .seconds(30), _ condition: () async throws -> Bool
  ) async throws {
    try await StetTests.eventually(what, within: limit, condition) {
      self.told
    }
  }

  var told: String {
    let calls = hub.log.filter { $0.method != "GET" }
      .map { "\($0.method) \($0.plainPath) \($0.status)" }
    return "\(String(describing: standing))\n" + calls.joined(separator: "\n") + "\n"
      + (service.current?.log.suffix(4_000) ?? "")
  }

  /// Bodies of the findings whose threads are open, and closed.
  func threads() -> (open: Int, closed: Int) {
    let findings = hub.reviewComments(on: reference).filter {
      $0.body.hasPrefix("<!-- stet:finding ")
    }
    let closed = findings.count { $0.isResolved }
    return (findings.count - closed, closed)
  }

  /// Event, subject and id of each message that people got.
  func messages() throws -> [(event: String, id: String)] {
    try people.requests.map { request in
      let body = try JSONDecoder().decode(JSONValue.self, from: Data(request.body))
      let notice = body["data"]?["notices"]?.array?.first
      return (notice?["event"]?.string ?? "", request.header("webhook-id") ?? "")
    }
  }
}

enum StoryEngine: String, Sendable, CaseIterable {
  case sqlite, postgres

  static var here: [StoryEngine] { PostgresServer.isAvailable ? allCases : [.sqlite] }
}
