import Domain
import Hummingbird
import Jobs
import Logging
import UseCases

/// `POST /v1/evaluate`: code and its tests, judged in every respect.
struct EvaluateRoute {
  let ports: ServerPorts
  let limits: ServerLimits

  var routes: [Route] {
    [
      Route(
        .post, "/v1/evaluate", .api(.write), isLimited: true,
        Operation(
          id: "evaluate", tag: "code", summary: "Judges code by its tests and by tools",
          detail: "The answer comes at once, with the run that will hold the report; with `wait` "
            + "it is the report itself where that is ready in time. The code runs in the sandbox "
            + "alone.",
          parameters: [WorkPromise.wait(limits, "Seconds to wait for the report.")],
          body: "EvaluateRequest",
          results: [
            .init(status: 200, meaning: "The report, in time.", schema: "Evaluation"),
            WorkPromise.accepted,
          ], problems: [.conflict, .modelFailed, .unavailable]), handler: evaluate)
    ]
  }

  @Sendable private func evaluate(
    _ request: Request, _ context: ServerContext
  ) async throws -> Response {
    try request.requireJSON()
    let wait = try WorkPromise.seconds(request, limits)
    var fields = try JSONFields(
      await context.read(request, limit: limits.apiBody, deadline: limits.bodyDeadline))
    let run = TimeOrderedID.next(ports.now())
    let code = fields.text("code", isRequired: true, maxBytes: EvaluateCode.largest.value)
    let path = fields.text("path", maxBytes: 256)
    let tests = EvaluationFields.tests(&fields)
    let criteria = EvaluationFields.criteria(&fields, over: ports.criteria)
    EvaluationFields.language(&fields)
    let previous = fields.text("previous", maxBytes: EvaluateCode.largest.value)
    let comparedWith = fields.text("compared_with", maxBytes: 64)
    let mutation = EvaluationFields.mutation(&fields)
    if let comparedWith {
      do throws(EvaluateError) {
        _ = try await EvaluateCode.evaluation(
          of: comparedWith, in: ports.runs, field: "compared_with")
      } catch {
        fields.refuse("compared_with", "It \(error.detail).")
      }
    }
    try fields.check()
    let asked = Work.Evaluate(
      run: run, code: code ?? "", path: path, tests: tests, criteria: criteria,
      askedBy: context.caller.actor, previous: previous, comparedWith: comparedWith,
      mutation: mutation)
    EvaluationFields.check(asked, &fields)
    try fields.check()
    let job = NewJob(
      kind: Work.Evaluate.kind, arguments: try asked.json(), group: "api:\(asked.askedBy)",
      run: run)
    context.logger.info("an evaluation was asked for", metadata: ["run": .string(run)])
    return try await WorkPromise(ports: ports, what: "evaluation").answer(
      job, run: run, wait: wait)
  }
}

/// The members that requests about code have in common.
enum EvaluationFields {
  /// `tests`: one text, or a list of `{"path", "text"}`.
  static func tests(_ fields: inout JSONFields) -> [TestSource] {
    switch fields.value("tests") {
    case nil: return []
    case .string(let text)?:
      // An empty text is what a form without tests sends.
      return text.allSatisfy(\.isWhitespace)
        ? [] : [TestSource(path: "test_solution.py", text: text)]
    case .array(let values)?:
      var tests: [TestSource] = []
      for (place, value) in values.enumerated() {
        guard let text = value["text"]?.string else {
          fields.refuse("tests[\(place)].text", "It has to be a string.")
          continue
        }
        let path = value["path"] ?? .null
        guard path == .null || path.string != nil else {
          fields.refuse("tests[\(place)].path", "It has to be a string.")
          continue
        }
        tests.append(TestSource(path: path.string ?? "test_\(place + 1).py", text: text))
      }
      return tests
    default:
      fields.refuse("tests", "It has to be a string, or a list of {\"path\", \"text\"}.")
      return []
    }
  }

  static func criteria(
    _ fields: inout JSONFields, over base: EvaluationCriteria
  ) -> EvaluationCriteria {
    guard let value = fields.value("criteria") else { return base }
    do throws(EvaluateError) {
      return try EvaluateCode.criteria(value, over: base)
    } catch {
      fields.refuse(error.field ?? "criteria", "It \(error.detail).")
      return base
    }
  }

  static func mutation(_ fields: inout JSONFields) -> Bool {
    switch fields.value("mutation") {
    case nil: return false
    case .bool(let wanted)?: return wanted
    default:
      fields.refuse("mutation", "It has to be true or false.")
      return false
    }
  }

  /// Other languages are no mistake of form, but nothing here can judge them.
  static func language(_ fields: inout JSONFields) {
    guard fields.has("language") else { return }
    let language = fields.text("language", maxBytes: 40)
    if let language, language.lowercased() != "python" {
      fields.refuse("language", "It has to be \"python\": no other language is run here.")
    }
  }

  static func check(_ work: Work.Evaluate, _ fields: inout JSONFields) {
    do throws(EvaluateError) {
      try EvaluateCode.check(
        .init(
          code: work.code, path: work.path, tests: work.tests, criteria: work.criteria,
          previous: work.previous, askedBy: work.askedBy))
    } catch {
      fields.refuse(error.field ?? "code", "It \(error.detail).")
    }
  }
}
