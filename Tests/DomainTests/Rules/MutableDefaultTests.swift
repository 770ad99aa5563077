import Testing

@testable import Domain

@Suite struct MutableDefaultTests {
  @Test(arguments: [
    RuleCase(
      "a.py",
      """
      def f(x=[]):◀
          pass
      def g(a, *, b: dict[str, int] = {}) -> None:◀
          pass
      async def h(x=set()):◀
          pass
      """),
    RuleCase(
      "a.py",
      """
      def f(
          a,
          items: list = [],◀
          more=dict(),◀
      ):
          y = []
      """),
    RuleCase(
      "a.py",
      """
      def f(x=None, y=(), z="[]"):
          x = []
          g(x=[])
      class A:
          items = []
      f(x=[])
      # def f(x=[])
      def g(x=len([])): pass
      """),
    RuleCase(
      "a.rb",
      """
      def f(x=[])
      """),
  ])
  func `Fires where marked and nowhere else`(source: RuleCase) { source.check(MutableDefault()) }
}
