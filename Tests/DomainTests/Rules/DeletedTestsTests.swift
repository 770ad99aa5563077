import Testing

@testable import Domain

@Suite struct DeletedTestsTests {
  @Test(arguments: [
    RuleCase(
      "tests/test_a.py",
      diff: """
        -def test_a():◀
        -    assert f()
         def helper():
        """),
    RuleCase(
      "tests/test_a.py",
      diff: """
        -def test_a():
        -    assert f()
        +def test_b():
        +    assert g()
        """),
    RuleCase(
      "tests/test_a.py",
      diff: """
        -def helper():
        -    pass
        """),
    RuleCase(
      "a_test.go",
      diff: """
        -func TestA(t *testing.T) {◀
        -}
        -func TestB(t *testing.T) {
        -}
        """),
    RuleCase(
      "a.test.ts",
      diff: """
        -it('adds', () => {◀
        -})
        """),
    RuleCase(
      "Tests/ATests/a.swift",
      diff: """
        -  func testA() {◀
        -  }
        """),
    RuleCase(
      "src/a.py",
      diff: """
        -def test_connection():
        -    pass
        """),
  ])
  func `Fires where marked and nowhere else`(source: RuleCase) { source.check(DeletedTests()) }

  @Test func `Tests that go with their feature, or move, are not missed`() {
    let test = (
      PathKind("tests/test_a.py"), Language.python, [Self.line("def test_a():", .removed)]
    )
    let source = (PathKind("a.py"), Language.python, [Self.line("def a():", .removed)])
    let moved = (PathKind("tests/test_b.py"), Language.python, [Self.line("def test_a():", .added)])
    func count(_ files: [(PathKind, Language, [RuleFile.RawLine])]) -> Int {
      let facts = ChangeFacts(files.map { (kind: $0.0, language: $0.1, lines: $0.2) })
      let file = RuleFile(
        path: "tests/test_a.py", status: .changed, hunks: [test.2], facts: facts)
      return DeletedTests().findings(in: file).count
    }
    #expect(count([test]) == 1)
    #expect(count([test, source]) == 0)
    #expect(count([test, moved]) == 0)
  }

  static func line(_ text: String, _ kind: CodeLine.Kind) -> RuleFile.RawLine {
    RuleFile.RawLine(
      kind: kind, oldNumber: kind == .added ? nil : 1, newNumber: kind == .removed ? nil : 1,
      text: Array(text.utf8))
  }
}
