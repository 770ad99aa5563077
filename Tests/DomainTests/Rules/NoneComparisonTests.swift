import Testing

@testable import Domain

@Suite struct NoneComparisonTests {
  @Test(arguments: [
    RuleCase(
      "a.py",
      """
      if x == None:◀
      if x != None and y:◀
      if x is None:
      q.filter(A.b == None)
      s = 'x == None'
      if x == NoneType:
      """),
    RuleCase(
      "a.js",
      """
      x == None
      """),
  ])
  func `Fires where marked and nowhere else`(source: RuleCase) { source.check(NoneComparison()) }

  @Test(arguments: [
    ("if x == None:", "if x is None:"), ("if x != None:", "if x is not None:"),
    ("if x==None:", "if x is None:"),
  ])
  func `Suggests the operator`(before: String, after: String) {
    #expect(RuleCase("a.py", before).suggestion(NoneComparison()) == after)
  }
}
