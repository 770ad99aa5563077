import Domain
import Foundation
import Jobs
import Synchronization
import Testing
import UseCases

@testable import Server

/// What `POST /fix` does when its client does not wait, and what it keeps to itself.
@Suite struct FixRouteTests {
  private func until(
    _ limit: Duration = .seconds(10), _ holds: @Sendable () async throws -> Bool
  ) async throws -> Bool {
    let end = ContinuousClock.now + limit
    while ContinuousClock.now < end {
      if try await holds() { return true }
      try await Task.sleep(for: .milliseconds(10))
    }
    return false
  }

  @Test(arguments: [false, true])
  func workEndsWhenItsClientLeaves(leavesAtOnce: Bool) async throws {
    let box = SeenBox()
    let fix: @Sendable (FixCode.Request) async throws(FixError) -> FixCode.Answer = {
      _ async throws(FixError) in
      box.began()
      do { try await Task.sleep(for: .seconds(60)) } catch { box.cancelled() }
      throw FixError(code: .cancelled, detail: "It was stopped.")
    }
    try await withServer({ ports, _ in ports.fix = fix }) { server async throws in
      let connection = try await RawConnection(port: server.port)
      let body = #"{"code": "x = 1"}"#
      try await connection.send(
        "POST /fix HTTP/1.1\r\nHost: 127.0.0.1:\(server.port)\r\nContent-Type: application/json\r\n"
          + "Content-Length: \(body.utf8.count)\r\n\r\n" + body)
      if !leavesAtOnce { #expect(try await until { box.hasBegun }) }
      await connection.close()
      #expect(try await until { box.isCancelled || (leavesAtOnce && !box.hasBegun) })
      // The server is none the worse for it.
      #expect(try await server.call("GET", "/healthz").status == 200)
    }
  }

  @Test func anAnswerStillComesAndClosesItsConnection() async throws {
    let fix: @Sendable (FixCode.Request) async throws(FixError) -> FixCode.Answer = {
      request async throws(FixError) in
      FixCode.Answer(
        fixedCode: request.code, changed: false, reason: "Nothing.", verified: ["parses", "tests"],
        usage: ModelUsage(), run: "r")
    }
    try await withServer({ ports, _ in ports.fix = fix }) { server async throws in
      let response = try await server.call("POST", "/fix", body: #"{"code": "x"}"#)
      #expect(response.status == 200)
      #expect(response.headers["connection"] == "close")
    }
  }

  @Test func tooManyRequestsAreToldWhenToComeBack() async throws {
    let fix: @Sendable (FixCode.Request) async throws(FixError) -> FixCode.Answer = {
      request async throws(FixError) in
      FixCode.Answer(
        fixedCode: request.code, changed: false, reason: "", verified: [], usage: ModelUsage(),
        run: "r")
    }
    try await withServer({ ports, configuration in
      ports.fix = fix
      configuration.limits.requestBurst = 2
      configuration.limits.requestsPerMinute = 1
    }) { server async throws in
      var last = try await server.call("POST", "/fix", body: #"{"code": "x"}"#)
      for _ in 0..<4 where last.status != 429 {
        last = try await server.call("POST", "/fix", body: #"{"code": "x"}"#)
      }
      #expect(last.status == 429)
      #expect((last.headers["retry-after"].flatMap { Int($0) } ?? 0) >= 1)
    }
  }
}

private final class SeenBox: Sendable {
  private let state = Mutex((began: false, cancelled: false))
  func began() { state.withLock { $0.began = true } }
  func cancelled() { state.withLock { $0.cancelled = true } }
  var hasBegun: Bool { state.withLock { $0.began } }
  var isCancelled: Bool { state.withLock { $0.cancelled } }
}
