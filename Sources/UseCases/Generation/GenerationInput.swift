import Domain

/// Holds a request against what a loop can take.
enum GenerationInput {
  static func check(_ request: GenerateCode.Request) throws(GenerateError) {
    if request.earlier == nil {
      try check(words: request.prompt, "prompt")
    } else {
      try check(words: request.message ?? "", "message")
    }
    try check(request.tests)
    try check(request.limits)
    if let path = request.path { try check(path: path) }
  }

  static func check(words: String, _ field: String) throws(GenerateError) {
    let most = GenerateCode.longestPrompt.value
    guard words.contains(where: { !$0.isWhitespace }) else {
      throw GenerateError(code: .invalid, detail: "must not be empty", field: field)
    }
    guard words.utf8.count <= most else {
      throw GenerateError(
        code: .invalid, detail: "must have at most \(most) bytes, not \(words.utf8.count)",
        field: field)
    }
    guard !words.utf8.contains(0) else {
      throw GenerateError(
        code: .invalid, detail: "must be text, and holds a null character", field: field)
    }
  }

  static func check(_ tests: [TestSource]) throws(GenerateError) {
    guard tests.count <= EvaluateCode.mostTests else {
      throw GenerateError(
        code: .invalid, detail: "must be at most \(EvaluateCode.mostTests) files", field: "tests")
    }
    let size = tests.reduce(0) { $0 + $1.text.utf8.count }
    let most = EvaluateCode.largestTests.value
    guard size <= most, tests.allSatisfy({ $0.text.utf8.count <= EvaluateCode.largest.value })
    else {
      throw GenerateError(
        code: .invalid,
        detail: "must have at most \(EvaluateCode.largest.value) bytes each and \(most) together",
        field: "tests")
    }
    for test in tests where test.text.allSatisfy(\.isWhitespace) {
      throw GenerateError(code: .invalid, detail: "must not be empty", field: "tests")
    }
  }

  /// Files that would be written over one another.
  static func check(names: [String], beside others: [String]) throws(GenerateError) {
    var taken = Set(others)
    for name in names where !taken.insert(name).inserted {
      let shown = Defanged.forTerminal(name, oneLine: true, limit: 100)
      throw GenerateError(
        code: .invalid,
        detail: others.contains(name)
          ? "must not be called \(shown), as what is written is; rename the file"
          : "must not hold two files called \(shown); rename one", field: "tests")
    }
  }

  static func check(_ limits: GenerationLimits) throws(GenerateError) {
    func refuse(_ field: String, _ detail: String) -> GenerateError {
      GenerateError(code: .invalid, detail: detail, field: field)
    }
    guard (1...GenerationLimits.mostRounds).contains(limits.rounds) else {
      throw refuse("rounds", "must be from 1 to \(GenerationLimits.mostRounds)")
    }
    guard (1...GenerationLimits.mostCandidates).contains(limits.candidates) else {
      throw refuse("candidates", "must be from 1 to \(GenerationLimits.mostCandidates)")
    }
    guard limits.time >= 1, limits.time <= GenerationLimits.longest else {
      throw refuse("time", "must be from 1 to \(Int(GenerationLimits.longest)) seconds")
    }
    if let tokens = limits.tokens, tokens < 1 { throw refuse("tokens", "must be at least 1") }
    if let cost = limits.cost, !(cost > 0) { throw refuse("cost", "must be above 0") }
  }

  /// One step that Python can import: `name.py`.
  /// - Parameter imported: whether it was read from an import of the tests.
  static func check(path: String, imported: Bool = false) throws(GenerateError) {
    let stem = path.hasSuffix(".py") ? path.dropLast(3) : ""
    let isName =
      stem.utf8.count <= 60 && !stem.isEmpty && stem.first?.isNumber != true
      && stem.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
    guard isName else {
      if imported {
        let module = Defanged.forTerminal(String(stem), oneLine: true, limit: 100)
        throw GenerateError(
          code: .invalid,
          detail: "must import the code from one plain module, such as `from money import total`, "
            + "and not from \(module): what is written is a single file",
          field: "tests")
      }
      throw GenerateError(
        code: .invalid, detail: "must be a Python file's plain name, such as money.py",
        field: "path")
    }
  }
}
