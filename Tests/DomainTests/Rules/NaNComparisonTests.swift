import Testing

@testable import Domain

@Suite struct NaNComparisonTests {
  @Test(arguments: [
    RuleCase(
      "a.js",
      """
      if (x === NaN) {}◀
      if (x != Number.NaN) {}◀
      if (isNaN(x)) {}
      if (x === NaNny) {}
      """),
    RuleCase(
      "a.py",
      """
      if x == math.nan:◀
      if x == np.nan:◀
      if math.isnan(x):
      x = np.nan
      if x == np.nanmax(y):
      """),
    RuleCase(
      "a.go",
      """
      if x == math.NaN() {◀
      if math.IsNaN(x) {
      """),
    RuleCase(
      "a.swift",
      """
      if x == .nan {}◀
      if x.isNaN {}
      if x == .nanosecond {}
      """),
  ])
  func `Fires where marked and nowhere else`(source: RuleCase) { source.check(NaNComparison()) }
}
