import Testing

@testable import Domain

@Suite struct FocusedTestTests {
  @Test(arguments: [
    RuleCase(
      "a.test.ts",
      """
      it.only('a', () => {})◀
      describe.only('a', () => {})◀
      fit('a', f)◀
      fdescribe('a', f)◀
      test.only.each([1])('a', f)◀
      """),
    RuleCase(
      "a.test.ts",
      """
      it('a', f)
      model.fit('a')
      const only = 1
      // it.only('a')
      xs.only(1)
      fitness('a')
      """),
    RuleCase(
      "src/model.js",
      """
      fit(x)
      """),
    RuleCase(
      "spec/a_spec.rb",
      """
      it 'a', focus: true do◀
      it 'a' do
      """),
  ])
  func `Fires where marked and nowhere else`(source: RuleCase) { source.check(FocusedTest()) }
}
