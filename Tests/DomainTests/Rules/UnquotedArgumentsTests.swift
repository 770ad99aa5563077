import Testing

@testable import Domain

@Suite struct UnquotedArgumentsTests {
  @Test(arguments: [
    RuleCase(
      "a.sh",
      """
      exec prog $@◀
      for a in $@◀
      exec prog "$@"
      if [[ $@ == x ]]; then
      # $@
      case x$@y in
      """),
    RuleCase(
      "a.py",
      """
      $@
      """),
  ])
  func `Fires where marked and nowhere else`(source: RuleCase) { source.check(UnquotedArguments()) }

  @Test func `Suggests the quotes`() {
    #expect(
      RuleCase("a.sh", "exec prog $@ x").suggestion(UnquotedArguments()) == "exec prog \"$@\" x")
  }
}
