import Domain
import Foundation
import TestKit
import Testing

/// Changes that cannot be read, or hold nothing to read.
@Suite struct BadDiffTests {
  private let running: ReviewRunning

  init() throws { running = try ReviewRunning() }

  // MARK: Subjects that are not there

  @Test func noRepository() async throws {
    let outcome = try await running.review([])
    #expect(outcome.status == 2)
    #expect(outcome.error.contains("not inside a git repository"), "\(outcome.error)")
    #expect(outcome.error.contains("--diff"))
    #expect(outcome.output == "")
  }

  @Test func noCommits() async throws {
    try running.folder.write("x\n", to: "work/a")
    try running.git("init", "--quiet")
    let outcome = try await running.review(["-C", "work"])
    #expect(outcome.status == 2)
    #expect(outcome.error.contains("no commits"), "\(outcome.error)")
  }

  @Test(arguments: ["nope..HEAD", "HEAD~99", "--", "HEAD..", "..nope", "a b", "-x", "HEAD^{tree}"])
  func badRange(_ range: String) async throws {
    try running.makeRepository()
    let outcome = try await running.review(["-C", "work", "--json", "--", range])
    // `HEAD..` is a range, and an empty one.
    guard range != "HEAD.." else {
      #expect(outcome.status == 0, "\(outcome.error)")
      return
    }
    #expect(outcome.status == 2, "\(range): \(outcome.error)")
    #expect(!outcome.error.isEmpty)
    #expect(outcome.output == "")
  }

  @Test func badRangeNamesWhatIsUnknown() async throws {
    try running.makeRepository()
    let outcome = try await running.review(["-C", "work", "nope..HEAD"])
    #expect(outcome.error.contains("'nope'"), "\(outcome.error)")
    #expect(outcome.error.contains("HEAD~3.."))
  }

  @Test(arguments: [("none.diff", "no such file"), ("home", "is a folder")])
  func aDiffThatCannotBeOpened(_ path: String, _ part: String) async throws {
    try running.folder.write("", to: "home/x")
    let outcome = try await running.review(["--diff", path])
    #expect(outcome.status == 2)
    #expect(outcome.error.contains(path))
    #expect(outcome.error.contains(part), "\(outcome.error)")
  }

  @Test func aFolderThatIsAFile() async throws {
    try running.folder.write("", to: "file")
    let outcome = try await running.review(["-C", "file"])
    #expect(outcome.status == 2)
    #expect(outcome.error.contains("is a file; name a folder"), "\(outcome.error)")
  }

  @Test func closedStandardInput() throws {
    let result = try running.program.shell(
      "exec \"$0\" review --diff - <&-", [ProgramRunning.program])
    #expect(result.status == 2)
    #expect(result.error.contains("standard input cannot be read"), "\(result.error)")
  }

  // MARK: Diffs with nothing to review

  @Test func emptyDiff() async throws {
    let outcome = try await running.review(["--diff", "-", "--json"])
    #expect(outcome.status == 0)
    #expect(outcome.error == "")
    try outcome.expectCompleteLedger([:])
    #expect(try outcome.json()["summary"]?.string?.contains("empty") == true)
  }

  @Test func binaryOnlyDiff() async throws {
    let outcome = try await running.review(
      ["--diff", "-", "--json"],
      input: """
        diff --git a/logo.png b/logo.png
        index 1111111..2222222 100644
        Binary files a/logo.png and b/logo.png differ

        """)
    #expect(outcome.status == 0)
    try outcome.expectCompleteLedger(["logo.png": 0])
    #expect(try outcome.skipped() == ["binary"])
  }

  // MARK: Damaged diffs

  @Test func truncatedDiffNamesTheByte() async throws {
    let cut = String(SampleChange.diff.dropLast(30))
    let outcome = try await running.review(["--diff", "-"], input: cut)
    #expect(outcome.status == 2)
    #expect(outcome.error.contains("byte \(cut.utf8.count)"), "\(outcome.error)")
    #expect(outcome.error.contains("cut off"))
    #expect(outcome.output == "")
  }

  @Test(arguments: [
    "hello\nworld\n", "{\"a\": 1}\n", "\u{0}\u{1}\u{2}", String(repeating: "x", count: 100_000),
  ])
  func notADiff(_ text: String) async throws {
    let outcome = try await running.review(["--diff", "-"], input: text)
    #expect(outcome.status == 2)
    #expect(outcome.error.contains("holds no diff"), "\(outcome.error)")
    #expect(outcome.error.contains("git diff"))
  }

  @Test(
    arguments: [
      ([0xFF, 0xFE, 0x64, 0x00], "UTF-16"), ([0x1F, 0x8B, 0x08, 0x00], "gzip -d"),
    ] as [([UInt8], String)])
  func anotherCodingIsNamed(_ bytes: [UInt8], _ part: String) async throws {
    let path = running.folder.path + "/coded.diff"
    try Data(bytes + Array("diff --git a/x b/x".utf8)).write(to: URL(filePath: path))
    let outcome = try await running.review(["--diff", path])
    #expect(outcome.status == 2)
    #expect(outcome.error.contains(part), "\(outcome.error)")
  }

  @Test func aDiffOfAMergeSaysWhatToCompare() async throws {
    let outcome = try await running.review(
      ["--diff", "-"],
      input: """
        diff --cc a.py
        index 1111111,2222222..3333333
        --- a/a.py
        +++ b/a.py
        @@@ -1,1 -1,1 +1,1 @@@
        - a
         -b
        ++c

        """)
    #expect(outcome.status == 2)
    #expect(outcome.error.contains("git diff HEAD^1 HEAD"), "\(outcome.error)")
  }

  @Test func aDamagedHunkNamesTheByte() async throws {
    let damaged = SampleChange.diff.replacingOccurrences(of: "@@ -1,4 +1,4 @@", with: "@@ -1,x @@")
    let outcome = try await running.review(["--diff", "-"], input: damaged)
    #expect(outcome.status == 2)
    #expect(outcome.error.contains("byte "), "\(outcome.error)")
  }

  // MARK: Large diffs

  @Test func aFileTooLargeToReadIsInTheLedger() async throws {
    let line = "+x = \"\(String(repeating: "a", count: 9 << 20))\"\n"
    let large = """
      diff --git a/big.py b/big.py
      new file mode 100644
      index 0000000..2222222
      --- /dev/null
      +++ b/big.py
      @@ -0,0 +1 @@

      """
    let outcome = try await running.review(
      ["--diff", "-", "--json"], input: large + line + SampleChange.diff)
    #expect(outcome.status == 1, "\(outcome.error)")
    #expect(try outcome.skipped() == ["too_large"])
    try outcome.expectCompleteLedger(["big.py": 1].merging(SampleChange.hunks) { $1 })
  }

  /// Slow without optimization: 40 MB with `STET_TEST_SLOW=1`, 100 MB with `all`.
  @Test(
    .enabled(
      if: SlowTests.isOn, "set STET_TEST_SLOW=1, or all, for a diff of 40 or 100 MB"))
  func aVeryLargeDiffIsReviewedInFourTimesItsSize() async throws {
    let (file, files, bytes) = try writeLargeDiff(
      of: SlowTests.isWhole ? 100_000_000 : 40_000_000)
    // The largest of all children of the one that runs it, by the system's own account.
    let script = """
      import resource, subprocess, sys
      status = subprocess.call(sys.argv[1:], stdout=open("review.json", "wb"))
      print(status, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
      """
    let result = try running.program.shell(
      "exec python3 -c \"$0\" \"$@\"",
      [script, ProgramRunning.program, "review", "--diff", file, "--json"])
    let figures = result.output.split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
    try #require(figures.count == 2, "\(result.output)\(result.error)")
    #expect(figures[0] == 0, "\(result.error)")
    // Linux counts in KiB, Darwin in bytes.
    #if os(Linux)
      let peak = figures[1] << 10
    #else
      let peak = figures[1]
    #endif
    print("a diff of \(bytes / 1_000_000) MB took \(peak / 1_000_000) MB at its peak")
    #expect(peak < 4 * bytes)
    let text = try Data(contentsOf: URL(filePath: running.folder.path + "/review.json"))
    let coverage = try JSONDecoder().decode(JSONValue.self, from: text)["coverage"]
    #expect(coverage?["files"]?.integer == files)
    #expect(coverage?["hunks"]?.integer == coverage?["hunks_reviewed"]?.integer)
  }

  private func writeLargeDiff(of size: Int) throws -> (path: String, files: Int, bytes: Int) {
    var body = ""
    for hunk in 0..<20 {
      let start = hunk * 200 + 1
      body += "@@ -\(start),50 +\(start + hunk * 50),100 @@ def f\(hunk)():\n"
      for line in 0..<50 { body += " context line number \(line) of hunk \(hunk)\n" }
      for line in 0..<50 { body += "+    value_\(line) = compute(\(line), \(hunk))\n" }
    }
    let path = try running.folder.write("", to: "large.diff")
    let handle = try #require(FileHandle(forWritingAtPath: path))
    var bytes = 0
    var files = 0
    while bytes < size {
      files += 1
      let name = "src/file\(files).py"
      let head =
        "diff --git a/\(name) b/\(name)\nindex 1111111..2222222 100644\n--- a/\(name)\n+++ b/\(name)\n"
      let section = Data((head + body).utf8)
      try handle.write(contentsOf: section)
      bytes += section.count
    }
    try handle.close()
    return (path, files, bytes)
  }
}
