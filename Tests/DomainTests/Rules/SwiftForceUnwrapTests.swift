import Testing

@testable import Domain

@Suite struct SwiftForceUnwrapTests {
  @Test(arguments: [
    RuleCase(
      "Sources/A/a.swift",
      """
      let a = map[key]!◀
      let b = first()!.name◀
      use(value!)◀
      """),
    RuleCase(
      "Sources/A/a.swift",
      """
      var view: UIView!
      if a != b {}
      if !done {}
      let x = try! load()
      let u = URL(string: "https://a.b")!
      let s = "wow!"
      let c = first!  // never empty
      """),
    RuleCase(
      "Tests/ATests/a.swift",
      """
      use(value!)
      """),
  ])
  func `Fires where marked and nowhere else`(source: RuleCase) { source.check(SwiftForceUnwrap()) }
}
