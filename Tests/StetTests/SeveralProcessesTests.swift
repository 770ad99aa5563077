import Domain
import Foundation
import Jobs
import Storage
import TestKit
import Testing
import WebClient

/// Two servers and two workers on one PostgreSQL.
@Suite(.serialized, .enabled(if: PostgresServer.isAvailable, "no PostgreSQL is installed"))
struct SeveralProcessesTests {
  static func key(_ byte: UInt8 = 5) -> String {
    Data([UInt8](repeating: byte, count: 32)).base64EncodedString()
  }

  /// A service whose database is a new one of PostgreSQL.
  static func service() async throws -> ServiceRunning {
    let service = try await ServiceRunning(.token)
    service.environment["DATABASE_URL"] = try PostgresServer.shared().newDatabase()
    service.environment["STET_SECRET_KEY"] = key()
    return service
  }

  @Test(.timeLimit(.minutes(3)))
  func eachDeliveryIsHandledOnceAndCronFiresOnce() async throws {
    let service = try await Self.service()
    let folder = service.folder.path
    let first = try await service.start()
    // Due already when the others look, as after a night in which nobody ran.
    try await eventually("a schedule") {
      try await !service.opened.query(SQLStatement("SELECT name FROM schedules")).isEmpty
    }
    try await service.opened.change([SQLStatement("UPDATE schedules SET next_at = 1")])
    let second = try await service.startBeside(
      ["serve"], environment: ["STET_DATA_DIR": folder + "/second"])
    var workers: [StartedService] = []
    for number in 1...2 {
      workers.append(
        try await service.startBeside(
          ["worker", "--name", "worker-\(number)"],
          environment: ["STET_DATA_DIR": folder + "/worker-\(number)"]))
    }
    defer { for process in [second] + workers { process.kill() } }

    // Each delivery comes to both servers, at the same time and once more after it.
    var postings: [ServicePosting] = []
    for number in 1...6 {
      postings.append(
        ServicePosting(service, in: RepositoryName(owner: "octo-org", name: "orders-\(number)")))
    }
    let answers = try await withThrowingTaskGroup(of: (Int, Int).self) { group in
      for (number, posting) in postings.enumerated() {
        let delivery = posting.delivery(id: "delivery-\(number)")
        for server in [first, second, first] {
          let (url, secret) = (server.url, service.secret)
          group.addTask {
            (number, try await ServiceRunning.deliver(delivery, to: url, secret: secret).status)
          }
        }
      }
      var answers: [Int: [Int]] = [:]
      for try await (number, status) in group { answers[number, default: []].append(status) }
      return answers
    }
    for (_, statuses) in answers { #expect(statuses.sorted() == [200, 200, 202]) }

    let expected = [
      "handle-delivery": 6, "review-pull-request": 6, "upkeep": 1, "weekly-report": 1,
    ]
    // One job ends before the next begins, so that all may be at rest too early.
    try await service.idles(
      atLeast: expected.values.reduce(0, +), within: .seconds(90))
    var jobs: [Job] = []
    try await eventually("every job that is due, at rest", within: .seconds(60)) {
      jobs = try await service.jobs().filter { expected[$0.kind] != nil }
      return jobs.count >= expected.values.reduce(0, +) && jobs.allSatisfy(\.state.isFinal)
    }
    for posting in postings { posting.expectPostedOnce() }
    #expect(Dictionary(grouping: jobs, by: \.kind).mapValues(\.count) == expected)
    // A report that nobody is to be told of is cancelled, with that as its reason.
    for job in jobs {
      #expect(job.attempt == 1 && (job.errors.isEmpty || job.state == .cancelled), "\(job)")
    }
    #expect(jobs.filter { $0.kind == "review-pull-request" }.allSatisfy { $0.group != nil })

    for process in workers { process.terminate() }
    for process in workers { #expect(try await process.ended(within: .seconds(20)).status == 0) }
    second.terminate()
    #expect(try await second.ended(within: .seconds(20)).status == 0)
    first.terminate()
    #expect(try await first.ended(within: .seconds(20)).status == 0)
    await service.closeDatabase()
  }

  /// Without a worker of its own a server leaves the work to others.
  @Test func aServerWithoutWorkersOnlyTakes() async throws {
    let service = try await Self.service()
    try await service.start(["--no-worker"])
    let posting = ServicePosting(service)
    #expect(try await service.deliver(posting.delivery()).status == 202)
    #expect(try await service.ask("GET", "/readyz").status == 200)
    try await Task.sleep(for: .milliseconds(300))
    #expect(try await service.jobs().map(\.state) == [.available])
    let worker = try await service.startBeside(["worker"])
    defer { worker.kill() }
    try await service.review(comesTo: .completed)
    posting.expectPostedOnce()
    await service.closeDatabase()
  }
}
