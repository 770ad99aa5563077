import Domain
import Foundation
import Jobs
import Logging
import ServiceLifecycle
import Synchronization
import TestKit
import Testing
import UseCases

@testable import Server

@Suite struct ServerLifeTests {
  @Test func aPortThatIsTakenIsSaidSo() async throws {
    let taken = try await SocketServer { _ in }
    let error = await #expect(throws: ServerError.self) {
      try await withServer({ $1.port = taken.port }) { _ in }
    }
    #expect(error?.code == .portTaken)
    #expect(error?.detail.contains("127.0.0.1:\(taken.port)") == true)
    await taken.stop()
  }

  @Test func anAddressOfAnotherMachineIsSaidSo() async throws {
    let error = await #expect(throws: ServerError.self) {
      try await withServer({ ports, configuration in
        configuration.host = "192.0.2.1"
        try await ports.tokens.save(
          APIToken(
            id: "t", name: "t", scope: .read, hash: TokenText.hash("x"), createdAt: Date(),
            expiresAt: nil))
      }) { _ in }
    }
    #expect(error?.code == .cannotListen)
  }

  @Test func offLoopbackATokenIsNeededToStart() async throws {
    let error = await #expect(throws: ServerError.self) {
      try await withServer({ $1.host = "0.0.0.0" }) { _ in }
    }
    #expect(error?.code == .tokenNeeded)
    #expect(error?.detail.contains("stet token create") == true)
  }

  @Test func aRequestThatRunsMayFinishWhenTheServerIsStopped() async throws {
    let (begun, continuation) = AsyncStream.makeStream(of: Void.self)
    let fix: @Sendable (FixCode.Request) async throws(FixError) -> FixCode.Answer = {
      request async throws(FixError) in
      continuation.yield()
      try? await Task.sleep(for: .milliseconds(500))
      return FixCode.Answer(
        fixedCode: request.code, changed: false, reason: "nothing", verified: [],
        usage: ModelUsage(), run: "r")
    }
    let answer = Mutex<Task<RawResponse, any Error>?>(nil)
    try await withServer({ ports, _ in ports.fix = fix }) { server async throws in
      let task = Task { try await server.call("POST", "/fix", body: #"{"code": "x"}"#) }
      answer.withLock { $0 = task }
      for await _ in begun { break }
      // The server is stopped here.
    }
    let task = try #require(answer.withLock { $0 })
    #expect(try await task.value.status == 200)
  }

  @Test func anEventStreamDoesNotHoldTheStop() async throws {
    let start = ContinuousClock.now
    try await withServer { server async throws in
      let id = try #require(
        try await server.json(
          "POST", "/issues", body: #"{"title": "t", "description": "d"}"#
        ).body["id"]?.string)
      #expect(!id.isEmpty)
      let run = try #require(try await server.ports.jobs.jobs(JobFilter()).first?.run)
      let connection = try await RawConnection(port: server.port)
      try await connection.send(
        "GET /v1/runs/\(run)/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
      _ = try await connection.read(until: "event: state")
    }
    #expect(ContinuousClock.now - start < .seconds(10))
  }

  @Test func oneConnectionServesManyRequests() async throws {
    try await withServer { server async throws in
      let connection = try await RawConnection(port: server.port)
      for _ in 0..<3 {
        try await connection.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(try await connection.response().status == 200)
      }
      await connection.close()
    }
  }

  @Test func readinessNamesWhatDoesNotWork() async throws {
    let works = ReadinessCheck(name: "queue") { nil }
    let broken = ReadinessCheck(name: "database") { "The disk is gone." }
    try await withServer({ ports, _ in ports.readiness = [works] }) { server async throws in
      #expect(try await server.json("GET", "/readyz").status == 200)
    }
    try await withServer({ ports, _ in ports.readiness = [works, broken] }) { server async throws in
      let answer = try await server.json("GET", "/readyz")
      #expect(answer.status == 503)
      #expect(answer.body["checks"]?.array?.last?["problem"]?.string == "The disk is gone.")
    }
  }

  @Test func anErrorThatNobodyExpectedKeepsItsWordsInTheLog() async throws {
    struct Odd: Error {}
    let log = LogLines()
    try await withServer(
      { ports, _ in ports.jobs = BrokenJobs(error: OddError()) },
      handler: LogHandlerMaking(logger: log.logger)
    ) { server async throws in
      let response = try await server.call("GET", "/v1/jobs?state=available&key=hushhush")
      #expect(response.status == 500)
      #expect(!response.text.contains("OddError"))
      let id = try #require(response.headers["x-request-id"])
      #expect(response.text.contains(id))
      #expect(log.text.contains("OddError") && log.text.contains(id))
      // A query may hold what it should not.
      #expect(log.text.contains("key=…") && !log.text.contains("hushhush"))
      #expect(log.text.components(separatedBy: "no API token exists").count == 2)
    }
  }

  @Test func everyAnswerBearsTheHeadersThatKeepBrowsersSafe() async throws {
    try await withServer { server async throws in
      for path in ["/", "/docs", "/healthz", "/nothing", "/v1/jobs", "/openapi.json"] {
        let response = try await server.call("GET", path)
        #expect(response.headers["x-content-type-options"] == "nosniff")
        #expect(
          response.headers["content-security-policy"]?.hasPrefix("default-src 'none'") == true)
        #expect(response.headers["server"] == nil)
        #expect(response.headers["x-request-id"]?.isEmpty == false)
        #expect(response.headers["access-control-allow-origin"] == nil)
      }
    }
  }

  @Test func pagesFetchNothing() async throws {
    try await withServer { server async throws in
      for path in ["/", "/docs"] {
        let response = try await server.call("GET", path)
        #expect(response.headers["content-type"] == "text/html; charset=utf-8")
        // The name of a language, which nobody fetches.
        let text = response.text.replacing("http://www.w3.org/2000/svg", with: "")
        for word in ["<script", "src=", "http://", "https://", "@import", "url("] {
          #expect(!text.contains(word), "\(path) has \(word)")
        }
      }
      let head = try await server.call("HEAD", "/docs")
      #expect(head.status == 200 && head.body.isEmpty)
      #expect(Int(head.headers["content-length"] ?? "").map { $0 > 1000 } == true)
    }
  }
}

private struct OddError: Error {}

/// What a logger was told, as one text.
final class LogLines: Sendable {
  private let lines = Mutex<[String]>([])

  var text: String { lines.withLock { $0.joined(separator: "\n") } }

  var logger: Logger {
    var logger = Logger(label: "test") { _ in Handler(lines: self) }
    logger.logLevel = .debug
    return logger
  }

  private struct Handler: LogHandler {
    let lines: LogLines
    var logLevel = Logger.Level.debug
    var metadata: Logger.Metadata = [:]
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }
    func log(event: LogEvent) {
      let all = metadata.merging(event.metadata ?? [:]) { $1 }
      lines.lines.withLock { $0.append("\(event.message) \(all)") }
    }
  }
}
