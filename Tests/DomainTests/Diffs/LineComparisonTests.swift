import Foundation
import Testing

@testable import Domain

struct LineComparisonTests {
  /// The number of lines that must change, by the textbook table.
  private static func fewest(_ old: TextLines, _ new: TextLines) -> Int {
    var row = Array(0...new.count)
    for i in 0..<old.count {
      var diagonal = row[0]
      row[0] += 1
      for j in 0..<new.count {
        let above = row[j + 1]
        row[j + 1] =
          old[i].elementsEqual(new[j]) ? diagonal : min(above, row[j]) + 1
        diagonal = above
      }
    }
    return row[new.count]
  }

  @Test(arguments: 0..<40)
  func isMinimalAndApplies(seed: Int) throws {
    var random = SeededNumbers(2000 + seed)
    for _ in 0..<20 {
      let old = RandomText.text(&random, upTo: 40)
      let new = seed % 2 == 0 ? RandomText.text(&random, upTo: 40) : RandomText.edit(old, &random)
      let comparison = LineComparison(old: old, new: new)
      #expect(comparison.isMinimal)
      #expect(
        comparison.additions + comparison.deletions == Self.fewest(comparison.old, comparison.new))
      for context in [0, 1, 3] {
        guard
          let file = FileDiff.comparing(old: old, new: new, path: "dir/a b", context: context)
        else {
          #expect(old == new)
          continue
        }
        #expect(try file.applied(to: old).bytes == new)
        let printed = Diff(files: [file]).printed()
        let reread = try Diff(parsing: printed)
        #expect(reread.files.count == 1)
        #expect(reread.files.first?.additions == file.additions)
        #expect(reread.files.first?.deletions == file.deletions)
        #expect(try reread.files.first?.applied(to: old).bytes == new)
        let lines = file.hunks.flatMap { Array($0.lines) }
        #expect(lines == reread.files.first?.hunks.flatMap { Array($0.lines) })
      }
    }
  }

  @Test(arguments: 0..<10)
  func changesAsFewLinesAsGit(seed: Int) throws {
    var random = SeededNumbers(3000 + seed)
    let scratch = try GitScratch()
    let old = RandomText.text(&random, upTo: 300)
    let new = RandomText.edit(old, &random)
    try scratch.write(old, to: "old")
    try scratch.write(new, to: "new")
    let printed = try scratch.git("diff", "--no-index", "-a", "--minimal", "old", "new")
    let git = try Diff(parsing: printed).files.first
    let own = FileDiff.comparing(old: old, new: new, path: "new")
    #expect(own?.additions == git?.additions)
    #expect(own?.deletions == git?.deletions)
  }

  @Test(arguments: 0..<6)
  func gitAppliesWhatWePrint(seed: Int) throws {
    var random = SeededNumbers(4000 + seed)
    let scratch = try GitScratch()
    try scratch.git("init", "-q")
    let old = RandomText.text(&random, upTo: 60)
    let new = RandomText.edit(old, &random)
    let name = ["a", "a b", "é\"", "tab\there", "x b/y", "z"][seed]
    guard old != new,
      let file = FileDiff.comparing(
        old: seed == 5 ? nil : old, new: new, path: SourcePath(name))
    else { return }
    if seed != 5 { try scratch.write(old, to: name) }
    try scratch.write(Diff(files: [file]).printed(), to: "patch")
    try scratch.git("apply", "patch")
    #expect(try scratch.read(name) == new)
  }

  /// Two shuffled texts with no work allowed: not minimal, and said so, but right.
  @Test func boundedSearchIsStillRight() throws {
    var random = SeededNumbers(5)
    let lines = (0..<3000).map { "line \($0 % 700)\n" }
    let old = bytes(lines.shuffled(using: &random).joined())
    let new = bytes(lines.shuffled(using: &random).joined())
    let comparison = LineComparison(old: old, new: new, workLimit: 0)
    #expect(!comparison.isMinimal)
    let file = FileDiff(comparison, path: "x")
    #expect(try file.applied(to: old).bytes == new)
    let best = LineComparison(old: old, new: new)
    #expect(best.isMinimal)
    #expect(best.additions <= comparison.additions)
  }

  @Test(arguments: 0..<30)
  func carriesAnchorsAsTheLinesThemselves(seed: Int) throws {
    var random = SeededNumbers(6000 + seed)
    // Every line is its own, so where it went is certain.
    let old = (0..<60).map { "line \($0)" }
    var new = old
    for number in 0..<10 {
      let index = Int.random(in: 0..<new.count, using: &random)
      if Bool.random(using: &random) {
        new.remove(at: index)
      } else {
        new.insert("new \(number)", at: index)
      }
    }
    let oldText = bytes(old.joined(separator: "\n") + "\n")
    let newText = bytes(new.joined(separator: "\n") + "\n")
    let diffs = try [0, 1, 3].map { context in
      Diff(files: [
        try #require(FileDiff.comparing(old: oldText, new: newText, path: "x", context: context))
      ])
    }
    for (index, line) in old.enumerated() {
      let anchor = LineAnchor(path: "x", side: .new, line: index + 1)
      let expected = new.firstIndex(of: line).map {
        LineAnchor(path: "x", side: .new, line: $0 + 1)
      }
      #expect(anchor.carried(from: oldText, to: newText) == expected)
      for diff in diffs { #expect(anchor.carried(by: diff) == expected) }
    }
  }

  @Test func anchorsFollowRenamesAndEndWithTheirFile() throws {
    let text =
      "diff --git a/x b/y\nsimilarity index 90%\nrename from x\nrename to y\n--- a/x\n+++ b/y\n@@ -2 +2,2 @@\n-a\n+b\n+c\ndiff --git a/z b/z\ndeleted file mode 100644\nindex 1..0\ndiff --git a/n b/n\nnew file mode 100644\nindex 0..e69de29\n"
    let diff = try Diff(parsing: bytes(text))
    func carried(_ path: SourcePath, _ line: Int) -> LineAnchor? {
      LineAnchor(path: path, side: .old, line: line).carried(by: diff)
    }
    #expect(carried("x", 1) == LineAnchor(path: "y", side: .old, line: 1))
    #expect(carried("x", 2) == nil)
    #expect(carried("x", 3) == LineAnchor(path: "y", side: .old, line: 4))
    #expect(carried("z", 1) == nil)
    #expect(carried("n", 1) == nil)
    #expect(carried("other", 5) == LineAnchor(path: "other", side: .old, line: 5))
  }
}
