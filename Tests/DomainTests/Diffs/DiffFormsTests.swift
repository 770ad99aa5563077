import Testing

@testable import Domain

/// Each form that git and GNU diff print, by hand, with what must be read from it.
struct DiffFormsTests {
  struct Form: Sendable, CustomTestStringConvertible {
    var name: String
    var text: String
    var facts: [String]
    var testDescription: String { name }
  }

  /// `status old new +additions -deletions flags` of each section.
  private static func facts(_ file: FileDiff) -> String {
    var words = [
      file.status.rawValue, file.oldPath?.description ?? "-", file.newPath?.description ?? "-",
      "+\(file.additions)", "-\(file.deletions)",
    ]
    if file.isBinary { words.append("binary") }
    if file.isSubmodule { words.append("submodule") }
    if file.isSymlink { words.append("symlink") }
    if file.isTypeChange { words.append("type") }
    if let similarity = file.similarity { words.append("\(similarity)%") }
    if let old = file.oldMode, let new = file.newMode, old != new { words.append("\(old)>\(new)") }
    return words.joined(separator: " ")
  }

  static let one = "@@ -1 +1 @@\n-a\n+b\n"

  static let forms: [Form] = [
    Form(
      name: "modified", text: "diff --git a/x b/x\nindex 1..2 100644\n--- a/x\n+++ b/x\n\(one)",
      facts: ["modified x x +1 -1"]),
    Form(
      name: "path with spaces and b/",
      text: "diff --git a/x b/y b/x b/y\nold mode 100644\nnew mode 100755\n",
      facts: ["modified x b/y x b/y +0 -0 100644>100755"]),
    Form(
      name: "quoted",
      text:
        "diff --git \"a/\\303\\251\\\"\\t\" \"b/\\303\\251\\\"\\t\"\n--- \"a/\\303\\251\\\"\\t\"\n+++ \"b/\\303\\251\\\"\\t\"\n\(one)",
      facts: ["modified é\"\t é\"\t +1 -1"]),
    Form(
      name: "rename to a quoted name",
      text:
        "diff --git a/x y \"b/\\303\\251\"\nsimilarity index 90%\nrename from x y\nrename to \"\\303\\251\"\n",
      facts: ["renamed x y é +0 -0 90%"]),
    Form(
      name: "copy", text: "diff --git a/x b/y\nsimilarity index 100%\ncopy from x\ncopy to y\n",
      facts: ["copied x y +0 -0 100%"]),
    Form(
      name: "empty file added and deleted",
      text:
        "diff --git a/x b/x\nnew file mode 100644\nindex 0000000..e69de29\ndiff --git a/y b/y\ndeleted file mode 100644\nindex e69de29..0000000\n",
      facts: ["added - x +0 -0", "deleted y - +0 -0"]),
    Form(
      name: "type change",
      text:
        "diff --git a/x b/x\ndeleted file mode 100644\nindex 1..0\n--- a/x\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\ndiff --git a/x b/x\nnew file mode 120000\nindex 0..2\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+y\n\\ No newline at end of file\n",
      facts: ["deleted x - +0 -1 type", "added - x +1 -0 symlink type"]),
    Form(
      name: "submodule",
      text:
        "diff --git a/lib b/lib\nindex 1..2 160000\n--- a/lib\n+++ b/lib\n@@ -1 +1 @@\n-Subproject commit 1\n+Subproject commit 2\n",
      facts: ["modified lib lib +1 -1 submodule"]),
    Form(
      name: "submodule log",
      text:
        "Submodule lib 1111111..2222222:\n  > a commit\ndiff --git a/x b/x\n--- a/x\n+++ b/x\n\(one)",
      facts: ["modified lib lib +0 -0 submodule", "modified x x +1 -1"]),
    Form(
      name: "new submodule", text: "Submodule lib 0000000...2222222 (new submodule)\n",
      facts: ["added - lib +0 -0 submodule"]),
    Form(
      name: "binary files differ",
      text: "diff --git a/x y b/x y\nindex 1..2 100644\nBinary files a/x y and b/x y differ\n",
      facts: ["modified x y x y +0 -0 binary"]),
    Form(
      name: "binary patch",
      text:
        "diff --git a/x b/x\nindex 1..2 100644\nGIT binary patch\nliteral 1\nIcmZPo000310RR91\n\nliteral 1\nIcmZPo000310RR91\n\n",
      facts: ["modified x x +0 -0 binary"]),
    Form(
      name: "no prefix",
      text: "diff --git src/x src/x\nindex 1..2 100644\n--- src/x\n+++ src/x\n\(one)",
      facts: ["modified src/x src/x +1 -1"]),
    Form(
      name: "no prefix beneath a/",
      text: "diff --git a/x a/x\nindex 1..2 100644\n--- a/x\n+++ a/x\n\(one)",
      facts: ["modified a/x a/x +1 -1"]),
    Form(
      name: "mnemonic prefixes",
      text: "diff --git i/src/x w/src/x\nindex 1..2 100644\n--- i/src/x\n+++ w/src/x\n\(one)",
      facts: ["modified src/x src/x +1 -1"]),
    Form(
      name: "own prefixes",
      text: "diff --git before/x y after the/x y\nold mode 100644\nnew mode 100755\n",
      facts: ["modified x y x y +0 -0 100644>100755"]),
    Form(
      name: "own prefix, added",
      text:
        "diff --git old/x new/x\nnew file mode 100644\nindex 0..2\n--- /dev/null\n+++ new/x\n@@ -0,0 +1 @@\n+a\n",
      facts: ["added - x +1 -0"]),
    Form(
      name: "diff -u with time stamps",
      text:
        "--- x.orig\t2026-01-01 00:00:00.000000000 +0000\n+++ x\t2026-01-01 00:00:01.000000000 +0000\n\(one)",
      facts: ["modified x.orig x +1 -1"]),
    Form(
      name: "diff -ruN",
      text:
        "diff -ruN old/x new/x\n--- old/x\t1970-01-01 01:00:00.000000000 +0100\n+++ new/x\t2026-01-01 00:00:01.000000000 +0000\n@@ -0,0 +1 @@\n+a\nOnly in new: z\nBinary files old/y and new/y differ\n",
      facts: ["added - x +1 -0", "modified y y +0 -0 binary"]),
    Form(
      name: "mail",
      text:
        "From 1 Mon Sep 17 00:00:00 2001\nSubject: [PATCH] x\n\nWhy.\n---\n x | 2 +-\n 1 file changed\n\ndiff --git a/x b/x\nindex 1..2 100644\n--- a/x\n+++ b/x\n\(one)-- \n2.39\n\nFrom 2 Mon Sep 17 00:00:00 2001\nSubject: [PATCH] y\n\n---\ndiff --git a/y b/y\nindex 1..2 100644\n--- a/y\n+++ b/y\n\(one)-- \n2.39\n",
      facts: ["modified x x +1 -1", "modified y y +1 -1"]),
    Form(
      name: "prose that looks like a header",
      text:
        "diff --git a/x b/x\nis what git prints\n--- this\n+++ that\nno hunk\ndiff --cc is not for us\ndiff --git a/x b/x\n--- a/x\n+++ b/x\n\(one)",
      facts: ["modified x x +1 -1"]),
    Form(
      name: "header-like lines in a hunk",
      text:
        "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n--- a/x\n+++ b/x\n @@ -1 +1 @@\n-diff --git a/x b/x\n+\n",
      facts: ["modified x x +2 -2"]),
    Form(
      name: "CRLF throughout",
      text:
        "diff --git a/x b/x\r\nindex 1..2 100644\r\n--- a/x\r\n+++ b/x\r\n@@ -1,2 +1,2 @@ f\r\n \r\n-a\r\n+b\r\n",
      facts: ["modified x x +1 -1"]),
    Form(
      name: "BOM", text: "\u{FEFF}diff --git a/x b/x\n--- a/x\n+++ b/x\n\(one)",
      facts: ["modified x x +1 -1"]),
    Form(
      name: "context whose space was stripped",
      text: "--- a/x\n+++ b/x\n@@ -1,3 +1,2 @@\n\n-a\n\r\n",
      facts: ["modified x x +0 -1"]),
    Form(
      name: "numbers with leading zeros", text: "--- a/x\n+++ b/x\n@@ -01,1 +1,01 @@ f\n-a\n+b\n",
      facts: ["modified x x +1 -1"]),
    Form(
      name: "name with a space ends in a tab",
      text: "diff --git a/x y b/x y\n--- a/x y\t\n+++ b/x y\t\n\(one)",
      facts: ["modified x y x y +1 -1"]),
    Form(
      name: "deletion without its content",
      text: "diff --git a/x b/x\ndeleted file mode 100644\nindex 1..0\n",
      facts: ["deleted x - +0 -0"]),
    Form(
      name: "two folders",
      text: "diff --git a/one/x b/two/x\nindex 1..2 100644\n--- a/one/x\n+++ b/two/x\n\(one)",
      facts: ["modified one/x two/x +1 -1"]),
  ]

  @Test(arguments: forms)
  func readsAndPrints(form: Form) throws {
    let diff = try Diff(parsing: bytes(form.text))
    #expect(diff.files.map(Self.facts) == form.facts)
    #expect(String(decoding: diff.printed(), as: UTF8.self) == form.text)
  }

  @Test func emptyInputIsADiffOfNothing() throws {
    let diff = try Diff(parsing: [])
    #expect(diff.files.isEmpty)
    #expect(diff.printed().isEmpty)
  }

  @Test func pathsNeedNotBeUTF8() throws {
    let name: [UInt8] = [0xff, 0xfe]
    let input =
      bytes("diff --git \"a/\\377\\376\" \"b/\\377\\376\"\nold mode 100644\nnew mode 100755\n")
      + bytes("diff --git a/") + name + bytes(" b/") + name
      + bytes("\nold mode 100644\nnew mode 100755\n")
    let diff = try Diff(parsing: input)
    #expect(diff.files.map(\.path.bytes) == [name, name])
    #expect(diff.printed() == input)
  }

  @Test func linesKeepTheirBytes() throws {
    let input =
      bytes("--- a/x\n+++ b/x\n@@ -4,3 +4,3 @@  func f() {\n a\r\n-") + [0xff]
      + bytes("\n+b\n c\n\\ No newline at end of file\n@@ -20 +20,0 @@\n-z\n")
    let file = try #require(try Diff(parsing: input).files.first)
    #expect(file.hunks[0].heading == " func f() {")
    let lines = file.hunks.flatMap { Array($0.lines) }
    #expect(
      lines.map { Array($0.bytes) } == [bytes("a\r"), [0xff], bytes("b"), bytes("c"), bytes("z")])
    #expect(lines.map(\.position) == [1, 2, 3, 4, 7])
    #expect(lines.map(\.oldNumber) == [4, 5, nil, 6, 20])
    #expect(lines.map(\.newNumber) == [4, nil, 5, 6, nil])
    #expect(lines.map(\.endsWithNewline) == [true, true, true, false, true])
    #expect(lines[1].text == "\u{FFFD}")
  }
}
