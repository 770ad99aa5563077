import Testing

@testable import Domain

@Suite struct RaiseNotImplementedTests {
  @Test(arguments: [
    RuleCase(
      "a.py",
      """
      raise NotImplemented◀
      raise NotImplemented("x")◀
      raise NotImplementedError
      return NotImplemented
      # raise NotImplemented
      """)
  ])
  func `Fires where marked and nowhere else`(source: RuleCase) {
    source.check(RaiseNotImplemented())
  }

  @Test func `Suggests the exception`() {
    #expect(
      RuleCase("a.py", "  raise NotImplemented('x')").suggestion(RaiseNotImplemented())
        == "  raise NotImplementedError('x')")
  }
}
