import Testing

@testable import UseCases

@Suite struct LineIDTests {
  @Test(arguments: [(0, 0, "A1"), (0, 6, "A7"), (25, 0, "Z1"), (26, 11, "AA12"), (701, 0, "ZZ1")])
  func prints(piece: Int, line: Int, text: String) {
    #expect(LineID(piece: piece, line: line).description == text)
    #expect(LineID(text) == LineID(piece: piece, line: line))
  }

  @Test func everyIDReadsBack() {
    for piece in 0..<2_000 {
      let id = LineID(piece: piece, line: piece * 7)
      #expect(LineID(id.description) == id)
    }
  }

  @Test(arguments: [
    "", "A", "7", "A0", "a7", "A-1", "A7 ", " A7", "A7x", "ÀÉ7", "AAAA1", "A99999999", "line 7",
  ])
  func refuses(text: String) {
    #expect(LineID(text) == nil)
  }
}
