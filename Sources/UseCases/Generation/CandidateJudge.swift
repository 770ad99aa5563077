import Domain

/// Judges candidates: all by their tests, the best of them in every respect.
struct CandidateJudge: Sendable {
  let ports: EvaluateCode.Ports
  let path: String
  let criteria: EvaluationCriteria
  let askedBy: String
  let end: ContinuousClock.Instant
  let testLimit: Duration
  /// The code before a refactoring.
  var previous: String?

  /// - Parameter whole: false: only the tests are run.
  func judged(
    _ candidate: Candidate, tests: [TestSource], compared: Evaluation?, whole: Bool
  ) async throws(GenerateError) -> Candidate {
    var ports = ports
    ports.runs = nil
    if !whole { ports.evaluators = [CorrectnessEvaluator()] }
    var candidate = candidate
    do throws(EvaluateError) {
      let evaluation = try await EvaluateCode(ports: ports).run(
        .init(
          code: candidate.code, path: path, tests: tests, criteria: criteria, previous: previous,
          compared: compared, askedBy: askedBy, isRecorded: false, deadline: deadline,
          testLimit: testLimit, keepsBehaviour: previous != nil))
      candidate.evaluation = evaluation
      candidate.feedback = CodeFeedback(evaluation, criteria: criteria)
      candidate.isJudgedWhole = whole
      return candidate
    } catch {
      switch error.code {
      case .cancelled: throw GenerateError(code: .cancelled, detail: error.detail)
      case .invalid where error.field == "code":
        // More than is judged, or nothing: the model's doing.
        candidate.feedback = CodeFeedback(.noCode, "the program \(error.detail)")
        return candidate
      case .invalid:
        throw GenerateError(code: .invalid, detail: error.detail, field: error.field)
      }
    }
  }

  /// Half a minute judges a module. What the run has left bounds it, and five seconds of grace after
  /// its end, one for all that is judged then, since the model's answer was paid for.
  private var deadline: Duration {
    min(.seconds(30), max(end + .seconds(5) - .now, .seconds(1)))
  }
}
