import Testing

@testable import Domain

@Suite struct SelfComparisonTests {
  @Test(arguments: [
    RuleCase(
      "a.py",
      """
      if a.size == a.size:◀
      if (n <= n):◀
      """),
    RuleCase(
      "a.ts",
      """
      if (x === x) {}◀
      if (this.a === this.b) {}
      if (x !== x) {}
      """),
    RuleCase(
      "a.go",
      """
      if a.Len == a.Len {◀
      if a.Len == a.Lens {
      if x != x {
      """),
    RuleCase(
      "a.py",
      """
      if a == a + 1:
      if a == a[0]:
      if b.a == a:
      if f(a) == a:
      x = a == a.b
      f(a=a)
      if 1 == 1:
      if x - a == a:
      s = 'a == a'
      """),
    RuleCase(
      "test_a.py",
      """
      assert a == a
      """),
  ])
  func `Fires where marked and nowhere else`(source: RuleCase) { source.check(SelfComparison()) }
}
