import Testing

@testable import Domain

@Suite struct CodeLexerTests {
  static func code(_ path: String, _ source: String, from line: Int = 1) -> [String] {
    let lines = source.split(separator: "\n", omittingEmptySubsequences: false).enumerated().map {
      RuleFile.RawLine(
        kind: .added, oldNumber: nil, newNumber: line + $0.offset, text: Array($0.element.utf8))
    }
    return RuleFile(path: SourcePath(path), status: .changed, hunks: [lines]).lines.map {
      $0.code.string
    }
  }

  @Test(arguments: [
    ("a.py", "x = 'a#b'  # c", "x = '   '     "), ("a.py", "x = \"\\\"b\" + y", "x = \"   \" + y"),
    ("a.swift", "let a = \"b\\(c(\"d\"))e\" // f", "let a = \"           \"     "),
    ("a.js", "x = /a'b/.test(y) // c", "x = /   /.test(y)     "),
    ("a.js", "x = a / b / c", "x = a / b / c"),
    ("a.go", "c := '\"' // d", "c := ' '     "), ("a.sh", "x=${#y} # z", "x=${#y}    "),
    ("a.rs", "fn f<'a>(x: &'a str) {", "fn f<'a>(x: &'a str) {"),
    ("a.yml", "key: it's # so", "key: it's     "), ("a.md", "it's # so", "it's # so"),
  ])
  func `Strings and comments are blanked`(path: String, source: String, expected: String) {
    #expect(Self.code(path, source) == [expected])
  }

  @Test func `What is open goes on in the next line`() {
    #expect(Self.code("a.py", "x = \"\"\"a\nb\n\"\"\" + c") == ["x = \"\"\" ", " ", "\"\"\" + c"])
    #expect(Self.code("a.js", "a /* b\nc */ d") == ["a     ", "     d"])
    #expect(Self.code("a.go", "a := `b\nc` + d") == ["a := ` ", " ` + d"])
    #expect(Self.code("a.py", "x = 'a\ny = b") == ["x = ' ", "y = b"])
  }

  @Test func `A hunk may begin inside a docstring or a comment`() {
    #expect(Self.code("a.py", "eval(x)\n\"\"\"\ny", from: 9) == ["       ", "\"\"\"", "y"])
    #expect(Self.code("a.py", "eval(x)\n\"\"\"\ny", from: 1)[0] == "eval(x)")
    #expect(Self.code("a.py", "def f():\n\"\"\"\nx", from: 9) == ["def f():", "\"\"\"", " "])
    #expect(Self.code("a.c", "eval\n */ x", from: 9) == ["    ", "    x"])
  }
}
