import Domain

/// What is asked, held to its bounds before anything is run.
enum EvaluationInput {
  static func check(_ request: EvaluateCode.Request) throws(EvaluateError) {
    if request.code.allSatisfy(\.isWhitespace) { throw invalid("code", "must not be empty") }
    try limit(request.code, "code")
    if let previous = request.previous { try limit(previous, "previous") }
    if let path = request.path { try check(path, "path") }
    guard request.tests.count <= EvaluateCode.mostTests else {
      throw invalid(
        "tests", "must be at most \(EvaluateCode.mostTests) texts, not \(request.tests.count)")
    }
    for test in request.tests {
      try check(test.path, "tests")
      try limit(test.text, "tests")
      if test.text.allSatisfy(\.isWhitespace) {
        throw invalid("tests", "must not be empty: \(shown(test.path)) holds nothing")
      }
    }
    let all = request.tests.reduce(0) { $0 + $1.text.utf8.count }
    guard all <= EvaluateCode.largestTests.value else {
      throw invalid(
        "tests", "must have at most \(EvaluateCode.largestTests.value) bytes together, not \(all)")
    }
    let criteria = request.criteria
    if criteria.complexity < 1 { throw invalid("criteria.complexity", "must be at least 1") }
    try positive(criteria.slowdown, "slowdown")
    try positive(criteria.growth, "growth")
    try positive(criteria.memory, "memory")
  }

  private static func positive(_ value: Double?, _ name: String) throws(EvaluateError) {
    guard let value, !(value.isFinite && value > 0) else { return }
    throw invalid("criteria.\(name)", "must be more than 0")
  }

  private static func limit(_ text: String, _ field: String) throws(EvaluateError) {
    let most = EvaluateCode.largest.value
    guard text.utf8.count > most else { return }
    throw invalid(field, "must have at most \(most) bytes, not \(text.utf8.count)")
  }

  /// The rule of `SandboxFile.path`, so that no name of a user's can lead outside.
  private static func check(_ path: String, _ field: String) throws(EvaluateError) {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    let isPlain =
      !path.isEmpty && path.utf8.count <= EvaluateCode.longestPath
      && parts.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." }
      && !path.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F }
    guard isPlain else {
      throw invalid(
        field, "must name files by plain relative paths, which \(shown(path)) is not")
    }
  }

  private static func shown(_ text: String) -> String {
    Defanged.forTerminal(text, oneLine: true, limit: 100)
  }

  private static func invalid(_ field: String, _ detail: String) -> EvaluateError {
    EvaluateError(code: .invalid, detail: detail, field: field)
  }
}
