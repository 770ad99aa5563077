import Domain
import Foundation
import Jobs
import Testing
import UseCases

@testable import Server

/// `POST /v1/evaluate`: what it takes, what it refuses, what it promises.
@Suite struct EvaluateRouteTests {
  private static func body(_ members: [String: JSONValue]) throws -> String {
    String(decoding: try JSONEncoder().encode(JSONValue.object(members)), as: UTF8.self)
  }

  @Test(
    arguments: [
      (.null, []), (.string(""), []), (.string("assert x"), ["test_solution.py"]),
      (
        .array([
          .object(["path": .string("a.md"), "text": .string(">>> x\n1\n")]),
          .object(["text": .string("assert x")]),
        ]), ["a.md", "test_2.py"]
      ),
    ] as [(JSONValue, [String])])
  func anEvaluationIsPromised(tests: JSONValue, paths: [String]) async throws {
    try await withServer { server async throws in
      let answer = try await server.json(
        "POST", "/v1/evaluate",
        body: try Self.body([
          "code": .string("x = 1\n"), "tests": tests, "language": .string("python"),
          "criteria": .object(["complexity": .integer(4)]),
        ]))
      #expect(answer.status == 202)
      let run = try #require(answer.body["run"]?.string)
      let id = try #require(answer.body["job"]?.string)
      let job = try #require(try await server.ports.jobs.job(id: id))
      #expect(job.run == run)
      let work = try Work.Evaluate(of: job)
      #expect(work.code == "x = 1\n" && work.run == run && work.askedBy == "local")
      #expect(work.tests.map(\.path) == paths)
      #expect(work.tests.allSatisfy { $0.isUsers })
      #expect(work.criteria.complexity == 4 && work.criteria.slowdown == 1.5)
      #expect(work.mutation == false)
    }
  }

  @Test func mutantsAreTriedWhereTheyAreAskedFor() async throws {
    try await withServer { server async throws in
      let answer = try await server.json(
        "POST", "/v1/evaluate",
        body: try Self.body(["code": .string("x = 1\n"), "mutation": .bool(true)]))
      #expect(answer.status == 202)
      let id = try #require(answer.body["job"]?.string)
      let job = try #require(try await server.ports.jobs.job(id: id))
      #expect(try Work.Evaluate(of: job).mutation == true)
      // A row of a version that knew no mutants is read all the same.
      var old = job
      old.arguments = job.arguments.replacing(#""mutation":true,"#, with: "")
      #expect(old.arguments != job.arguments)
      #expect(try Work.Evaluate(of: old).mutation == nil)
    }
  }

  /// The report is an event of its own, while what is slow goes on.
  @Test func theReportIsToldBeforeTheMutantsAreDone() async throws {
    let signal = JobSignal()
    let (gate, opened) = AsyncStream.makeStream(of: Void.self)
    try await withServer(signal: signal) { server async throws in
      let runs = server.ports.runs
      let handler = JobHandler(Work.Evaluate.kind) { context in
        let work = try Work.Evaluate(of: context.job)
        func save(_ mark: String) async throws {
          try await runs.save(
            Run(
              id: work.run, kind: .evaluate, startedAt: Date(), seconds: 1, outcome: .completed,
              askedBy: work.askedBy, subject: "code", inputs: [:], modelCalls: [], claims: 0,
              masked: [:], review: nil, failure: nil, job: context.job.id,
              result: .object(["mark": .string(mark)])))
        }
        try await save("first")
        context.progress("report: pass; mutants are tried next")
        for await _ in gate { break }
        try await save("whole")
        return .completed
      }
      let promised = try await server.json(
        "POST", "/v1/evaluate",
        body: try Self.body(["code": .string("x = 1\n"), "mutation": .bool(true)])
      ).body
      let run = try #require(promised["run"]?.string)
      let connection = try await RawConnection(port: server.port)
      try await connection.send(
        "GET /v1/runs/\(run)/events HTTP/1.1\r\nHost: 127.0.0.1:\(server.port)\r\n\r\n")
      try await withWorker(handler, signal, server) {
        let begin = try await connection.read(until: #""mark":"first""#)
        #expect(begin.contains("event: report\n") && !begin.contains("event: result\n"))
        opened.yield()
        let rest = String(decoding: await connection.rest(), as: UTF8.self)
        #expect(rest.contains("event: result\n") && rest.contains(#""mark":"whole""#))
        #expect(!rest.contains("event: report\n"))
      }
    }
  }

  @Test(
    arguments: [
      ([:], "code"), (["code": .string("")], "code"), (["code": .integer(1)], "code"),
      (["code": .string(String(repeating: "x", count: 300_000))], "code"),
      (["code": .string("x"), "tests": .integer(1)], "tests"),
      (["code": .string("x"), "tests": .array([.integer(1)])], "tests[0].text"),
      (
        ["code": .string("x"), "tests": .array([.object(["text": .string(" ")])])], "tests"
      ),
      (["code": .string("x"), "language": .string("cobol")], "language"),
      (["code": .string("x"), "path": .string("../x.py")], "path"),
      (["code": .string("x"), "mutation": .string("yes")], "mutation"),
      (["code": .string("x"), "criteria": .string("all")], "criteria"),
      (
        ["code": .string("x"), "criteria": .object(["slowdown": .string("2")])],
        "criteria.slowdown"
      ),
    ] as [([String: JSONValue], String)])
  func whatCannotBeJudgedIsRefused(members: [String: JSONValue], field: String) async throws {
    try await withServer { server async throws in
      let answer = try await server.json(
        "POST", "/v1/evaluate", body: try Self.body(members))
      #expect(answer.status == 422)
      #expect(answer.body["errors"]?.array?.compactMap { $0["field"]?.string } == [field])
      #expect(try await server.ports.jobs.jobs(JobFilter()).isEmpty)
    }
  }

  @Test func whoWaitsGetsTheReport() async throws {
    let signal = JobSignal()
    try await withServer(signal: signal) { server async throws in
      let runs = server.ports.runs
      let handler = JobHandler(Work.Evaluate.kind) { context in
        let work = try Work.Evaluate(of: context.job)
        let evaluation = Evaluation(
          verdict: .pass, seconds: 1, axes: [], stdout: "", stderr: "", run: work.run)
        let result = try JSONDecoder().decode(
          JSONValue.self, from: JSONEncoder().encode(evaluation))
        try await runs.save(
          Run(
            id: work.run, kind: .evaluate, startedAt: Date(), seconds: 1, outcome: .completed,
            askedBy: work.askedBy, subject: "code", inputs: [:], modelCalls: [], claims: 0,
            masked: [:], review: nil, failure: nil, job: context.job.id,
            result: result))
        return .completed
      }
      try await withWorker(handler, signal, server) {
        let answer = try await server.json(
          "POST", "/v1/evaluate?wait=60", body: try Self.body(["code": .string("x = 1\n")]))
        #expect(answer.status == 200)
        #expect(answer.body["verdict"]?.string == "pass")
      }
    }
  }
}
