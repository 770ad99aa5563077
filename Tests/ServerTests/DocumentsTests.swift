import Domain
import Foundation
import Hummingbird
import Testing
import Yams

@testable import Server

/// The documents in `docs/` say what the server does. `STET_UPDATE_DOCS=1` writes them anew.
@Suite struct DocumentsTests {
  private static let docs = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "docs")
  private static var updates: Bool {
    ProcessInfo.processInfo.environment["STET_UPDATE_DOCS"] == "1"
  }

  /// Every forge that has a webhook route, by its name alone.
  private static func server() -> StetServer {
    let broken = StoreError(code: .failed, detail: "")
    return StetServer(
      ports: ServerPorts(
        inbox: BrokenInbox(error: broken), jobs: BrokenJobs(error: broken), runs: NoRuns(),
        issues: NoIssues(),
        storeIssues: { _ throws(StoreError) in throw broken }, tokens: BrokenTokens(),
        audit: NoAudit(),
        webhooks: [NamedForge(forge: "github")]),
      configuration: ServerConfiguration(version: "1"),
      logger: LogHandlerMaking.silent.logger)
  }

  @Test func openapiYAMLIsWhatTheServerGives() throws {
    let file = Self.docs.appending(path: "openapi.yaml")
    let document = Description.document(of: Self.server().routes)
    if Self.updates {
      let head =
        "# Written by DocumentsTests from Sources/Server; STET_UPDATE_DOCS=1 writes it anew.\n"
      try (head + YAMLText.text(document)).write(to: file, atomically: true, encoding: .utf8)
    }
    let text = try String(contentsOf: file, encoding: .utf8)
    let read = try Yams.load(yaml: text)
    #expect(Self.json(read) == document, "docs/openapi.yaml is old: run with STET_UPDATE_DOCS=1")
  }

  /// With the types that YAML's own rules give: a quoted `1` is a text.
  private static func json(_ value: Any?) -> JSONValue {
    switch value {
    case let value as Bool: .bool(value)
    case let value as Int: .integer(value)
    case let value as Double: .number(value)
    case let value as String: .string(value)
    case let value as [Any]: .array(value.map(json))
    case let value as [String: Any]: .object(value.mapValues(json))
    default: .null
    }
  }

  @Test func theServedDescriptionIsTheSame() async throws {
    try await withServer({ ports, _ in ports.webhooks = [NamedForge(forge: "github")] }) {
      server async throws in
      let served = try await server.json("GET", "/openapi.json").body
      #expect(served == Description.document(of: Self.server().routes))
    }
  }

  @Test func everyRouteIsDescribedAndTheOtherWayRound() throws {
    let routes = Self.server().routes
    let document = Description.document(of: routes)
    guard case .object(let paths)? = document["paths"] else {
      Issue.record("no paths")
      return
    }
    var described: Set<String> = []
    for (path, operations) in paths {
      guard case .object(let methods) = operations else { continue }
      for method in methods.keys { described.insert("\(method.uppercased()) \(path)") }
    }
    #expect(described == Set(routes.map { "\($0.method.rawValue) \($0.path)" }))
    let ids = routes.map(\.operation.id)
    #expect(Set(ids).count == ids.count)
    for route in routes {
      // Each captured part is a parameter, and each parameter of the path is captured.
      let captured = route.path.split(separator: "/").filter { $0.hasPrefix("{") }
        .map { String($0.dropFirst().dropLast()) }
      let named = route.operation.parameters.filter { $0.place == .path }.map(\.name)
      #expect(captured == named, "\(route.path)")
      for schema in route.operation.results.compactMap(\.schema) + [route.operation.body] {
        #expect(schema.map { Schemas.all[$0] != nil } ?? true, "\(schema ?? "")")
      }
    }
  }

  @Test func theContractOfInterfaceIsServed() {
    let served = Set(Self.server().routes.map { "\($0.method.rawValue) \($0.path)" })
    let promised: Set<String> = [
      "POST /webhooks/github", "POST /fix", "POST /issues", "GET /issues", "GET /issues/{id}",
      "POST /issues/batch", "PATCH /issues/{id}", "POST /issues/{id}/enrich",
      "POST /v1/review", "GET /v1/runs", "GET /v1/runs/{id}", "GET /v1/runs/{id}/events",
      "GET /v1/jobs", "GET /v1/jobs/{id}", "POST /v1/jobs/{id}/retry",
      "POST /v1/jobs/{id}/cancel", "POST /v1/jobs/retry", "GET /v1/schedules", "GET /healthz",
      "GET /readyz", "GET /metrics", "POST /v1/evaluate", "POST /v1/generate", "POST /v1/refactor",
      "POST /v1/runs/{id}/feedback", "POST /v1/repl", "POST /v1/repl/{session}/cells",
      "POST /v1/repl/{session}/interrupt", "POST /v1/repl/{session}/reset",
      "DELETE /v1/repl/{session}",
      "GET /openapi.json", "GET /docs", "GET /", "GET /ui/runs", "GET /ui/runs/{id}",
      "GET /ui/jobs", "POST /ui/jobs/{id}/retry", "POST /ui/jobs/{id}/cancel", "GET /ui/issues",
      "POST /ui/issues/{id}/confirm", "POST /ui/issues/{id}/reject", "GET /ui/audit",
      "GET /ui/reports", "GET /ui/reports/{owner}/{name}", "GET /ui/sign-in", "POST /ui/sign-in",
      "POST /ui/sign-out", "GET /ui/style.css", "GET /oauth/{forge}/callback",
    ]
    #expect(served == promised)
  }

  @Test func metricsPageIsComplete() throws {
    let file = Self.docs.appending(path: "metrics.md")
    var text = try String(contentsOf: file, encoding: .utf8)
    if Self.updates, let begin = text.range(of: "| name |") {
      let end = text[begin.lowerBound...].range(of: "\n\n")?.lowerBound ?? text.endIndex
      text.replaceSubrange(
        begin.lowerBound..<end, with: MetricDefinition.markdown.dropLast())
      try text.write(to: file, atomically: true, encoding: .utf8)
    }
    #expect(text.contains(MetricDefinition.markdown))
  }

  /// Every name that is written anywhere in the program stands in the table, and the other way.
  @Test func everyMetricThatIsEmittedIsInTheTable() throws {
    let sources = Self.docs.deletingLastPathComponent().appending(path: "Sources")
    let files = try #require(
      FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil))
    var names: Set<String> = []
    for case let file as URL in files where file.pathExtension == "swift" {
      guard file.lastPathComponent != "MetricDefinition.swift" else { continue }
      let text = try String(contentsOf: file, encoding: .utf8)
      for match in text.matches(of: /label:\s*"(stet_[a-z_]+)"/) {
        names.insert(String(match.1))
      }
    }
    let known = Set(MetricDefinition.all.map(\.name))
    #expect(names.subtracting(known) == [])
    #expect(names.contains("stet_http_requests_total") && names.contains("stet_jobs_running"))
  }

  @Test func apiPageNamesEveryRoute() throws {
    let text = try String(contentsOf: Self.docs.appending(path: "api.md"), encoding: .utf8)
    for route in Self.server().routes {
      #expect(text.contains("`\(route.method.rawValue) \(route.path)`"), "\(route.path)")
    }
    for kind in Problem.Kind.allCases {
      #expect(text.contains("| \(kind.status) | `\(kind.rawValue)` | \(kind.title) |"))
    }
  }
}

struct NamedForge: WebhookReader {
  var forge: String
  func verify(
    body: [UInt8], header: (String) -> String?
  ) throws(WebhookError) -> WebhookIdentity {
    throw WebhookError(code: .notConfigured, detail: "no secret is set")
  }
  func event(named event: String, body: [UInt8]) throws(WebhookError) -> ForgeEvent {
    throw WebhookError(code: .malformed, detail: "")
  }
}

private struct NoRuns: RunStore {
  func save(_ run: Run) async throws(StoreError) {}
  func run(id: String) async throws(StoreError) -> Run? { nil }
  func runs(limit: Int, before: String?) async throws(StoreError) -> [Run] { [] }
}

private struct NoIssues: IssueStore {
  func save(_ issue: TrackedIssue) async throws(StoreError) {}
  func issue(id: String) async throws(StoreError) -> TrackedIssue? { nil }
  func replace(_: TrackedIssue, with _: TrackedIssue) async throws(StoreError) -> Bool {
    true
  }
  func issues(_: IssueFilter) async throws(StoreError) -> [TrackedIssue] { [] }
}

private struct NoAudit: AuditTrail {
  func append(_ event: AuditEvent) async throws(StoreError) -> AuditEntry {
    AuditEntry(number: 1, at: Date(), event: event, previous: "", hash: "")
  }
  func entries(after: Int64, limit: Int) async throws(StoreError) -> [AuditEntry] { [] }
  func entries(before: Int64?, limit: Int) async throws(StoreError) -> [AuditEntry] { [] }
  func verify() async throws(StoreError) -> AuditVerification {
    AuditVerification(entries: 0, head: "", brokenAt: nil)
  }
}

/// YAML of a JSON value: members in order of their names, texts quoted as JSON quotes them.
enum YAMLText {
  static func text(_ value: JSONValue, indent: Int = 0) throws -> String {
    let space = String(repeating: "  ", count: indent)
    switch value {
    case .object(let members) where !members.isEmpty:
      return try members.sorted { $0.key < $1.key }.map { name, member in
        "\(space)\(try scalar(.string(name))):\(try block(member, indent + 1))"
      }.joined()
    case .array(let items) where !items.isEmpty:
      return try items.map { "\(space)-\(try block($0, indent + 1))" }.joined()
    default: return "\(space)\(try scalar(value))\n"
    }
  }

  private static func block(_ value: JSONValue, _ indent: Int) throws -> String {
    switch value {
    case .object(let members) where !members.isEmpty: "\n" + (try text(value, indent: indent))
    case .array(let items) where !items.isEmpty: "\n" + (try text(value, indent: indent))
    default: " \(try scalar(value))\n"
    }
  }

  private static func scalar(_ value: JSONValue) throws -> String {
    if case .string(let text) = value,
      text.wholeMatch(of: /[A-Za-z\/][A-Za-z0-9_\-\/{}]*/) != nil,
      !["true", "false", "null", "yes", "no", "on", "off", "y", "n"].contains(text.lowercased())
    {
      return text
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }
}
