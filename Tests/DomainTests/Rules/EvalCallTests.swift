import Testing

@testable import Domain

@Suite struct EvalCallTests {
  @Test(arguments: [
    RuleCase(
      "a.py",
      """
      eval(x)◀
      exec(code, scope)◀
      ast.literal_eval(x)
      model.eval()
      eval('1 + 1')
      def eval(x):
      # eval(x)
      execute(x)
      s = 'eval(x)'
      """),
    RuleCase(
      "a.js",
      """
      eval(x)◀
      const f = new Function(body)◀
      regex.exec(x)
      eval('1')
      new FunctionTable(x)
      """),
    RuleCase(
      "tests/test_a.py",
      """
      eval(x)
      """),
    RuleCase(
      "a.go",
      """
      eval(x)
      """),
  ])
  func `Fires where marked and nowhere else`(source: RuleCase) { source.check(EvalCall()) }
}
