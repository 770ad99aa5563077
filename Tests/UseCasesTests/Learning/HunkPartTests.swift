import Domain
import Foundation
import Testing

@testable import UseCases

/// Long hunks in parts: nothing is lost, and each part is a hunk of its own.
@Suite struct HunkPartTests {
  private func hunk(_ lines: [String], heading: String = "") throws -> Hunk {
    let old = lines.count { !$0.hasPrefix("+") }
    let new = lines.count { !$0.hasPrefix("-") }
    let text =
      "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -10,\(old) +20,\(new) @@\(heading)\n"
      + lines.map { $0 + "\n" }.joined()
    return try #require(try Diff(parsing: Array(text.utf8)).files.first?.hunks.first)
  }

  @Test(arguments: [1, 2, 58, 59, 60, 118, 119, 500])
  func partsAreTheWhole(_ count: Int) throws {
    let lines = (0..<count).map { ["+", "-", " "][$0 % 3] + "line \($0)" }
    let whole = try hunk(lines, heading: " def f():")
    let parts = HunkPart.parts(of: whole)
    #expect(parts.flatMap(\.lines) == Array(whole.lines))
    #expect(parts.count == (count + ReviewChat.mostLines - 2) / (ReviewChat.mostLines - 1))
    for part in parts {
      // A model is shown all of it.
      #expect(part.text.split(separator: "\n").count <= ReviewChat.mostLines)
      let parsed = try Diff(
        parsing: Array("diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n\(part.text)\n".utf8))
      let again = try #require(parsed.files.first?.hunks.first)
      // Its header counts as a unified diff does, so that its lines have the numbers they had.
      #expect(Array(again.lines).map(\.newNumber) == part.lines.map(\.newNumber))
      #expect(Array(again.lines).map(\.oldNumber) == part.lines.map(\.oldNumber))
    }
    #expect(parts[0].text.hasPrefix("@@ -10,") && parts[0].text.contains("@@ def f():\n"))
  }
}
