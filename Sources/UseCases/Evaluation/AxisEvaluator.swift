public import Domain

/// Judges code in one or more respects.
///
/// Whatever the code does is a verdict; what is thrown means that nothing is known of it.
public protocol AxisEvaluator: Sendable {
  /// The axes that `evaluate` answers for. Where it throws or is late, each of them was not run.
  var names: [EvaluationAxis.Name] { get }
  /// - Returns: one axis for each of `names`, in any order. Axes that `subject.criteria` leaves out
  ///   are judged too: they are reported.
  func evaluate(
    _ subject: EvaluationSubject, in sandbox: any CodeSandbox
  ) async throws(SandboxError) -> [EvaluationAxis]
}
