import Domain
import Logging
import Sandbox
import TestKit
import UseCases

/// Judges code with the sandbox that the product uses.
enum LintFixture {
  static let sandbox = IsolatedSandbox(
    images: ImageStore(folder: TestImages.folder), environment: ["PATH": "/usr/bin:/bin"],
    logger: Logger(label: "test"))
  /// Without any prepared image.
  static let bareSandbox = IsolatedSandbox(
    images: ImageStore(folder: "/nowhere"), environment: ["PATH": "/usr/bin:/bin"],
    logger: Logger(label: "test"))

  static func axis(
    _ evaluator: any AxisEvaluator, _ code: String, in sandbox: any CodeSandbox,
    criteria: EvaluationCriteria = EvaluationCriteria()
  ) async throws -> EvaluationAxis {
    let subject = EvaluationSubject(code: code, criteria: criteria)
    let axes = try await evaluator.evaluate(subject, in: sandbox)
    return axes[0]
  }
}
