import Domain
import Foundation
import Jobs
import Logging
import Testing
import UseCases

@testable import Server

@Suite struct GenerateAPITests {
  private static func body(_ members: [String: JSONValue]) throws -> String {
    String(decoding: try JSONEncoder().encode(JSONValue.object(members)), as: UTF8.self)
  }

  private static func withModel<Value: Sendable>(
    signal: JobSignal = JobSignal(),
    _ body: @escaping @Sendable (ServerUnderTest) async throws -> Value
  ) async throws -> Value {
    try await withServer(
      { ports, _ in
        ports.workLimits = WorkLimits(modelJobs: 2, model: "openai")
        ports.generation.tokens = 1_000
      }, signal: signal, body)
  }

  /// As a run of the loop is kept.
  private static func document(
    _ run: String, prompt: String = "Write add.",
    limits: [String: JSONValue] = ["rounds": .integer(4)]
  ) -> JSONValue {
    .object([
      "verdict": .string("pass"), "reason": .string("It holds."), "code": .string("x = 1\n"),
      "changed": .bool(true), "tests": .string("assert True\n"),
      "rounds": .array([
        .object([
          "step": .string("write"), "candidates": .integer(1), "commit": .null,
          "verdict": .string("pass"), "feedback": .string(""), "evaluation": .null,
        ])
      ]),
      "usage": .object([
        "model_calls": .integer(1), "input_tokens": .integer(2), "output_tokens": .integer(3),
        "cost_usd": .null,
      ]), "run": .string(run), "failure": .null, "path": .string("solution.py"),
      "prompt": .string(prompt), "messages": .array([]),
      "test_files": .array([
        .object([
          "path": .string("test_a.py"), "text": .string("assert True\n"), "isUsers": .bool(true),
        ])
      ]),
      "criteria": .object([:]), "limits": .object(limits),
    ])
  }

  private static func record(
    _ id: String, kind: Run.Kind, job: String? = nil, result: JSONValue? = nil,
    failure: String? = nil
  ) -> Run {
    Run(
      id: id, kind: kind, startedAt: Date(), seconds: 1,
      outcome: failure == nil ? .completed : .failed, askedBy: "local", subject: "a prompt",
      inputs: [:], modelCalls: [], claims: 1, masked: [:], review: nil, failure: failure,
      job: job, result: result)
  }

  @Test func codeIsPromisedAndItsJobWaits() async throws {
    try await Self.withModel { server async throws in
      let answer = try await server.call(
        "POST", "/v1/generate",
        body: try Self.body([
          "prompt": .string("Write add."), "tests": .string("assert add(1, 2) == 3"),
          "rounds": .integer(2), "tokens": .integer(5_000), "seconds": .integer(30),
          "criteria": .object(["axes": .array([.string("correctness")])]),
        ]))
      #expect(answer.status == 202)
      let body = try JSONDecoder().decode(JSONValue.self, from: Data(answer.body))
      let run = try #require(body["run"]?.string)
      #expect(answer.headers["location"] == "/v1/runs/\(run)")
      let id = try #require(body["job"]?.string)
      let job = try #require(try await server.ports.jobs.job(id: id))
      #expect(job.group == "api:local" && job.run == run)
      let work = try Work.GenerateCode(of: job)
      #expect(work.prompt == "Write add." && work.run == run && work.askedBy == "local")
      #expect(work.tests.map(\.text) == ["assert add(1, 2) == 3"])
      #expect(work.criteria.axes == [.correctness])
      #expect(work.limits.rounds == 2 && work.limits.time == 30)
      // No more than the settings allow.
      #expect(work.limits.tokens == 1_000)
      let view = try await server.json("GET", "/v1/runs/\(run)")
      #expect(view.body["state"]?.string == "queued")
    }
  }

  @Test func withoutAModelOnlyARefactoringIsTaken() async throws {
    try await withServer { server async throws in
      let refused = try await server.json(
        "POST", "/v1/generate", body: try Self.body(["prompt": .string("Write add.")]))
      #expect(refused.status == 503)
      #expect(refused.body["detail"]?.string?.contains("LLM_PROVIDER") == true)
      let taken = try await server.json(
        "POST", "/v1/refactor",
        body: try Self.body(["code": .string("x = 1\n"), "goal": .string("Shorter.")]))
      #expect(taken.status == 202)
      let job = try #require(try await server.ports.jobs.jobs(JobFilter()).first)
      let work = try Work.RefactorCode(of: job)
      #expect(work.code == "x = 1\n" && work.goal == "Shorter.")
    }
  }

  @Test(
    arguments: [
      ("/v1/generate", [:], "prompt"), ("/v1/generate", ["prompt": .string(" ")], "prompt"),
      ("/v1/generate", ["prompt": .integer(1)], "prompt"),
      ("/v1/generate", ["prompt": .string("x"), "tests": .integer(1)], "tests"),
      (
        "/v1/generate",
        [
          "prompt": .string("x"),
          "tests": .array([.object(["path": .string("../a.py"), "text": .string("x")])]),
        ], "tests"
      ),
      ("/v1/generate", ["prompt": .string("x"), "rounds": .integer(0)], "rounds"),
      ("/v1/generate", ["prompt": .string("x"), "rounds": .string("2")], "rounds"),
      ("/v1/generate", ["prompt": .string("x"), "candidates": .integer(99)], "candidates"),
      ("/v1/generate", ["prompt": .string("x"), "cost_usd": .integer(-1)], "cost_usd"),
      ("/v1/generate", ["prompt": .string("x"), "criteria": .string("all")], "criteria"),
      (
        "/v1/generate",
        ["prompt": .string("x"), "criteria": .object(["axes": .array([.string("beauty")])])],
        "criteria"
      ),
      ("/v1/refactor", [:], "code"), ("/v1/refactor", ["code": .string("")], "code"),
      ("/v1/refactor", ["code": .string("x = 1"), "goal": .bool(true)], "goal"),
      ("/v1/runs/some/feedback", [:], "message"),
    ] as [(String, [String: JSONValue], String)])
  func whatCannotBeTakenIsRefused(
    path: String, members: [String: JSONValue], field: String
  ) async throws {
    try await Self.withModel { server async throws in
      let answer = try await server.json("POST", path, body: try Self.body(members))
      #expect(answer.status == 422)
      #expect(answer.body["errors"]?.array?.compactMap { $0["field"]?.string } == [field])
      #expect(try await server.ports.jobs.jobs(JobFilter()).isEmpty)
    }
  }

  @Test func feedbackGoesOnFromARun() async throws {
    try await Self.withModel { server async throws in
      let id = TimeOrderedID.next(Date())
      try await server.ports.runs.save(
        Self.record(id, kind: .generate, result: Self.document(id)))
      let answer = try await server.json(
        "POST", "/v1/runs/\(id)/feedback", body: try Self.body(["message": .string("Shorter.")]))
      #expect(answer.status == 202)
      #expect(answer.body["run"]?.string != id)
      let job = try #require(try await server.ports.jobs.jobs(JobFilter()).first)
      let work = try Work.GenerateCode(of: job)
      #expect(work.earlier == id && work.message == "Shorter." && work.prompt == "Write add.")
      #expect(work.limits.rounds == 4)
    }
  }

  @Test(arguments: [Run.Kind.generate, .refactor])
  func feedbackMayTakeNoMoreThanTheSettingsAllow(kind: Run.Kind) async throws {
    try await Self.withModel { server async throws in
      let id = TimeOrderedID.next(Date())
      let wide: [String: JSONValue] = [
        "rounds": .integer(4), "time": .number(3_000), "tokens": .integer(9_000),
        "cost": .number(7.5),
      ]
      try await server.ports.runs.save(
        Self.record(id, kind: kind, result: Self.document(id, limits: wide)))
      _ = try await server.json(
        "POST", "/v1/runs/\(id)/feedback", body: try Self.body(["message": .string("Shorter.")]))
      let job = try #require(try await server.ports.jobs.jobs(JobFilter()).first)
      let limits =
        kind == .generate
        ? try Work.GenerateCode(of: job).limits : try Work.RefactorCode(of: job).limits
      #expect(limits.time == server.ports.generation.time && limits.time < 3_000)
      #expect(limits.tokens == 1_000 && limits.cost == 7.5 && limits.rounds == 4)
    }
  }

  @Test func feedbackOnARefactoringRefactors() async throws {
    try await withServer { server async throws in
      let id = TimeOrderedID.next(Date())
      try await server.ports.runs.save(
        Self.record(id, kind: .refactor, result: Self.document(id, prompt: "")))
      let answer = try await server.json(
        "POST", "/v1/runs/\(id)/feedback", body: try Self.body(["message": .string("Shorter.")]))
      #expect(answer.status == 202)
      let job = try #require(try await server.ports.jobs.jobs(JobFilter()).first)
      let work = try Work.RefactorCode(of: job)
      #expect(work.code == "x = 1\n" && work.goal == nil && work.message == "Shorter.")
      #expect(work.tests.map(\.path) == ["test_a.py"])
    }
  }

  @Test func feedbackNeedsARunThatWroteCode() async throws {
    try await Self.withModel { server async throws in
      let message = try Self.body(["message": .string("Shorter.")])
      let none = try await server.json(
        "POST", "/v1/runs/\(TimeOrderedID.next(Date()))/feedback", body: message)
      #expect(none.status == 404)
      let review = TimeOrderedID.next(Date())
      try await server.ports.runs.save(Self.record(review, kind: .review))
      let other = try await server.json("POST", "/v1/runs/\(review)/feedback", body: message)
      #expect(other.status == 409)
      let promised = try await server.json(
        "POST", "/v1/generate", body: try Self.body(["prompt": .string("Write add.")]))
      let waiting = try #require(promised.body["run"]?.string)
      let early = try await server.json("POST", "/v1/runs/\(waiting)/feedback", body: message)
      #expect(early.status == 409)
      #expect(early.body["detail"]?.string?.contains("not over yet") == true)
    }
  }

  @Test(arguments: ["", "no_sandbox: bubblewrap is missing.", "model_failed: gone", "timed_out: x"])
  func whoWaitsGetsTheResultOrTheReason(failure: String) async throws {
    let signal = JobSignal()
    try await Self.withModel(signal: signal) { server async throws in
      let runs = server.ports.runs
      let handler = JobHandler(Work.GenerateCode.kind) { context in
        let work = try Work.GenerateCode(of: context.job)
        try await runs.save(
          Self.record(
            work.run, kind: .generate, job: context.job.id,
            result: failure.isEmpty ? Self.document(work.run) : nil,
            failure: failure.isEmpty ? nil : failure))
        if failure.isEmpty { return .completed }
        throw JobFailure(failure, isFinal: true)
      }
      try await withWorker(handler, signal, server) {
        let answer = try await server.json(
          "POST", "/v1/generate?wait=60", body: try Self.body(["prompt": .string("Write add.")]))
        switch failure.prefix(5) {
        case "":
          #expect(answer.status == 200 && answer.body["code"]?.string == "x = 1\n")
        case "no_sa": #expect(answer.status == 503)
        case "timed": #expect(answer.status == 504)
        default: #expect(answer.status == 502)
        }
        if !failure.isEmpty {
          #expect(answer.body["detail"]?.string?.contains(failure.suffix(4)) == true)
        }
      }
    }
  }
}
