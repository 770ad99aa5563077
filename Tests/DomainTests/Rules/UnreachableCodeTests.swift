import Testing

@testable import Domain

@Suite struct UnreachableCodeTests {
  @Test(arguments: [
    RuleCase(
      "a.py",
      """
      def f():
          return 1
          x = 2◀

      """),
    RuleCase(
      "a.py",
      """
      for a in b:
          if a:
              continue
              use(a)◀
          raise X()
          # so

      """),
    RuleCase(
      "a.py",
      """
      def f():
          if a:
              return 1
          return 2


      def g():
          try:
              return 1
          except E:
              raise
          finally:
              pass
      """),
    RuleCase(
      "a.py",
      """
          return (
              a
          )
          return f(a,
          b)

      """),
    RuleCase(
      "a.py",
      """
      match x:
          case 1:
              return 1
          case 2:
              return 2
      """),
    RuleCase(
      "a.py",
      """
      s = \"\"\"
      return 1
      x = 2
      \"\"\"
      """),
    RuleCase(
      "a.go",
      """
      return 1
      x = 2
      """),
  ])
  func `Fires where marked and nowhere else`(source: RuleCase) { source.check(UnreachableCode()) }

  @Test func `A new exit above old code is what changed`() {
    RuleCase("a.py", diff: " def f():\n+    return 1◀\n     x = 2").check(UnreachableCode())
    RuleCase("a.py", diff: " def f():\n     return 1\n     x = 2\n+y = 3").check(UnreachableCode())
    RuleCase("a.py", diff: " def f():\n+    return 1\n-    x = 2\n+\n+y = 3").check(
      UnreachableCode())
  }
}
