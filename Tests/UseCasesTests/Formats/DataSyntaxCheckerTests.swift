import Domain
import Testing
import UseCases

@Suite struct DataSyntaxCheckerTests {
  private func check(_ text: String, _ path: SourcePath) async throws -> SyntaxVerdict {
    let language = try #require(Language(path: path))
    return await DataSyntaxChecker().check(Array(text.utf8), language: language, path: path)
  }

  @Test(arguments: [
    ("a.json", "{\"a\": [1, -2.5e+3, true, null, \"\\u00e9\\n\"], \"b\": {}}"), ("a.json", " 0 "),
    ("a.json", "[]"), ("a.yaml", "a: 1\n---\nb: !custom [x]\n"), ("a.yml", ""),
    ("a.yml", "x: &d {a: 1}\ny:\n  <<: *d\n"), ("a.toml", "[a]\nb = 1\n[[c]]\n"),
  ]) func parses(_ path: String, _ text: String) async throws {
    #expect(try await check(text, SourcePath(path)) == .parses)
  }

  @Test(arguments: [
    ("a.json", "{\n  \"a\": 1,\n}", 3), ("a.json", "[1,\n2,]", 2), ("a.json", "{'a': 1}", 1),
    ("a.json", "{\"a\" 1}", 1), ("a.json", "[01]", 1), ("a.json", "[1.]", 1),
    ("a.json", "\"a\nb\"", 1),
    ("a.json", "{} {}", 1), ("a.json", "", 1), ("a.json", "[tru]", 1), ("a.json", "\"\\x\"", 1),
    ("a.json", "[1\n", 2), ("a.json", "// c\n{}", 1),
    ("a.yaml", "a: 1\nb: [1,\nc: }\n", 3), ("a.yaml", "a: 1\na: 2\n", 1),
    ("a.toml", "a = 1\nb = \n", 2), ("a.toml", "a = 1\na = 2\n", 2),
  ]) func broken(_ path: String, _ text: String, _ line: Int) async throws {
    guard case .broken(let found, let message) = try await check(text, SourcePath(path)) else {
      Issue.record("\(text) was not refused")
      return
    }
    #expect(found == line)
    #expect(!message.isEmpty)
  }

  @Test(arguments: [
    ("a.yaml", "a: {{ .Values.x }}\n"), ("tsconfig.json", "{ // c\n}"), ("a.py", "x = 1"),
    ("a.yaml", String(repeating: "[", count: 5000)),
  ]) func unknown(_ path: String, _ text: String) async throws {
    #expect(try await check(text, SourcePath(path)) == .unknown)
  }

  @Test func deepJSONNeitherCrashesNorHangs() async throws {
    let deep = String(repeating: "[", count: 200_000)
    guard case .broken = try await check(deep, "a.json") else {
      Issue.record("endless nesting was taken for JSON")
      return
    }
    let bomb =
      "k0: &a0 x\n"
      + (1...30).map { "k\($0): &a\($0) [*a\($0 - 1), *a\($0 - 1)]\n" }.joined()
    #expect(try await check(bomb, "a.yaml") == .parses)
    #expect(try await check(bomb + "? *a30\n: 1\n", "a.yaml") == .unknown)
    #expect(try await check(bomb + "*a30 : 1\n", "a.yaml") == .unknown)
  }
}
