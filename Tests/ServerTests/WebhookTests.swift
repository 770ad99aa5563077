import Domain
import Foundation
import Jobs
import NIOCore
import Synchronization
import Testing

@testable import Server

@Suite struct WebhookTests {
  private static let signed = ["X-Signature": "good", "X-Delivery": "d-1", "X-Event": "push"]

  @Test func storesADeliveryWithItsJobBeforeItAnswers() async throws {
    try await withServer { server async throws in
      let answer = try await server.json(
        "POST", "/webhooks/forge", headers: Self.signed, body: #"{"a": 1}"#)
      #expect(answer.status == 202)
      #expect(answer.body["delivery"]?.string == "d-1")
      let id = try #require(answer.body["job"]?.string)
      let job = try #require(try await server.ports.jobs.job(id: id))
      #expect(job.kind == "handle-delivery")
      #expect(job.arguments == #"{"delivery":"forge:d-1","event":"push"}"#)
      let stored = try #require(try await server.ports.inbox.delivery(id: "forge:d-1"))
      #expect(stored.body == Array(#"{"a": 1}"#.utf8))
    }
  }

  @Test(arguments: ["d-1", "d-2"])
  func aReplayUnderTheSameOrAnotherIdIsADuplicate(second: String) async throws {
    try await withServer { server async throws in
      _ = try await server.json(
        "POST", "/webhooks/forge", headers: Self.signed, body: #"{"a": 1}"#)
      var headers = Self.signed
      headers["X-Delivery"] = second
      let answer = try await server.json(
        "POST", "/webhooks/forge", headers: headers, body: #"{"a": 1}"#)
      #expect(answer.status == 200)
      #expect(answer.body["duplicate"] == .bool(true))
      #expect(try await server.ports.jobs.jobs(JobFilter()).count == 1)
    }
  }

  struct Bad: Sendable, CustomTestStringConvertible {
    var name: String
    var headers: [String: String]
    var body: String
    var status: Int
    var says: String
    var testDescription: String { name }
  }

  @Test(arguments: [
    Bad(name: "no signature", headers: [:], body: "{}", status: 401, says: "X-Signature"),
    Bad(
      name: "another's", headers: ["X-Signature": "bad"], body: "{}", status: 401,
      says: "signature"),
    Bad(
      name: "malformed", headers: ["X-Signature": "good"], body: "{", status: 400,
      says: "not JSON"),
    Bad(
      name: "a form", headers: ["Content-Type": "application/x-www-form-urlencoded"],
      body: "payload=%7B%7D", status: 415, says: "webhook's settings"),
    Bad(
      name: "another charset", headers: ["Content-Type": "application/json; charset=utf-16"],
      body: "{}", status: 415, says: "UTF-8"),
    Bad(
      name: "too large", headers: ["X-Signature": "good"],
      body: String(repeating: " ", count: 2001), status: 413, says: "2000 bytes"),
  ])
  func refuses(_ bad: Bad) async throws {
    try await withServer({ $1.limits.webhookBody = 2000 }) { server async throws in
      let answer = try await server.json(
        "POST", "/webhooks/forge", headers: bad.headers, body: bad.body)
      #expect(answer.status == bad.status)
      #expect(answer.body["detail"]?.string?.contains(bad.says) == true, "\(answer.body)")
      #expect(try await server.ports.jobs.jobs(JobFilter()).isEmpty)
    }
  }

  @Test func aHugeBodyThatIsDeclaredIsRefusedBeforeItComes() async throws {
    try await withServer { server async throws in
      let connection = try await RawConnection(port: server.port)
      try await connection.send(
        "POST /webhooks/forge HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
          + "Content-Length: 90000000000\r\n\r\n")
      let response = try await connection.response()
      #expect(response.status == 413)
      #expect(response.headers["connection"] == "close")
      // Nobody reads the 90 GB: the server closes.
      let start = ContinuousClock.now
      _ = await connection.rest(within: .seconds(20))
      #expect(ContinuousClock.now - start < .seconds(10))
    }
  }

  @Test func aHugeBodyInChunksIsRefusedAsSoonAsItIsTooLong() async throws {
    try await withServer({ $1.limits.webhookBody = 100_000 }) { server async throws in
      let connection = try await RawConnection(port: server.port)
      try await connection.send(
        "POST /webhooks/forge HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
          + "X-Signature: good\r\nTransfer-Encoding: chunked\r\n\r\n")
      let chunk = "4000\r\n" + String(repeating: "x", count: 0x4000) + "\r\n"
      for _ in 0..<10 { try? await connection.send(chunk) }
      #expect(try await connection.response().status == 413)
      await connection.close()
    }
  }

  @Test func aBodyInManySmallChunksIsTaken() async throws {
    try await withServer { server async throws in
      let connection = try await RawConnection(port: server.port)
      try await connection.send(
        "POST /webhooks/forge HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
          + "X-Signature: good\r\nX-Delivery: c\r\nX-Event: e\r\nTransfer-Encoding: chunked\r\n\r\n"
      )
      for byte in #"{"chunked": true}"# {
        try await connection.send("1\r\n\(byte)\r\n")
      }
      try await connection.send("0\r\n\r\n")
      #expect(try await connection.response().status == 202)
      let stored = try await server.ports.inbox.delivery(id: "forge:c")
      #expect(stored?.body == Array(#"{"chunked": true}"#.utf8))
      await connection.close()
    }
  }

  @Test(arguments: [false, true])
  func aBodyThatComesTooSlowlyIsRefusedByTheDeadline(chunked: Bool) async throws {
    try await withServer({ $1.limits.bodyDeadline = .milliseconds(1500) }) { server async throws in
      let connection = try await RawConnection(port: server.port)
      try await connection.send(
        "POST /webhooks/forge HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
          + (chunked ? "Transfer-Encoding: chunked\r\n\r\n" : "Content-Length: 1000\r\n\r\n"))
      let dripping = Task {
        while !Task.isCancelled {
          try await connection.send(chunked ? "1\r\n \r\n" : " ")
          try await Task.sleep(for: .milliseconds(100))
        }
      }
      let start = ContinuousClock.now
      let response = try await connection.response()
      #expect(response.status == 408)
      #expect(ContinuousClock.now - start < .seconds(5))
      _ = await connection.rest()
      dripping.cancel()
      #expect(try await server.ports.jobs.jobs(JobFilter()).isEmpty)
    }
  }

  @Test func aHeadThatNeverEndsIsClosedByTheDeadline() async throws {
    try await withServer({ $1.limits.headDeadline = .seconds(1) }) { server async throws in
      let connection = try await RawConnection(port: server.port)
      try await connection.send("POST /webhooks/forge HTTP/1.1\r\n")
      let dripping = Task {
        while !Task.isCancelled {
          try await connection.send("X-A: b\r\n")
          try await Task.sleep(for: .milliseconds(100))
        }
      }
      let start = ContinuousClock.now
      #expect(await connection.rest(within: .seconds(20)).isEmpty)
      #expect(ContinuousClock.now - start < .seconds(10))
      dripping.cancel()
    }
  }

  @Test func aBodyThatBreaksOffIsNoDelivery() async throws {
    try await withServer { server async throws in
      let connection = try await RawConnection(port: server.port)
      try await connection.send(
        "POST /webhooks/forge HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
          + "X-Signature: good\r\nX-Delivery: h\r\nContent-Length: 100\r\n\r\n{}")
      await connection.close()
      // The server still answers, and has kept nothing.
      #expect(try await server.call("GET", "/healthz").status == 200)
      #expect(try await server.ports.inbox.delivery(id: "forge:h") == nil)
    }
  }

  @Test(arguments: [StoreError.Code.full, .locked, .unwritable])
  func nothingIsAcknowledgedThatCouldNotBeStored(code: StoreError.Code) async throws {
    let inbox = BrokenInbox(error: StoreError(code: code, detail: "the data folder is in trouble."))
    try await withServer({ ports, _ in ports.inbox = inbox }) { server async throws in
      let response = try await server.call(
        "POST", "/webhooks/forge", headers: Self.signed, body: "{}")
      #expect(response.status == 503)
      #expect(response.headers["retry-after"] != nil)
      #expect(response.text.contains("Nothing was stored"))
      #expect(response.text.contains("the data folder is in trouble"))
    }
  }

  @Test func aForgeThatIsNotServedIsUnknown() async throws {
    try await withServer { server async throws in
      #expect(try await server.call("POST", "/webhooks/other", body: "{}").status == 404)
      #expect(try await server.call("GET", "/webhooks/forge").status == 405)
    }
  }

  @Test func aTokenIsNotAskedFor() async throws {
    try await withServer { server async throws in
      _ = try await server.makeToken()
      var headers = Self.signed
      headers["Host"] = "stet.example.org"
      headers["X-Forwarded-For"] = "140.82.115.1"
      let response = try await server.call(
        "POST", "/webhooks/forge", headers: headers, body: "{}")
      #expect(response.status == 202)
    }
  }
}

struct BrokenInbox: Inbox {
  var error: StoreError

  func accept(_ delivery: Delivery, enqueuing job: NewJob) async throws -> Acceptance {
    throw error
  }
  func delivery(id: String) async throws -> Delivery? { throw error }
}
