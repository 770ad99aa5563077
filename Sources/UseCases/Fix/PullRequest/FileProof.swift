import Domain

/// Holds a new text of one file against the one at the head, by what can be told of the file alone.
struct FileProof: Sendable {
  /// A change of more lines than this is no correction.
  static let mostLines = 600

  let syntax: any SyntaxChecker
  let sandbox: (any CodeSandbox)?
  /// Whether a file is run by itself for its doctests and asserts, and is not a part of more that
  /// has tests of its own.
  var runsTests = false
  let end: ContinuousClock.Instant

  /// - Parameter isCertain: made by a rule, so a text that did not parse before may not parse after.
  func hold(
    _ after: [UInt8], of file: FixFile, isCertain: Bool
  ) async -> Result<CodeProof.Shown, CodeFault> {
    if let weakness = TestGuard.weakness(file.path, before: file.bytes, after: after) {
      return .failure(
        CodeFault(
          forModel: "it \(weakness); tests stay as they are", forPeople: "it \(weakness)"))
    }
    let comparison = LineComparison(old: file.bytes, new: after)
    let lines = comparison.additions + comparison.deletions
    guard lines <= Self.mostLines else {
      return .failure(
        CodeFault(
          forModel: "it changes \(lines) lines; change only what is wrong",
          forPeople: "it changes \(lines) lines, more than the \(Self.mostLines) of a correction"))
    }
    var proof = CodeProof(
      file.bytes, path: file.path, given: [], syntax: syntax, sandbox: sandbox,
      runsTests: runsTests, end: end)
    switch await proof.hold(after, mayStayBroken: isCertain) {
    case .failure(let fault): return .failure(fault)
    case .success(var shown):
      shown.proofs.insert(.applies, at: 0)
      return .success(shown)
    }
  }
}
