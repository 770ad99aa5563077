import Testing

@testable import Domain

@Suite struct HugeFileTests {
  @Test(arguments: [(20_001, true), (20_000, false)])
  func `Counts lines`(count: Int, fires: Bool) {
    let text = [String](repeating: "x", count: count).joined(separator: "\n")
    let new = RuleCase("data.txt", text, status: .added).parsed().file
    #expect(HugeFile().findings(in: new).isEmpty != fires)
    let old = RuleCase("data.txt", text, status: .changed).parsed().file
    #expect(HugeFile().findings(in: old).isEmpty)
  }

  @Test func `Counts bytes`() {
    let line = String(repeating: "x", count: 1_500)
    let text = [String](repeating: line, count: 800).joined(separator: "\n")
    #expect(HugeFile().findings(in: RuleCase("d", text, status: .added).parsed().file).count == 1)
    #expect(
      HugeFile().findings(in: RuleCase("d", line, status: .added).parsed().file).isEmpty)
  }
}
