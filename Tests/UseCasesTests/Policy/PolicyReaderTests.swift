import Domain
import Testing
import UseCases

@Suite struct PolicyReaderTests {
  private func read(_ text: String) throws -> PolicyFile {
    try PolicyReader.read(Array(text.utf8))
  }

  @Test func everything() throws {
    let file = try read(
      """
      version: 1
      review:
        include: ["src/**", '*.py']
        exclude:
          - "**/testdata/**"
        language: German
        min_confidence: 0.7
        max_findings: 10
        max_input_tokens: 50000
        approve_when_clean: true
        severity:
          print-call: off
          bug: error
        instructions:
          - path: "src/db/**"
            text: |
              Look for *missing* indexes & locks.
      """)
    #expect(file.warnings == [])
    #expect(
      file.review
        == ReviewPolicy(
          include: ["src/**", "*.py"], exclude: ["**/testdata/**"], language: "German",
          minConfidence: 0.7, maxFindings: 10, maxInputTokens: 50000,
          approveWhenClean: true, severity: ["print-call": .off, "bug": .error],
          instructions: [
            .init(path: "src/db/**", text: "Look for *missing* indexes & locks.")
          ]))
  }

  @Test(arguments: ["", "# nothing\n", "review:\n", "review: {}\n", "version: 1", "---\n"])
  func empty(_ text: String) throws {
    #expect(try read(text) == PolicyFile(review: ReviewPolicy()))
  }

  @Test func allProblemsTogether() {
    let text = """
      review:
        exlude: []
        min_confidence: 2
        max_findings: many
        severity: {bug: eror}
        include: ["a[", 3, ""]
        instructions:
          - path: "a"
          - txt: b
      """
    #expect {
      try read(text)
    } throws: { error in
      let lines = (error as? PolicyError)?.problems.map(\.description) ?? []
      #expect(
        lines == [
          ".stet.yml:2:3: review.exlude: unknown key; did you mean 'exclude'?",
          ".stet.yml:3:19: review.min_confidence: expected a number from 0 to 1, found '2'",
          ".stet.yml:4:17: review.max_findings: expected a whole number from 1 to 1000, found 'many'",
          ".stet.yml:5:19: review.severity.bug: expected off, note, warning or error, found 'eror'; did you mean 'error'?",
          ".stet.yml:6:13: review.include[0]: the pattern 'a[' has a '[' without its ']'; close it or write '\\['",
          ".stet.yml:6:22: review.include[2]: expected text, found ''",
          ".stet.yml:8:7: review.instructions[0]: 'text' is missing",
          ".stet.yml:9:7: review.instructions[1].txt: unknown key; did you mean 'text'?",
          ".stet.yml:9:7: review.instructions[1]: 'path' is missing",
          ".stet.yml:9:7: review.instructions[1]: 'text' is missing",
        ])
      return true
    }
  }

  @Test func laterKeysAreWarnings() throws {
    let file = try read("later: []\nreviw: {}\n")
    #expect(
      file.warnings.map(\.description) == [
        ".stet.yml:1:1: later: unknown key, left aside",
        ".stet.yml:2:1: reviw: unknown key, left aside; did you mean 'review'?",
      ])
  }

  @Test(arguments: [
    ("review:\n  exclude:\n    - **/gen/**\n", "3:7", "quotes around a glob"),
    ("a: &x [1]\nb: *x\n", "1:4", "anchors"),
    ("review: [", "", "not valid YAML"), ("review: 3", "1:9", "found '3'"),
    ("- a", "1:1", "expected keys"), ("version: 2", "1:10", "version 1 only"),
    ("review: {}\nreview: {}", "", "given twice"),
  ]) func refuses(_ text: String, _ place: String, _ words: String) {
    #expect {
      try read(text)
    } throws: { error in
      let shown = (error as? PolicyError)?.description ?? ""
      return shown.contains(place) && shown.contains(words)
    }
  }

  @Test func bounds() {
    #expect(throws: PolicyError.self) {
      try PolicyReader.read([UInt8](repeating: 0x20, count: 65_537))
    }
    #expect(throws: PolicyError.self) { try PolicyReader.read([0xFF, 0xFE, 0x00]) }
    for deep in [
      String(repeating: "[", count: 60_000), String(repeating: "- ", count: 30_000),
      (0..<300).map { String(repeating: " ", count: $0) + "a:" }.joined(separator: "\n"),
    ] {
      #expect(throws: PolicyError.self) { try read(deep) }
    }
    let bomb = (1...30).map { "k\($0): &a\($0) [*a\($0 - 1), *a\($0 - 1)]" }.joined(separator: "\n")
    #expect(throws: PolicyError.self) { try read("k0: &a0 x\n" + bomb + "\n? *a30\n: 1\n") }
  }
}
