import Testing

@testable import Domain

struct DiffErrorTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var good: String
    /// What follows `good`; the error must point at its first byte, or at `at` within it.
    var bad: String
    var at: Int = 0
    var code: DiffError.Code
    var testDescription: String { "\(code.rawValue): \(bad)" }
  }

  private static let head = "diff --git a/x b/x\nindex 1..2 100644\n--- a/x\n+++ b/x\n"
  private static let git = "diff --git a/x b/x\n"

  static let cases: [Case] = [
    Case(good: "", bad: "hello\n", code: .notADiff),
    Case(good: "", bad: "\n", code: .notADiff),
    Case(good: "commit 1\n", bad: "diff --cc x\nindex 1,2..3\n", code: .combinedDiff),
    Case(good: "", bad: "diff --combined x\nindex 1,2..3\n", code: .combinedDiff),
    Case(good: "x\n", bad: "@@@ -1 -1 +1 @@@\n", code: .combinedDiff),
    Case(good: "x\n", bad: "@@ -1 +1 @@\n-a\n+b\n", code: .malformedHeader),
    Case(good: git, bad: "index zz..1\n", code: .malformedHeader),
    Case(good: git, bad: "old mode 100894\n", code: .malformedHeader),
    Case(good: git, bad: "similarity index 101%\n", code: .malformedHeader),
    Case(good: git + "--- a/x\n", bad: "@@ -1 +1 @@\n", code: .malformedHeader),
    Case(good: git, bad: "rename from \"x\n", code: .malformedPath),
    Case(good: git, bad: "--- \"a/\\9\"\n+++ b/x\n", code: .malformedPath),
    Case(good: "", bad: "diff --git x\nold mode 100644\nnew mode 100755\n", code: .malformedPath),
    Case(
      good: "", bad: "--- /dev/null\n+++ /dev/null\n@@ -1 +1 @@\n-a\n+b\n", code: .malformedPath),
    Case(good: head, bad: "@@ -1 +1\n-a\n+b\n", code: .malformedHunk),
    Case(good: head, bad: "@@ -0 +1 @@\n-a\n+b\n", code: .malformedHunk),
    Case(good: head, bad: "@@ -99999999999 +1 @@\n-a\n+b\n", code: .malformedHunk),
    Case(good: head, bad: "text\n", code: .malformedHunk),
    Case(good: head + "@@ -1 +1 @@\n", bad: "*a\n", code: .malformedHunk),
    Case(good: head + "@@ -1 +1 @@\n-a\n", bad: " b\n", code: .malformedHunk),
    Case(good: head + "@@ -1 +1 @@\n-a\n+b\n", bad: "+c\n", code: .malformedHunk),
    Case(good: head + "@@ -1 +1 @@\n-a\n+b\n", bad: "-c\n", code: .malformedHunk),
    Case(
      good: head + "@@ -1,2 +1 @@\n-a\n", bad: "\\ No newline at end of file\n-b\n+c\n",
      code: .malformedHunk),
    Case(
      good: head + "@@ -5 +5 @@\n-a\n+b\n", bad: "@@ -5 +6 @@\n-a\n+b\n", code: .malformedHunk),
    Case(good: git + "GIT binary patch\n", bad: "literally\n", code: .malformedBinary),
    Case(good: git + "GIT binary patch\nliteral 1\n", bad: "?abc\n\n", code: .malformedBinary),
    Case(good: git + "GIT binary patch\nliteral 1\n", bad: "A0000\n\n", code: .malformedBinary),
    Case(good: git + "GIT binary patch\nliteral 1\n", bad: "A000,0\n\n", code: .malformedBinary),
    Case(good: git, bad: "Binary files a/x and\nx", code: .malformedBinary),
    Case(good: git + "GIT binary patch\nliteral 1\nA00000\n", bad: "", code: .truncated),
    Case(good: git + "GIT binary patch\nliteral 1\nA000", bad: "", code: .truncated),
    Case(good: "diff --git a/x b", bad: "", code: .truncated),
    Case(good: git, bad: "", code: .truncated),
    Case(good: git + "index 1..2 100644\n", bad: "", code: .truncated),
    Case(good: head, bad: "", code: .truncated),
    Case(good: head + "@@ -1 +", bad: "", code: .truncated),
    Case(good: head + "@@ -1,2 +1,2 @@\n-a\n+b\n", bad: "", code: .truncated),
    Case(good: head + "@@ -1 +1 @@\n-a\n+b", bad: "", code: .truncated),
  ]

  @Test(arguments: cases)
  func namesTheByte(test: Case) throws {
    let input = bytes(test.good + test.bad)
    let error = try #require(throws: DiffError.self) { try Diff(parsing: input) }
    #expect(error.code == test.code)
    #expect(error.offset == test.good.utf8.count + test.at, "\(error)")
  }

  /// A cut diff is either read as what is left of it, exactly, or refused with a byte inside it.
  @Test(arguments: DiffFormsTests.forms)
  func isSafeWhereverItIsCut(form: DiffFormsTests.Form) throws {
    let whole = bytes(form.text)
    for length in 0...whole.count {
      let input = Array(whole[..<length])
      do throws(DiffError) {
        #expect(try Diff(parsing: input).printed() == input)
      } catch {
        #expect((0...length).contains(error.offset))
      }
    }
  }

  /// No cut inside a hunk may pass for a shorter change.
  @Test func noCutHunkIsRead() throws {
    let head = bytes(Self.head + "@@ -1,3 +1,3 @@\n")
    let whole = head + bytes(" a\n-b\n+c\n d\n")
    for length in head.count..<whole.count {
      let error = try #require(throws: DiffError.self) {
        try Diff(parsing: Array(whole[..<length]))
      }
      #expect(error == DiffError(code: .truncated, offset: length, detail: error.detail))
    }
  }

  /// One byte changed anywhere: never a trap, and what is read prints as it was.
  @Test(arguments: DiffFormsTests.forms)
  func isSafeWhateverByteIsWrong(form: DiffFormsTests.Form) throws {
    let whole = bytes(form.text)
    for index in whole.indices {
      for byte in bytes("\n \\-+@0\"\r") {
        var input = whole
        input[index] = byte
        guard let diff = try? Diff(parsing: input) else { continue }
        #expect(diff.printed() == input)
      }
    }
  }
}
