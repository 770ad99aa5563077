import Testing

@testable import Domain

@Suite struct LiteralIdentityTests {
  @Test(arguments: [
    RuleCase(
      "a.py",
      """
      if x is 'a':◀
      if x is not "":◀
      if n is 5:◀
      if n is -1:◀
      if t is ():◀
      """),
    RuleCase(
      "a.py",
      """
      if x is None:
      if x is True:
      if x is not y:
      # this is 5 times better
      s = 'it is 5'
      if this == 5:
      is5 = 5
      \"\"\"
      The answer is 5.
      \"\"\"
      """),
  ])
  func `Fires where marked and nowhere else`(source: RuleCase) { source.check(LiteralIdentity()) }

  @Test func `Suggests equality`() {
    #expect(RuleCase("a.py", "if x is 'a':").suggestion(LiteralIdentity()) == "if x == 'a':")
    #expect(RuleCase("a.py", "if x is not 5:").suggestion(LiteralIdentity()) == "if x != 5:")
  }
}
