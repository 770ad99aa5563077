import Domain
import Foundation
import Hummingbird
import Jobs
import Logging
import UseCases

/// `POST /v1/generate`, `/v1/refactor`, and `/v1/runs/{id}/feedback`, by which either goes on.
struct GenerateRoutes {
  let ports: ServerPorts
  let limits: ServerLimits

  var routes: [Route] {
    [
      Route(
        .post, "/v1/generate", .api(.write), isLimited: true,
        Operation(
          id: "generate", tag: "generate", summary: "Writes code that has run",
          detail:
            "Several candidates are written, run against the tests in the sandbox, judged and "
            + "repaired; the best is the answer, with a verdict that says what was shown of it.",
          parameters: [wait], body: "GenerateRequest", results: results,
          problems: [.conflict, .modelFailed, .timedOut, .unavailable]), handler: generate),
      Route(
        .post, "/v1/refactor", .api(.write), isLimited: true,
        Operation(
          id: "refactor", tag: "generate", summary: "Rewrites code that does the same",
          detail:
            "The code as it is, its tests and its figures are the measure. Without a model it "
            + "is what ruff can safely fix.",
          parameters: [wait], body: "RefactorRequest", results: results,
          problems: [.conflict, .modelFailed, .timedOut, .unavailable]), handler: refactor),
      Route(
        .post, "/v1/runs/{id}/feedback", .api(.write), isLimited: true,
        Operation(
          id: "giveFeedback", tag: "generate",
          summary: "Says what should be different, and goes on from a run",
          detail: "Of a run of `/v1/generate` or `/v1/refactor`. What follows is a run of its own, "
            + "with the rounds of the one before.",
          parameters: [.id, wait], body: "FeedbackRequest", results: results,
          problems: [.notFound, .conflict, .modelFailed, .timedOut, .unavailable]),
        handler: feedback),
    ]
  }

  private var longestWait: Int { Int(limits.longestWait.components.seconds) }

  private var wait: Operation.Parameter {
    .init(
      name: "wait", place: .query, schema: Schema.integer(from: 0, to: longestWait),
      meaning: "Seconds to wait for the result.")
  }

  private var results: [Operation.Result] {
    [
      .init(status: 200, meaning: "The result, in time.", schema: "Generation"),
      .init(
        status: 202, meaning: "It will be made.", schema: "Promise",
        headers: ["Location": "The run."]),
    ]
  }

  // MARK: Handlers

  @Sendable private func generate(
    _ request: Request, _ context: ServerContext
  ) async throws -> Response {
    let seconds = try begin(request)
    var fields = try await fields(request, context)
    let most = GenerateCode.longestPrompt.value
    let prompt = fields.texts.text("prompt", isRequired: true, maxBytes: most)
    if let prompt, prompt.allSatisfy(\.isWhitespace) {
      fields.texts.refuse("prompt", "It is empty.")
    }
    let path = fields.texts.text("path", maxBytes: 64)
    let tests = fields.tests()
    let bounds = fields.limits(ports.generation)
    let criteria = fields.criteria(over: ports.criteria)
    try fields.texts.check()
    try refused {
      () throws(GenerateError) in
      try GenerateCode.check(
        .init(
          prompt: prompt ?? "", tests: tests, criteria: criteria, limits: bounds, path: path,
          askedBy: context.caller.actor))
    }
    try requireModel()
    let run = TimeOrderedID.next(ports.now())
    let work = Work.GenerateCode(
      run: run, askedBy: context.caller.actor, prompt: prompt ?? "", tests: tests,
      criteria: criteria, limits: bounds, path: path)
    return try await promise(
      job(Work.GenerateCode.kind, try work.json(), run, context), run, seconds, context)
  }

  @Sendable private func refactor(
    _ request: Request, _ context: ServerContext
  ) async throws -> Response {
    let seconds = try begin(request)
    var fields = try await fields(request, context)
    let most = EvaluateCode.largest.value
    let code = fields.texts.text("code", isRequired: true, maxBytes: most)
    if let code, code.allSatisfy(\.isWhitespace) { fields.texts.refuse("code", "It is empty.") }
    let goal = fields.texts.text("goal", maxBytes: GenerateCode.longestPrompt.value)
    let path = fields.texts.text("path", maxBytes: 64)
    let tests = fields.tests()
    let bounds = fields.limits(ports.generation)
    let criteria = fields.criteria(over: ports.criteria)
    try fields.texts.check()
    try refused {
      () throws(GenerateError) in
      try RefactorCode.check(
        .init(
          code: code ?? "", path: path, tests: tests, goal: goal, criteria: criteria,
          limits: bounds, askedBy: context.caller.actor))
    }
    let run = TimeOrderedID.next(ports.now())
    let work = Work.RefactorCode(
      run: run, askedBy: context.caller.actor, code: code ?? "", tests: tests, goal: goal,
      criteria: criteria, limits: bounds, path: path)
    return try await promise(
      job(Work.RefactorCode.kind, try work.json(), run, context), run, seconds, context)
  }

  @Sendable private func feedback(
    _ request: Request, _ context: ServerContext
  ) async throws -> Response {
    let seconds = try begin(request)
    let id = context.parameter("id").lowercased()
    var fields = try await fields(request, context)
    let message = fields.texts.text(
      "message", isRequired: true, maxBytes: GenerateCode.longestPrompt.value)
    if let message, message.allSatisfy(\.isWhitespace) {
      fields.texts.refuse("message", "It is empty.")
    }
    try fields.texts.check()
    guard let view = try await ports.view(run: id) else { throw Problem.unknown("run", id) }
    guard let earlier = view.run, view.state.isFinal else {
      throw Problem(.conflict, "Run \(view.id) is not over yet: wait for its result.")
    }
    let result: GenerationResult
    do { result = try GenerateCode.earlier(earlier) } catch {
      throw Problem(.conflict, error.detail)
    }
    // The settings may have become narrower since.
    let bounds = GenerationFields.within(ports.generation, result.limits)
    let run = TimeOrderedID.next(ports.now())
    let asker = context.caller.actor
    if earlier.kind == .refactor {
      let work = Work.RefactorCode(
        run: run, askedBy: asker, code: result.code, tests: result.testFiles,
        goal: result.prompt.isEmpty ? nil : result.prompt, criteria: result.criteria,
        limits: bounds, path: result.path, earlier: id, message: message)
      return try await promise(
        job(Work.RefactorCode.kind, try work.json(), run, context), run, seconds, context)
    }
    try requireModel()
    let work = Work.GenerateCode(
      run: run, askedBy: asker, prompt: result.prompt, criteria: result.criteria,
      limits: bounds, path: result.path, earlier: id, message: message)
    return try await promise(
      job(Work.GenerateCode.kind, try work.json(), run, context), run, seconds, context)
  }

  // MARK: Parts

  private func begin(_ request: Request) throws -> Int {
    try request.requireJSON()
    return try Query(request).integer("wait", in: 0...longestWait) ?? 0
  }

  private func fields(
    _ request: Request, _ context: ServerContext
  ) async throws -> GenerationFields {
    try GenerationFields(
      await context.read(request, limit: limits.apiBody, deadline: limits.bodyDeadline))
  }

  private func requireModel() throws {
    if ports.workLimits.model == nil {
      throw Problem(
        .unavailable,
        "No model is set, and code cannot be written without one: set LLM_PROVIDER.")
    }
  }

  /// Callers take turns as repositories do.
  private func job(
    _ kind: String, _ arguments: String, _ run: String, _ context: ServerContext
  ) -> NewJob {
    NewJob(
      kind: kind, arguments: arguments, group: "api:\(context.caller.actor)",
      limits: ports.workLimits.ofModel, run: run)
  }

  private func promise(
    _ job: NewJob, _ run: String, _ seconds: Int, _ context: ServerContext
  ) async throws -> Response {
    guard let enqueued = try await ports.jobs.enqueue([job]).first else {
      throw Problem(.unavailable, "The job could not be stored.")
    }
    context.logger.info(
      "code was asked for",
      metadata: ["run": .string(run), "job": .string(enqueued.id), "kind": .string(job.kind)])
    if seconds > 0,
      let done = try await JobFollowing(ports: ports).job(
        enqueued.id, finalWithin: .seconds(seconds)), done.state.isFinal
    {
      return try await result(run: run, job: done)
    }
    var response = Answer.json(
      .object(["run": .string(run), "job": .string(enqueued.id)]), status: 202)
    response.headers[.location] = "/v1/runs/\(run)"
    return response
  }

  /// What the use case would refuse later is refused before a run is promised.
  private func refused(_ check: () throws(GenerateError) -> Void) throws {
    do throws(GenerateError) {
      try check()
    } catch {
      throw Problem.fields([
        .init(field: error.field ?? "body", message: "It \(error.detail).")
      ])
    }
  }

  private func result(run: String, job: Job) async throws -> Response {
    let view = RunView(id: run, run: try await ports.runs.run(id: run), job: job)
    // What a run that was cancelled had found stays in its record.
    if view.state != .cancelled, let result = view.run?.result { return Answer.json(result) }
    let reason = view.failure ?? "No reason was kept."
    if view.state == .cancelled {
      throw Problem(.conflict, "It was cancelled, run \(run). \(reason)")
    }
    let failure = view.run?.failure ?? ""
    let begins = { (code: GenerateError.Code) in failure.hasPrefix("\(code.rawValue):") }
    let words = "It failed, run \(run). \(reason)"
    if begins(.invalid) {
      throw Problem.fields([.init(field: "tests", message: words)])
    }
    if begins(.timedOut) { throw Problem(.timedOut, words) }
    if begins(.noSandbox) || begins(.noModel) { throw Problem(.unavailable, words) }
    throw Problem(.modelFailed, words)
  }
}

/// The members of a request about code: texts, and tests, numbers and criteria beside them.
struct GenerationFields {
  var texts: JSONFields
  private let whole: JSONValue

  init(_ bytes: [UInt8]) throws {
    texts = try JSONFields(bytes)
    whole = (try? JSONDecoder().decode(JSONValue.self, from: Data(bytes))) ?? .null
  }

  /// A text, or a list of `{"path", "text"}`.
  mutating func tests() -> [TestSource] {
    switch whole["tests"] ?? .null {
    case .null: return []
    case .string(let text):
      return text.allSatisfy(\.isWhitespace) ? [] : [TestSource(path: "test_given.py", text: text)]
    case .array(let list):
      let tests = list.compactMap { entry -> TestSource? in
        guard let path = entry["path"]?.string, let text = entry["text"]?.string else { return nil }
        return TestSource(path: path, text: text)
      }
      guard tests.count == list.count, tests.allSatisfy({ Self.isPlain($0.path) }) else {
        texts.refuse(
          "tests", "Each has to be {\"path\", \"text\"}, the path a plain file name.")
        return []
      }
      guard tests.count <= EvaluateCode.mostTests else {
        texts.refuse("tests", "There are more than \(EvaluateCode.mostTests).")
        return []
      }
      return tests
    default:
      texts.refuse("tests", "It has to be a text, or a list of {\"path\", \"text\"}.")
      return []
    }
  }

  private static func isPlain(_ name: String) -> Bool {
    !name.isEmpty && name.utf8.count <= 100 && !name.hasPrefix(".")
      && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) }
  }

  static func within(
    _ most: GenerationLimits, _ asked: GenerationLimits
  ) -> GenerationLimits {
    func least<Value: Comparable>(_ a: Value?, _ b: Value?) -> Value? {
      [a, b].compactMap { $0 }.min()
    }
    var limits = asked
    limits.time = min(asked.time, most.time)
    limits.tokens = least(asked.tokens, most.tokens)
    limits.cost = least(asked.cost, most.cost)
    return limits
  }

  /// Nobody may ask for more time, tokens or cost than the settings allow.
  mutating func limits(_ most: GenerationLimits) -> GenerationLimits {
    var limits = most
    limits.tokens = nil
    limits.cost = nil
    limits.rounds = whole(number: "rounds", in: 1...GenerationLimits.mostRounds) ?? most.rounds
    limits.candidates =
      whole(number: "candidates", in: 1...GenerationLimits.mostCandidates) ?? most.candidates
    if let seconds = whole(number: "seconds", in: 1...Int(GenerationLimits.longest)) {
      limits.time = Double(seconds)
    }
    if let tokens = whole(number: "tokens", in: 1...1_000_000_000) {
      limits.tokens = tokens
    }
    switch whole["cost_usd"] ?? .null {
    case .null: break
    case let value:
      guard let cost = value.number, cost > 0 else {
        texts.refuse("cost_usd", "It has to be a number above 0.")
        break
      }
      limits.cost = cost
    }
    return Self.within(most, limits)
  }

  private mutating func whole(number field: String, in range: ClosedRange<Int>) -> Int? {
    switch whole[field] ?? .null {
    case .null: return nil
    case let value:
      guard let number = value.integer, range.contains(number) else {
        texts.refuse(
          field, "It has to be a whole number from \(range.lowerBound) to \(range.upperBound).")
        return nil
      }
      return number
    }
  }

  mutating func criteria(over base: EvaluationCriteria) -> EvaluationCriteria {
    guard let value = whole["criteria"], value != .null else { return base }
    do throws(EvaluateError) {
      return try EvaluateCode.criteria(value, over: base)
    } catch {
      texts.refuse("criteria", "`\(error.field ?? "criteria")` \(error.detail).")
      return base
    }
  }
}
