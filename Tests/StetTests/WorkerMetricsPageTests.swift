import Domain
import Foundation
import Jobs
import TestKit
import Testing
import WebClient

/// `stet worker --metrics`: the figures of the process that runs the jobs, and nothing else.
@Suite(.serialized, .enabled(if: PostgresServer.isAvailable, "no PostgreSQL is installed"))
struct WorkerMetricsPageTests {
  @Test func aWorkerServesItsFigures() async throws {
    let service = try await SeveralProcessesTests.service()
    try await service.start(["--no-worker"])
    let worker = try await service.startBeside(
      ["worker", "--metrics", "127.0.0.1:0"],
      environment: ["STET_DATA_DIR": service.folder.path + "/worker"])
    defer { worker.kill() }
    let words = "stet serves metrics on "
    try await eventually("an address") {
      worker.output.hasPrefix(words) && worker.output.hasSuffix("\n")
    }
    let url = worker.output.dropFirst(words.count).trimmingCharacters(in: .whitespacesAndNewlines)
    let client = WebClient(configuration: WebClientConfiguration(userAgent: "tests"))
    func ask(_ path: String) async throws -> WebResponse {
      try await client.send(
        WebRequest(
          method: "GET", url: url + path, deadline: .seconds(10), acceptsErrorStatus: true))
    }
    let posting = ServicePosting(service)
    #expect(try await service.deliver(posting.delivery()).status == 202)
    try await service.review(comesTo: .completed)
    let figures = String(decoding: try await ask("/metrics").body, as: UTF8.self)
    #expect(figures.contains("stet_jobs_attempts_total{kind=\"review-pull-request\"} 1"))
    #expect(figures.contains("stet_jobs_pickup_seconds_count"))
    #expect(try await ask("/healthz").status == 200)
    for path in ["/", "/v1/jobs", "/docs", "/readyz"] {
      #expect(try await ask(path).status == 404)
    }
    worker.terminate()
    #expect(try await worker.ended(within: .seconds(20)).status == 0)
    await client.shutdown()
    await service.closeDatabase()
  }

  @Test func offThisMachineItNeedsAToken() async throws {
    let service = try await SeveralProcessesTests.service()
    let refused = try await service.stet(["worker", "--metrics", "0.0.0.0:0"])
    #expect(refused.status == 3 && refused.error.contains("stet token create"), "\(refused.error)")
    let odd = try await service.stet(["worker", "--metrics", "here"])
    #expect(odd.status == 2 && odd.error.contains("HOST:PORT"), "\(odd.error)")
  }
}
