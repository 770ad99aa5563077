import Testing

@testable import Domain

@Suite struct AssertTupleTests {
  @Test(arguments: [
    RuleCase(
      "a.py",
      """
      assert (x == 1, "message")◀
      assert(a, b)◀
      """),
    RuleCase(
      "a.py",
      """
      assert (x == 1), "message"
      assert f(a, b)
      assert (f(a, b))
      assert (x for a, b in c)
      assert x, (a, b)
      assert (a, b) == c
      assertEqual(a, b)
      """),
  ])
  func `Fires where marked and nowhere else`(source: RuleCase) { source.check(AssertTuple()) }

  @Test func `Suggests the assertion without the parentheses`() {
    #expect(
      RuleCase("a.py", "    assert (x == 1, \"m\")").suggestion(AssertTuple())
        == "    assert x == 1, \"m\"")
  }
}
