/// With one test in focus, the runner passes over all others and is green.
/// Source: eslint-plugin-jest no-focused-tests, eslint-plugin-mocha no-exclusive-tests.
struct FocusedTest: LineRule {
  let name = "focused-test"
  let summary = "A focused test: all others are passed over"
  let category = "tests"
  let severity = Severity.error
  let confidence = 0.95
  let triggers: [Needle] = [".only", "fdescribe", "fit(", "fcontext", "focus"]

  func check(_ line: CodeLine, at index: Int, in file: RuleFile) -> RuleFinding? {
    let code = line.code
    let hit: Bool
    switch file.language {
    case .javascript, .typescript:
      let only = ["it.only", "test.only", "describe.only", "context.only", "suite.only"].contains {
        code.call(Needle($0)) != nil || code.has(Needle("\($0).each"))
      }
      let first = code.indentation
      let focused = ["fdescribe", "fit", "fcontext"].contains {
        code.findWord(Needle($0), from: first) == first && code.call(Needle($0)) != nil
      }
      hit = only || (focused && file.kind.isTest)
    case .ruby: hit = file.kind.isTest && code.hasAny(["focus: true", ":focus =>", ":focus do"])
    default: hit = false
    }
    guard hit else { return nil }
    return RuleFinding(
      at: index,
      "Only this test will run, and the suite will be green without the others. Remove the focus.")
  }
}
