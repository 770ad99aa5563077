import Testing

@testable import Domain

@Suite struct DebugModeTests {
  @Test(arguments: [
    RuleCase(
      "app.py",
      """
      app.run(debug=True)◀
      app.run(debug=False)
      logging.run(level)
      # app.run(debug=True)
      """),
    RuleCase(
      "site/settings.py",
      """
      DEBUG = True◀
      DEBUG = False
      DEBUG = env('DEBUG')
      """),
    RuleCase(
      "a.py",
      """
      DEBUG = True
      """),
    RuleCase(
      "examples/app.py",
      """
      app.run(debug=True)
      """),
  ])
  func `Fires where marked and nowhere else`(source: RuleCase) { source.check(DebugMode()) }
}
