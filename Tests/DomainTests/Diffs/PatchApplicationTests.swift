import Testing

@testable import Domain

struct PatchApplicationTests {
  private static let patch =
    "--- a/x\n+++ b/x\n@@ -2,3 +2,3 @@\n b\n-c\n+C\n d\n"

  private func file(_ text: String) throws -> FileDiff {
    try #require(try Diff(parsing: bytes(text)).files.first)
  }

  @Test func appliesWhereItSays() throws {
    let patched = try file(Self.patch).applied(to: bytes("a\nb\nc\nd\ne\n"))
    #expect(patched == PatchedText(bytes: bytes("a\nb\nC\nd\ne\n"), offsets: [0]))
    #expect(patched.isExact)
  }

  @Test func appliesWhereItsLinesStandOnce() throws {
    let patched = try file(Self.patch).applied(to: bytes("1\n2\n3\nb\nc\nd\n"))
    #expect(patched == PatchedText(bytes: bytes("1\n2\n3\nb\nC\nd\n"), offsets: [2]))
    #expect(!patched.isExact)
  }

  @Test(arguments: [
    ("a\nb\nx\nd\n", PatchConflict(hunk: 1, reason: .notFound)),
    ("b\nc\nd\nb\nc\nd\n", PatchConflict(hunk: 1, reason: .ambiguous)),
    ("", PatchConflict(hunk: 1, reason: .notFound)),
    ("a\nb\nc\nd", PatchConflict(hunk: 1, reason: .notFound)),
    ("a\r\nb\r\nc\r\nd\r\n", PatchConflict(hunk: 1, reason: .notFound)),
  ])
  func refusesWhatDoesNotFit(text: String, conflict: PatchConflict) throws {
    let file = try file(Self.patch)
    #expect(throws: conflict) { try file.applied(to: bytes(text)) }
  }

  /// The second hunk's lines stand where it says, but only because the first one has moved.
  @Test func trustsNoNumberAfterAMove() throws {
    let file = try file(
      "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+A\n@@ -3 +3 @@\n-b\n+B\n")
    #expect(throws: PatchConflict(hunk: 2, reason: .ambiguous)) {
      try file.applied(to: bytes("0\na\nb\nb\n"))
    }
  }

  @Test func knowsFilesThatAreOrAreNotThere() throws {
    let added = try #require(FileDiff.comparing(old: nil, new: bytes("a\n"), path: "x"))
    #expect(try added.applied(to: []).bytes == bytes("a\n"))
    #expect(throws: PatchConflict(hunk: 0, reason: .alreadyExists)) {
      try added.applied(to: bytes("b\n"))
    }
    let deleted = try #require(FileDiff.comparing(old: bytes("a\n"), new: nil, path: "x"))
    #expect(try deleted.applied(to: bytes("a\n")).bytes.isEmpty)
    #expect(throws: PatchConflict(hunk: 0, reason: .linesLeft)) {
      try deleted.applied(to: bytes("a\nb\n"))
    }
    let binary = try file("Binary files a/x and b/x differ\n")
    #expect(throws: PatchConflict(hunk: 0, reason: .binary)) { try binary.applied(to: []) }
  }

  @Test func insertsOnlyWhereItSaysWithoutContext() throws {
    let file = try file("--- a/x\n+++ b/x\n@@ -2,0 +3 @@\n+c\n")
    #expect(try file.applied(to: bytes("a\nb\n")).bytes == bytes("a\nb\nc\n"))
    #expect(throws: PatchConflict(hunk: 1, reason: .notFound)) {
      try file.applied(to: bytes("a\n"))
    }
    #expect(throws: PatchConflict(hunk: 1, reason: .notFound)) {
      try file.applied(to: bytes("a\nb"))
    }
  }

  @Test(arguments: 0..<20)
  func findsAMovedHunkOrRefuses(seed: Int) throws {
    var random = SeededNumbers(9000 + seed)
    let old = RandomText.text(&random)
    let new = RandomText.edit(old, &random)
    guard let file = FileDiff.comparing(old: old, new: new, path: "x") else { return }
    let head = bytes((0..<5).map { "unlike any other \($0)\n" }.joined())
    do throws(PatchConflict) {
      let patched = try file.applied(to: head + old)
      #expect(patched.bytes == head + new)
      #expect(patched.offsets.allSatisfy { $0 == 5 })
    } catch {
      #expect(error.reason == .ambiguous || file.hunks[error.hunk - 1].oldCount == 0)
    }
  }

  struct Replacement: Sendable {
    var text: String
    var range: ClosedRange<Int>
    var with: String
    var result: String
  }

  @Test(arguments: [
    Replacement(text: "a\nb\nc\n", range: 2...2, with: "x\ny", result: "a\nx\ny\nc\n"),
    Replacement(text: "a\nb\nc\n", range: 2...3, with: "", result: "a\n"),
    Replacement(text: "a\nb", range: 2...2, with: "x\n", result: "a\nx"),
    Replacement(text: "a\r\nb\r\n", range: 2...2, with: "x\ny\n", result: "a\r\nx\r\ny\r\n"),
    Replacement(text: "a\r\nb", range: 1...2, with: "x\ny\n", result: "x\r\ny"),
    Replacement(text: "a\n", range: 1...1, with: "\n", result: "\n"),
  ])
  func replacesLines(test: Replacement) throws {
    let result = try TextLines(bytes(test.text)).replacing(test.range, with: bytes(test.with))
    #expect(String(decoding: result, as: UTF8.self) == test.result)
  }

  @Test(arguments: [0...1, 3...3, 1...4])
  func replacesNoLineThatIsNotThere(range: ClosedRange<Int>) {
    #expect(throws: LineRangeError(range: range, lineCount: 2)) {
      try TextLines(bytes("a\nb\n")).replacing(range, with: [])
    }
  }
}
