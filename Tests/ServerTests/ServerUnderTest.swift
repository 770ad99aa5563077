import Domain
import Foundation
import Jobs
import Logging
import ServiceLifecycle
import Storage
import TestKit
import UseCases

@testable import Server

/// A server on a port of this machine over a real database in a folder of its own.
struct ServerUnderTest: Sendable {
  let port: Int
  let ports: ServerPorts
  let server: StetServer

  /// Sends one request on a connection of its own.
  func call(
    _ method: String, _ path: String, headers: [String: String] = [:], body: String? = nil
  ) async throws -> RawResponse {
    let connection = try await RawConnection(port: port)
    var head = ["\(method) \(path) HTTP/1.1"]
    var headers = headers
    if headers["Host"] == nil { headers["Host"] = "127.0.0.1:\(port)" }
    if let body {
      if headers["Content-Type"] == nil { headers["Content-Type"] = "application/json" }
      headers["Content-Length"] = "\(body.utf8.count)"
    }
    for (name, value) in headers where !value.isEmpty { head.append("\(name): \(value)") }
    try await connection.send(head.joined(separator: "\r\n") + "\r\n\r\n" + (body ?? ""))
    let response = try await connection.response(isHead: method == "HEAD")
    await connection.close()
    try DescriptionCheck.check(response, method, path, routes: server.routes)
    return response
  }

  func json(
    _ method: String, _ path: String, headers: [String: String] = [:], body: String? = nil
  ) async throws -> (status: Int, body: JSONValue) {
    let response = try await call(method, path, headers: headers, body: body)
    return (response.status, try JSONDecoder().decode(JSONValue.self, from: Data(response.body)))
  }

  func makeToken(
    _ scope: APIToken.Scope = .admin, expiresAt: Date? = nil
  ) async throws -> (text: String, token: APIToken) {
    let text = TokenText.make()
    let token = APIToken(
      id: TimeOrderedID.next(Date()), name: "test", scope: scope, hash: TokenText.hash(text),
      createdAt: Date(), expiresAt: expiresAt)
    try await ports.tokens.save(token)
    return (text, token)
  }
}

/// Runs a server while `body` runs, and stops it gracefully.
func withServer<Value: Sendable>(
  _ change: @Sendable (inout ServerPorts, inout ServerConfiguration) async throws -> Void = {
    _, _ in
  },
  signal: JobSignal = JobSignal(), handler: LogHandlerMaking = .silent,
  _ body: @escaping @Sendable (ServerUnderTest) async throws -> Value
) async throws -> Value {
  let folder = FileManager.default.temporaryDirectory
    .appendingPathComponent("stet-server-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  let database = SQLiteDatabase(path: folder.appendingPathComponent("stet.db").path)
  var ports = ServerPorts(
    inbox: SQLInbox(database, signal: signal), jobs: SQLJobStore(database, signal: signal),
    runs: SQLRunStore(database),
    issues: SQLIssueStore(database),
    storeIssues: SQLIssueIntake(database, signal: signal).store, tokens: SQLTokenStore(database),
    audit: SQLAuditTrail(database), webhooks: [SignedByWord()], forge: "forge",
    dashboard: DashboardPorts(
      publications: SQLPublicationStore(database), notes: SQLPolicyNotes(database)),
    metrics: PrometheusMetrics())
  var configuration = ServerConfiguration(port: 0, version: "1.2.3")
  configuration.limits.requestBurst = 10_000
  configuration.limits.requestBurstPerAddress = 10_000
  configuration.limits.tokenMemory = .milliseconds(50)
  try await change(&ports, &configuration)
  return try await running(ports, configuration, handler.logger, body)
}

func running<Value: Sendable>(
  _ ports: ServerPorts, _ configuration: ServerConfiguration, _ logger: Logger,
  _ body: @escaping @Sendable (ServerUnderTest) async throws -> Value
) async throws -> Value {
  let (addresses, continuation) = AsyncStream.makeStream(of: ListeningAddress.self)
  let server = StetServer(
    ports: ports, configuration: configuration, logger: logger
  ) { continuation.yield($0) }
  let group = ServiceGroup(services: [server], logger: Logger(label: "test") { _ in Silent() })
  return try await withThrowingTaskGroup(of: Value?.self) { tasks in
    tasks.addTask {
      defer { continuation.finish() }
      try await group.run()
      return nil
    }
    tasks.addTask {
      for await address in addresses {
        return try await body(
          ServerUnderTest(port: address.port, ports: ports, server: server))
      }
      return nil
    }
    var value: Value?
    do {
      while value == nil, let next = try await tasks.next() { value = next }
    } catch {
      await group.triggerGracefulShutdown()
      throw error
    }
    await group.triggerGracefulShutdown()
    while let _ = try await tasks.next() {}
    guard let value else { throw NeverStarted() }
    return value
  }
}

struct NeverStarted: Error {}

struct Silent: LogHandler {
  var logLevel = Logger.Level.critical
  var metadata: Logger.Metadata = [:]
  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }
  func log(event: LogEvent) {}
}

struct LogHandlerMaking: Sendable {
  var logger: Logger
  static let silent = LogHandlerMaking(logger: Logger(label: "test") { _ in Silent() })
}

/// A forge whose signature is a word in a header, for tests of what stands around the reader.
struct SignedByWord: WebhookReader {
  var forge: String { "forge" }

  func verify(
    body: [UInt8], header: (String) -> String?
  ) throws(WebhookError) -> WebhookIdentity {
    guard let signature = header("x-signature") else {
      throw WebhookError(code: .unsigned, detail: "The delivery has no X-Signature.")
    }
    guard signature == "good" else {
      throw WebhookError(code: .wrongSignature, detail: "The signature is another's.")
    }
    guard (try? JSONDecoder().decode(JSONValue.self, from: Data(body))) != nil else {
      throw WebhookError(code: .malformed, detail: "The body is not JSON.")
    }
    return WebhookIdentity(
      delivery: header("x-delivery") ?? "", event: header("x-event") ?? "", action: nil,
      meaning: TokenText.hash(String(decoding: body, as: UTF8.self)))
  }

  func event(named event: String, body: [UInt8]) throws(WebhookError) -> ForgeEvent {
    throw WebhookError(code: .malformed, detail: "no event is read here")
  }
}
