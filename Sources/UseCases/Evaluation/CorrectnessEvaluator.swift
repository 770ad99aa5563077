public import Domain

/// Runs the tests, and tests of its own where types allow, in the sandbox.
public struct CorrectnessEvaluator: AxisEvaluator {
  public init() {}

  public var names: [EvaluationAxis.Name] { [.correctness] }

  public func evaluate(
    _ subject: EvaluationSubject, in sandbox: any CodeSandbox
  ) async throws(SandboxError) -> [EvaluationAxis] {
    [.notRun(.correctness, because: "No tests were given.")]
  }
}
