import Domain
import Foundation
import TestKit
import Testing

@testable import Forges

@Suite("Rate limits of GitHub")
struct RateLimitTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var status: Int
    var headers: [(name: String, value: String)]
    var message: String
    /// Seconds.
    var wait: Int
  }

  private static let now = 1_800_000_000.0
  private static let date = (name: "Date", value: ForgeBench.httpDate(now))

  static let cases = [
    Case(
      testDescription: "primary, by GitHub's clock", status: 403,
      headers: [date, ("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", "1800000120")],
      message: "API rate limit exceeded for installation ID 1.", wait: 121),
    Case(
      testDescription: "primary with 429", status: 429,
      headers: [date, ("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", "1800000009")],
      message: "API rate limit exceeded", wait: 10),
    Case(
      testDescription: "a reset years ahead is bounded", status: 403,
      headers: [date, ("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", "2800000000")],
      message: "API rate limit exceeded", wait: 3600),
    Case(
      testDescription: "a reset in the past", status: 403,
      headers: [date, ("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", "1700000000")],
      message: "API rate limit exceeded", wait: 1),
    Case(
      testDescription: "secondary with its time", status: 403,
      headers: [date, ("Retry-After", "30")],
      message: "You have exceeded a secondary rate limit.", wait: 30),
    Case(
      testDescription: "secondary by its date", status: 403,
      headers: [date, ("Retry-After", ForgeBench.httpDate(now + 45))],
      message: "You have exceeded a secondary rate limit.", wait: 45),
    Case(
      testDescription: "a secondary time of years is bounded", status: 429,
      headers: [date, ("Retry-After", "99999999")], message: "Slow down", wait: 3600),
    Case(
      testDescription: "secondary by its words alone", status: 403,
      headers: [date, ("X-RateLimit-Remaining", "4000")],
      message: "You have exceeded a secondary rate limit. Please wait a few minutes.", wait: 60),
    Case(
      testDescription: "abuse detection", status: 403, headers: [date],
      message: "You have triggered an abuse detection mechanism.", wait: 60),
    Case(
      testDescription: "too quick with 422", status: 422, headers: [date],
      message: "was submitted too quickly", wait: 60),
  ]

  @Test("give the time to wait, and nothing is sent until it has passed", arguments: cases)
  func waits(for example: Case) async throws {
    // An hour off: only the server's clock may count.
    let time = BenchTime(skew: 3600)
    try await FaultServer.with { request in
      request.number == 1
        ? .json(
          #"{"message": "\#(example.message)"}"#, status: example.status, headers: example.headers)
        : .json(ForgeBench.pullRequest, headers: [Self.date])
    } _: { server in
      let forge = try ForgeBench.forge(server.url, time: time)
      for call in 1...2 {
        let error = await #expect(throws: ForgeError.self) {
          try await forge.pullRequest(ForgeBench.reference)
        }
        #expect(error?.code == .rateLimited)
        let wait = try #require(error?.retryAfter)
        // Real time passes between the two calls.
        #expect(wait <= .seconds(example.wait) && wait > .seconds(example.wait - 5), "\(wait)")
        if call == 1 { #expect(error?.status == example.status) }
      }
      #expect(server.requests.count == (example.wait > 1 ? 1 : server.requests.count))
      time.pass(.seconds(example.wait + 1))
      #expect(try await forge.pullRequest(ForgeBench.reference).title == "T")
      #expect(time.sleeps.isEmpty)
    }
  }

  @Test("that a good answer has used up hold for the next call, for REST and GraphQL apart")
  func spentByAnAnswer() async throws {
    let time = BenchTime()
    try await FaultServer.with { request in
      request.path == "/graphql"
        ? .json(#"{"data": {"resolveReviewThread": null}}"#)
        : .json(
          ForgeBench.pullRequest,
          headers: [
            Self.date, ("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", "1800000100"),
            ("X-RateLimit-Resource", "core"),
          ])
    } _: { server in
      let forge = try ForgeBench.forge(server.url, time: time)
      _ = try await forge.pullRequest(ForgeBench.reference)
      await #expect(throws: ForgeError.self) { try await forge.comments(on: ForgeBench.reference) }
      #expect(server.requests.count == 1)
      try await forge.resolve(thread: "T1", in: ForgeBench.repository)
      #expect(server.requests.count == 2)
    }
  }

  @Test("do not swallow a refusal of permission")
  func permission() async throws {
    try await FaultServer.with { _ in
      .json(
        #"{"message": "Resource not accessible by integration"}"#, status: 403,
        headers: [("X-RateLimit-Remaining", "4999"), ("X-RateLimit-Reset", "1800000100")])
    } _: { server in
      let forge = try ForgeBench.forge(server.url)
      let error = await #expect(throws: ForgeError.self) {
        try await forge.comment("x", on: ForgeBench.reference)
      }
      #expect(error?.code == .unauthorized)
      #expect(error?.retryAfter == nil)
      #expect(server.requests.count == 1)
    }
  }
}
