/// An assertion that holds whatever the code does.
/// Source: CWE-571; a test that cannot fail is a defect.
struct VacuousAssertion: LineRule {
  let name = "vacuous-assertion"
  let summary = "An assertion that can never fail"
  let category = "tests"
  let severity = Severity.warning
  let confidence = 0.85
  let triggers: [Needle] = ["assert", "expect"]
  private let forms: [Needle] = [
    "asserttrue(true)", "assertfalse(false)", "xctasserttrue(true)", "xctassert(true)",
    "xctassertfalse(false)", "expect(true).tobe(true)", "expect(true).tobetruthy()",
    "expect(false).tobe(false)", "#expect(true)", "assert.ok(true)", "assert(true)",
    "assert.true(t, true)", "assert.equal(true, true)", "expect(1).tobe(1)",
  ]

  func applies(to file: RuleFile) -> Bool { file.kind.isTest }

  func check(_ line: CodeLine, at index: Int, in file: RuleFile) -> RuleFinding? {
    let low = line.code.trimmed.lowered
    let plain = low == Array("assert true".utf8) || low == Array("assert 1".utf8)
    guard plain || forms.contains(where: { low.has($0) }) else { return nil }
    // Reaching a branch can be the point of a test.
    let before = file.preceding(index, limit: 1).first.map { file.lines[$0].code } ?? []
    if before.hasAnyWord(["except", "catch", "else"]) { return nil }
    return RuleFinding(
      at: index,
      "This assertion holds whatever the code does. Assert on a value that the test computed.")
  }
}
