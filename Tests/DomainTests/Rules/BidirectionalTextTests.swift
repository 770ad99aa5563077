import Testing

@testable import Domain

@Suite struct BidirectionalTextTests {
  @Test(arguments: [
    RuleCase(
      "a.js",
      """
      if (level != "user\u{202E} \u{2066}// admin") {}◀
      let x = 1
      """),
    RuleCase(
      "a.go",
      """
      x := "\u{2066}"◀
      """),
    RuleCase(
      "a.py",
      """
      s = 'שלום'
      t = '\u{200B}\u{2014}\u{2022}'
      """),
  ])
  func `Fires where marked and nowhere else`(source: RuleCase) { source.check(BidirectionalText()) }
}
