import Testing

@testable import Domain

@Suite struct VacuousAssertionTests {
  @Test(arguments: [
    RuleCase(
      "test_a.py",
      """
      assert True◀
      self.assertTrue(True)◀
      assert x is True
      assert True is x
      self.assertTrue(x)
      """),
    RuleCase(
      "a.test.ts",
      """
      expect(true).toBe(true)◀
      expect(x).toBe(true)
      """),
    RuleCase(
      "Tests/ATests/a.swift",
      """
      XCTAssertTrue(true)◀
      #expect(true)◀
      #expect(x)
      """),
    RuleCase(
      "test_a.py",
      """
      except KeyError:
          assert True
      """),
    RuleCase(
      "src/a.py",
      """
      assert True
      """),
  ])
  func `Fires where marked and nowhere else`(source: RuleCase) { source.check(VacuousAssertion()) }
}
