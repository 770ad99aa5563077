import Testing

@testable import Domain

/// The index against reading every line of the whole texts.
struct LineIndexTests {
  @Test(arguments: 0..<30)
  func agreesWithTheTexts(seed: Int) throws {
    var random = SeededNumbers(8000 + seed)
    let old = RandomText.text(&random, upTo: seed < 3 ? 900 : 60)
    let new = RandomText.edit(old, &random)
    let comparison = LineComparison(old: old, new: new)
    let file = FileDiff(comparison, path: "x", context: Int.random(in: 0...4, using: &random))
    let index = file.lineIndex()
    let lines = file.hunks.map { Array($0.lines) }
    for side in Side.allCases {
      let count = side == .old ? comparison.old.count : comparison.new.count
      for number in 0...(count + 1) {
        let shown = lines.joined().first { $0.number(on: side) == number }
        #expect(index.line(side, number) == shown)
        #expect(index.position(side, number) == shown?.position)
        #expect(index.canComment(on: LineRange(side: side, line: number)) == (shown != nil))
        guard (1...max(1, count)).contains(number), number <= count else { continue }
        let other =
          side == .old ? comparison.newLine(forOld: number) : comparison.oldLine(forNew: number)
        let pair = index.linePair(side, number)
        #expect((side == .old ? pair.new : pair.old) == other, "\(side) \(number)")
        #expect((side == .old ? pair.old : pair.new) == number)
        let length = Int.random(in: 0...6, using: &random)
        let isInOneHunk = lines.contains { hunk in
          (number...(number + length)).allSatisfy { wanted in
            hunk.contains { $0.number(on: side) == wanted }
          }
        }
        let range = LineRange(side: side, start: number, end: number + length)
        #expect(index.canComment(on: range) == isInOneHunk)
      }
    }
  }

  @Test func refusesWhatIsNotThere() throws {
    let file = try #require(
      try Diff(parsing: bytes("--- a/x\n+++ b/x\n@@ -3,2 +3,2 @@\n-a\n+b\n c\n")).files.first)
    let index = file.lineIndex()
    #expect(!index.canComment(on: LineRange(side: .new, start: 4, end: 3)))
    #expect(!index.canComment(on: LineRange(side: .new, line: 999)))
    #expect(!index.canComment(on: LineRange(side: .new, line: 0)))
    #expect(!index.canComment(on: LineRange(side: .new, line: -1)))
    #expect(index.newLine(forOld: 0) == nil)
    #expect(index.newLine(forOld: 3) == nil)
    #expect(index.newLine(forOld: 2) == 2)
  }

  @Test func anAddedFileHasNoOldLines() throws {
    let file = try #require(FileDiff.comparing(old: nil, new: bytes("a\nb\n"), path: "x"))
    let index = file.lineIndex()
    #expect(index.linePair(.new, 2) == (nil, 2))
    #expect(index.newLine(forOld: 1) == nil)
    #expect(index.canComment(on: LineRange(side: .new, start: 1, end: 2)))
  }
}
