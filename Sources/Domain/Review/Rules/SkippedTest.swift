/// A test that is switched off for good protects nothing.
/// Source: eslint-plugin-jest no-disabled-tests; conditional skips are left alone.
struct SkippedTest: LineRule {
  let name = "skipped-test"
  let summary = "A test switched off without a condition"
  let category = "tests"
  let severity = Severity.note
  let confidence = 0.7
  let triggers: [Needle] = [
    "skip", "xit(", "xdescribe", "XCTSkip", ".disabled", "@Disabled", "@Ignore", "#[ignore",
    "xfail",
  ]

  func check(_ line: CodeLine, at index: Int, in file: RuleFile) -> RuleFinding? {
    let code = line.code
    let trimmed = code.trimmed
    let hit: Bool
    switch file.language {
    case .python:
      hit =
        trimmed.starts(with: "@pytest.mark.skip") && !trimmed.starts(with: "@pytest.mark.skipif")
        || trimmed.starts(with: "@unittest.skip(") || trimmed == Array("@unittest.skip".utf8)
    case .javascript, .typescript:
      hit =
        (["it.skip", "test.skip", "describe.skip"] as [Needle]).contains { name in
          guard let open = code.call(name), open + 1 < code.count else { return false }
          // `test.skip(condition, …)` of a runner is conditional.
          return "\"'`".utf8.contains(code[open + 1])
        }
        || (["xit", "xdescribe", "xtest"] as [Needle]).contains { name in
          guard let open = code.call(name), open + 1 < code.count else { return false }
          return file.kind.isTest && "\"'`".utf8.contains(code[open + 1])
        }
    case .go:
      guard trimmed.starts(with: "t.Skip("), file.kind.isTest else { return nil }
      // Under a condition the line is indented below an `if` or a `case`.
      hit = file.preceding(index, limit: 1).allSatisfy {
        !file.lines[$0].code.hasAnyWord(["if", "else", "case"])
      }
    case .swift:
      hit =
        code.has("@Test(") && code.has(".disabled(") && !code.has(".disabled(if:")
        || trimmed.starts(with: "throw XCTSkip(")
          && file.preceding(index, limit: 1).allSatisfy {
            !file.lines[$0].code.hasAnyWord(["if", "else", "guard", "case"])
          }
    case .rust: hit = trimmed.starts(with: "#[ignore")
    case .java: hit = trimmed.starts(with: "@Disabled") || trimmed.starts(with: "@Ignore")
    default: hit = false
    }
    guard hit else { return nil }
    return RuleFinding(
      at: index,
      "This test no longer runs, whatever the platform. Mend it, or name the issue that will switch "
        + "it on again.")
  }
}
