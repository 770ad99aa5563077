public import Domain

/// Measures processor time against the version before, growth with the size of the input, and memory.
public struct EfficiencyEvaluator: AxisEvaluator {
  public init() {}

  public var names: [EvaluationAxis.Name] { [.efficiency] }

  public func evaluate(
    _ subject: EvaluationSubject, in sandbox: any CodeSandbox
  ) async throws(SandboxError) -> [EvaluationAxis] {
    [.notRun(.efficiency, because: "There is no version before to compare with.")]
  }
}
