import Domain
import Foundation
import Jobs
import Synchronization
import Testing
import UseCases

@testable import Server

/// What is stored of a request, and what is said of it.
@Suite struct StoredTogetherTests {
  private static let issue = #"{"title": "t", "description": "d"}"#
  private static let broken = StoreError(code: .locked, detail: "the database is busy.")

  @Test(arguments: ["/issues", "/issues/batch"])
  func whatCannotBeStoredIsSaidAndLeavesNothing(_ path: String) async throws {
    try await withServer({ ports, _ in
      ports.storeIssues = { _ throws(StoreError) in throw Self.broken }
    }) { server async throws in
      let body = path == "/issues" ? Self.issue : "{\"issues\": [\(Self.issue)]}"
      let response = try await server.call("POST", path, body: body)
      #expect(response.status == 503)
      #expect(response.text.contains("Nothing was stored"))
      #expect(try await server.ports.issues.issues(limit: 1, before: nil).isEmpty)
      #expect(try await server.ports.jobs.jobs(JobFilter()).isEmpty)
    }
  }

  @Test func aReviewAskedForTakesThePlaceOfOneThatAnEventAskedFor() async throws {
    try await withServer { server async throws in
      let answer = try await server.json(
        "POST", "/v1/review", body: ##"{"pull_request": "Octo/Repo#7", "post": true}"##)
      #expect(answer.status == 202)
      let job = try #require(try await server.ports.jobs.jobs(JobFilter()).first)
      let work = try Work.ReviewPullRequest(of: job)
      #expect(job.supersedeKey == work.supersedeKey)
    }
  }

  @Test func whoWaitsIsPromisedTheReviewWhenTheServerStops() async throws {
    let start = ContinuousClock.now
    let waiting = Mutex<Task<RawResponse, any Error>?>(nil)
    let body = String(
      decoding: try JSONEncoder().encode(
        JSONValue.object(["diff": .string(ReviewAPITests.diff)])), as: UTF8.self)
    try await withServer { server async throws in
      let task = Task { try await server.call("POST", "/v1/review?wait=100", body: body) }
      waiting.withLock { $0 = task }
      try await eventually { try await !server.ports.jobs.jobs(JobFilter()).isEmpty }
      // The server is stopped here.
    }
    let task = try #require(waiting.withLock { $0 })
    #expect(try await task.value.status == 202)
    #expect(ContinuousClock.now - start < .seconds(10))
  }

  /// The labels that the program gives are those that the table names.
  @Test func labelsAreThoseOfTheTable() throws {
    let sources = URL(filePath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Sources")
    let files = try #require(
      FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil))
    var seen: Set<String> = []
    for case let file as URL in files where file.pathExtension == "swift" {
      let text = try String(contentsOf: file, encoding: .utf8)
      let uses = /label:\s*"(stet_[a-z_]+)"(?:,\s*dimensions:\s*\[([^\]]*)\])?/
      for use in text.matches(of: uses) {
        let name = String(use.1)
        let labels = (use.2 ?? "").matches(of: /\("([a-z_]+)",/).map { String($0.1) }
        let metric = try #require(MetricDefinition.all.first { $0.name == name }, "\(name)")
        #expect(labels.sorted() == metric.labels.sorted(), "\(name)")
        seen.insert(name)
      }
    }
    #expect(seen.contains("stet_forge_requests_total"))
  }
}
