import Domain
import Foundation
import Logging
import Sandbox
import TestKit
import UseCases

/// The real sandbox, one for all tests of evaluation.
enum EvaluationBench {
  static let sandbox = IsolatedSandbox(
    images: ImageStore(folder: TestImages.folder), environment: ["PATH": "/usr/bin:/bin"],
    logger: Logger(label: "test"))

  static let sum = "def add(a, b):\n    return a + b\n"

  static func subject(
    _ code: String, _ tests: String..., path: String = "test_it.py", limit: Duration = .seconds(5),
    change: (inout EvaluationSubject) -> Void = { _ in }
  ) -> EvaluationSubject {
    var subject = EvaluationSubject(
      code: code,
      tests: tests.enumerated().map {
        TestSource(path: $0.offset == 0 ? path : "\($0.offset)_\(path)", text: $0.element)
      }, testLimit: limit)
    change(&subject)
    return subject
  }

  static func correctness(_ subject: EvaluationSubject) async throws -> EvaluationAxis {
    try await CorrectnessEvaluator().evaluate(subject, in: sandbox)[0]
  }

  static func efficiency(_ subject: EvaluationSubject) async throws -> EvaluationAxis {
    try await EfficiencyEvaluator().evaluate(subject, in: sandbox)[0]
  }
}
