import Domain
import Testing

@Suite struct HunkRiskTests {
  private func score(_ path: SourcePath, _ added: [String], removed: [String] = []) -> Int {
    HunkRisk.score(path: path, language: Language(path: path), added: added, removed: removed)
  }

  @Test func codeComesBeforeProseAndGuardsBeforeCode() {
    let prose = score("README.md", ["some words"])
    let code = score("src/shapes.py", ["x = 1"])
    let guarded = score("src/auth/login.py", ["x = 1"])
    #expect(prose < code)
    #expect(code < guarded)
  }

  @Test func testsComeAfterTheCodeTheyTest() {
    #expect(score("tests/shapes_test.py", ["x = 1"]) < score("src/shapes.py", ["x = 1"]))
  }

  @Test func aRemovedCheckWeighsMoreThanAnAddedOne() {
    let check = ["if not user.is_admin: raise Forbidden()"]
    #expect(score("a.py", [], removed: check) > score("a.py", check))
  }
}
