import Testing

@testable import Domain

@Suite struct SkippedTestTests {
  @Test(arguments: [
    RuleCase(
      "test_a.py",
      """
      @pytest.mark.skip(reason='later')◀
      @unittest.skip('x')◀
      @pytest.mark.skipif(x, reason='y')
      # @pytest.mark.skip
      pytest.skip('no server')
      """),
    RuleCase(
      "a.test.ts",
      """
      it.skip('a', f)◀
      xit('a', f)◀
      test.skip(isWindows, 'no')
      it('a', f)
      parser.skip('a')
      """),
    RuleCase(
      "a_test.go",
      """
      func TestA(t *testing.T) {
      \tt.Skip("later")◀
      \tif x {
      \t\tt.Skip("no network")
      \t}
      """),
    RuleCase(
      "Tests/ATests/a.swift",
      """
      @Test(.disabled("later")) func a() {}◀
      @Test(.disabled(if: x)) func b() {}
        guard x else {
          throw XCTSkip("y")
        }
      """),
    RuleCase(
      "a.rs",
      """
      #[ignore]◀
      #[test]
      """),
  ])
  func `Fires where marked and nowhere else`(source: RuleCase) { source.check(SkippedTest()) }
}
