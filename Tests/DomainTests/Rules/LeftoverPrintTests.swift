import Testing

@testable import Domain

@Suite struct LeftoverPrintTests {
  @Test(arguments: [
    RuleCase(
      "src/a.py",
      """
      print(f"{value=}")◀
      print("here")◀
      print("DEBUG: it got this far", x)◀
      print("Wrote", path)
      self.print("here")
      log.debug("here")
      """),
    RuleCase(
      "tests/test_a.py",
      """
      print("here")
      """),
    RuleCase(
      "scripts/a.py",
      """
      print("here")
      """),
    RuleCase(
      "src/a.ts",
      """
      console.log(user)◀
      console.error(e)
      // console.log(user)
      logger.log(user)
      """),
    RuleCase(
      "Sources/A/a.swift",
      """
      dump(value)◀
      print("debug", value)◀
      print("Usage: a FILE")
      let x = dump(value)
      """),
    RuleCase(
      "a.go",
      """
      fmt.Println("here", x)◀
      fmt.Println("Listening on", address)
      """),
  ])
  func `Fires where marked and nowhere else`(source: RuleCase) { source.check(LeftoverPrint()) }
}
