import Testing

@testable import Domain

@Suite struct SwiftForcedTryTests {
  @Test(arguments: [
    RuleCase(
      "Sources/A/a.swift",
      """
      let x = try! load()◀
      let y = z as! String◀
      let a = try? load()
      let b = z as? String
      let s = "try! as! "
      """),
    RuleCase(
      "Sources/A/a.swift",
      """
      // The bundle always holds it.
      let x = try! load()
      let r = try! NSRegularExpression(pattern: "a")
      let y = z as! String  // NSCache is untyped
      """),
    RuleCase(
      "Tests/ATests/a.swift",
      """
      let x = try! load()
      """),
    RuleCase(
      "a.rs",
      """
      try! load()
      """),
  ])
  func `Fires where marked and nowhere else`(source: RuleCase) { source.check(SwiftForcedTry()) }
}
