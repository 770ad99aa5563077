import Testing

@testable import Domain

@Suite struct TarExtractionTests {
  @Test(arguments: [
    RuleCase(
      "a.py",
      """
      with tarfile.open(p) as tar:
          tar.extractall(d)◀
      """),
    RuleCase(
      "a.py",
      """
      tar.extractall(d, filter="data")
      tar.extractall(d, members=safe)
      """),
    RuleCase(
      "a.py",
      """
      with zipfile.ZipFile(p) as z:
          z.extractall(d)
      """),
  ])
  func `Fires where marked and nowhere else`(source: RuleCase) { source.check(TarExtraction()) }

  @Test func `Suggests the filter`() {
    #expect(
      RuleCase("a.py", "tar.extractall(d)").suggestion(TarExtraction())
        == "tar.extractall(d, filter=\"data\")")
    #expect(
      RuleCase("a.py", "tar.extractall()").suggestion(TarExtraction())
        == "tar.extractall(filter=\"data\")")
  }
}
