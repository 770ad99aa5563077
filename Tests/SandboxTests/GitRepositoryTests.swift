import Domain
import Foundation
import Testing

@testable import Sandbox

@Suite struct GitRepositoryTests {
  @Test func theRootIsFoundFromASubfolder() async throws {
    try await GitFixture.with { fixture in
      try fixture.write("deep/down/b.txt", "b\n")
      let top = try await fixture.open()
      let below = try await fixture.open(at: fixture.work + "/deep/down")
      #expect(below.root == top.root)
    }
  }

  @Test func aFolderWithoutARepositoryIsSaid() async throws {
    let fixture = try GitFixture()
    defer { fixture.remove() }
    let error = await #expect(throws: GitError.self) {
      try await fixture.open(at: fixture.folder)
    }
    #expect(error?.code == .notARepository)
    #expect(error?.detail.contains("--diff FILE") == true)
  }

  @Test func aFolderThatIsNotThereIsSaid() async throws {
    let fixture = try GitFixture()
    defer { fixture.remove() }
    let error = await #expect(throws: GitError.self) {
      try await fixture.open(at: fixture.folder + "/none")
    }
    #expect(error?.code == .notARepository)
  }

  @Test func aBareRepositoryIsSaid() async throws {
    try await GitFixture.with { fixture in
      try await fixture.git("clone", "-q", "--bare", ".", "../bare.git")
      let error = await #expect(throws: GitError.self) {
        try await fixture.open(at: fixture.folder + "/bare.git")
      }
      #expect(error?.code == .notARepository)
      #expect(error?.detail.contains("bare") == true)
    }
  }

  @Test func aRepositoryThatPointsElsewhereIsRefused() async throws {
    try await GitFixture.with { fixture in
      try await fixture.git("config", "core.worktree", fixture.folder + "/home")
      let error = await #expect(throws: GitError.self) { try await fixture.open() }
      #expect(error?.code == .notARepository)
    }
  }

  @Test func noCommitsYetIsSaid() async throws {
    let fixture = try GitFixture()
    defer { fixture.remove() }
    try FileManager.default.createDirectory(
      atPath: fixture.work, withIntermediateDirectories: true)
    try await fixture.git("init", "-q")
    let repository = try await fixture.open()
    let error = await #expect(throws: GitError.self) { try await repository.range() }
    #expect(error?.code == .noCommits)
  }

  @Test(arguments: [
    "nowhere", "nowhere..", "HEAD...nowhere", "HEAD~99..", "", "  ", "--output=x", "-p", "HEAD^-7",
    "a.txt", "HEAD:a.txt",
  ])
  func aBadRangeIsATypedSentence(_ written: String) async throws {
    try await GitFixture.with { fixture in
      let repository = try await fixture.open()
      let error = await #expect(throws: GitError.self) { try await repository.range(written) }
      #expect(error?.code == .badRange)
      #expect(error?.detail.hasSuffix(".") == true)
      #expect(!FileManager.default.fileExists(atPath: fixture.work + "/x"))
    }
  }

  @Test func unrelatedHistoriesHaveNoCommonAncestor() async throws {
    try await GitFixture.with { fixture in
      try await fixture.git("checkout", "-q", "--orphan", "island")
      try await fixture.commit("alone")
      let repository = try await fixture.open()
      let error = await #expect(throws: GitError.self) {
        try await repository.range("main...island")
      }
      #expect(error?.code == .badRange)
      #expect(error?.detail.contains("no common ancestor") == true)
    }
  }

  /// main: first, second; branch topic from first: third.
  private func forked(_ fixture: GitFixture) async throws -> (
    first: String, second: String, third: String
  ) {
    let first = try await fixture.git("rev-parse", "HEAD")
    try fixture.write("a.txt", "one\n2\nthree\n")
    try await fixture.commit("second")
    let second = try await fixture.git("rev-parse", "HEAD")
    try await fixture.git("checkout", "-q", "-b", "topic", first)
    try fixture.write("b.txt", "b\n")
    try await fixture.commit("third")
    return (first, second, try await fixture.git("rev-parse", "HEAD"))
  }

  @Test func rangesMeanWhatGitDiffMeansByThem() async throws {
    try await GitFixture.with { fixture in
      let (first, second, third) = try await forked(fixture)
      let repository = try await fixture.open()
      func ends(_ written: String?) async throws -> [GitEndpoint] {
        let range = try await repository.range(written)
        return [range.base, range.head]
      }
      #expect(try await ends(nil) == [.commit(first), .workingTree])
      #expect(try await ends("main") == [.commit(second), .workingTree])
      #expect(try await ends("main..topic") == [.commit(second), .commit(third)])
      #expect(try await ends("main..") == [.commit(second), .commit(third)])
      #expect(try await ends("..main") == [.commit(third), .commit(second)])
      #expect(try await ends("main...") == [.commit(first), .commit(third)])
      #expect(try await ends("...main") == [.commit(first), .commit(second)])
      #expect(try await ends("topic^!") == [.commit(first), .commit(third)])
      #expect(try await ends("topic^-") == [.commit(first), .commit(third)])
      #expect(try await ends(" HEAD~1.. ") == [.commit(first), .commit(third)])
      #expect(
        try await ends("HEAD^{/fir.*t}..HEAD") == [.commit(first), .commit(third)])
    }
  }

  @Test func aFirstCommitIsComparedWithNothing() async throws {
    try await GitFixture.with { fixture in
      let repository = try await fixture.open()
      let range = try await repository.range("HEAD^!")
      let diff = try await repository.diff(range)
      #expect(text(diff)?.contains("new file mode 100644") == true)
      #expect(try await repository.contents("a.txt", at: range.base) == nil)
    }
  }

  @Test func theRemotesDefaultBranchComesFirst() async throws {
    try await GitFixture.with { fixture in
      try await fixture.git("branch", "develop")
      try await fixture.git("clone", "-q", ".", "../clone")
      let clone = fixture.folder + "/clone"
      try await fixture.git(
        "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/develop", at: clone)
      let repository = try await fixture.open(at: clone)
      #expect(try await repository.defaultBranch() == "origin/develop")
    }
  }

  @Test func theUsersOwnDefaultBranchIsHeard() async throws {
    try await GitFixture.with { fixture in
      try await fixture.git("branch", "-m", "main", "stable")
      try await fixture.git("config", "--global", "init.defaultBranch", "stable")
      let repository = try await fixture.open()
      #expect(try await repository.defaultBranch() == "stable")
    }
  }

  @Test func withoutADefaultBranchTheUncommittedChangesAreMeant() async throws {
    try await GitFixture.with { fixture in
      try await fixture.git("branch", "-m", "main", "odd")
      let head = try await fixture.git("rev-parse", "HEAD")
      let range = try await fixture.open().range()
      #expect(range.base == .commit(head))
      #expect(range.head == .workingTree)
    }
  }

  @Test func theDefaultShowsCommittedAndUncommittedChanges() async throws {
    try await GitFixture.with { fixture in
      _ = try await forked(fixture)
      try fixture.write("b.txt", "b\nnot yet committed\n")
      try fixture.write("new.txt", "unknown to git\n")
      let repository = try await fixture.open()
      let diff = try #require(text(try await repository.diff(try await repository.range())))
      #expect(diff.contains("+b\n+not yet committed\n"))
      #expect(!diff.contains("a.txt"))
      #expect(!diff.contains("new.txt"))
      #expect(try await repository.untrackedFiles() == ["new.txt"])
    }
  }

  @Test func theDiffLooksTheSameWhateverTheSettings() async throws {
    try await GitFixture.with { fixture in
      try fixture.write("a.txt", "one\n2\nthree\n")
      try await fixture.git("mv", "a.txt", "ä.txt")
      let body = (0..<40).map { "line \($0)\n" }.joined()
      try fixture.write("long.txt", body)
      try await fixture.commit("second")
      try fixture.write("long.txt", body.replacingOccurrences(of: "line 20\n", with: "line X\n"))
      try await fixture.commit("third")
      let plain = try await fixture.open().diff(try await fixture.open().range("HEAD~2..HEAD"))
      for (key, value) in [
        ("diff.noprefix", "true"), ("diff.mnemonicPrefix", "true"), ("color.ui", "always"),
        ("diff.renames", "false"), ("diff.context", "9"), ("core.quotePath", "false"),
        ("diff.srcPrefix", "x/"), ("diff.orderFile", "/etc/passwd"), ("diff.algorithm", "patience"),
        ("diff.interHunkContext", "30"), ("diff.relative", "true"), ("core.abbrev", "4"),
        ("diff.suppressBlankEmpty", "true"), ("diff.submodule", "log"), ("diff.wordRegex", "."),
        ("diff.ignoreSubmodules", "all"), ("diff.colorMoved", "zebra"), ("diff.stat", "1"),
      ] {
        try await fixture.git("config", key, value)
      }
      let repository = try await fixture.open()
      let diff = try await repository.diff(try await repository.range("HEAD~2..HEAD"))
      #expect(text(diff) == text(plain))
      #expect(text(diff)?.contains("rename from a.txt") == true)
      #expect(text(diff)?.contains(#"+++ "b/\303\244.txt""#) == true)
    }
  }

  @Test func aChangeOverTheLimitIsTypedAndSaysWhatToDo() async throws {
    try await GitFixture.with { fixture in
      try fixture.write("big.txt", String(repeating: "0123456789\n", count: 200_000))
      try await fixture.commit("big")
      let repository = try await fixture.open()
      let range = try await repository.range("HEAD^!")
      let error = await #expect(throws: GitError.self) {
        try await repository.diff(range, limit: .mebibytes(1))
      }
      #expect(error?.code == .tooLarge)
      #expect(error?.detail.contains("HEAD^!") == true)
    }
  }

  @Test func filesAreReadAtBothEnds() async throws {
    try await GitFixture.with { fixture in
      let head = try await fixture.git("rev-parse", "HEAD")
      try fixture.write("a.txt", "changed\n")
      let repository = try await fixture.open()
      #expect(
        text(try await repository.contents("a.txt", at: .commit(head))) == "one\ntwo\nthree\n")
      #expect(text(try await repository.contents("a.txt", at: .workingTree)) == "changed\n")
      for end in [GitEndpoint.commit(head), .workingTree] {
        #expect(try await repository.contents("none.txt", at: end) == nil)
        #expect(try await repository.contents("", at: end) == nil)
        #expect(try await repository.contents("../work/a.txt", at: end) == nil)
      }
    }
  }

  @Test func oddNamesAndSizesAreRead() async throws {
    try await GitFixture.with { fixture in
      let names = [
        "with space missing", "with\nnewline", "-dash", "ümlaut", "quote\"d", "tab\there", "a:b",
        "deep/er/x",
      ]
      for name in names { try fixture.write(name, "text of \(name)\n") }
      try fixture.write("empty", "")
      try fixture.write("large", String(repeating: "x", count: 300_000))
      try await fixture.commit("names")
      let head = GitEndpoint.commit(try await fixture.git("rev-parse", "HEAD"))
      let repository = try await fixture.open()
      for end in [head, .workingTree] {
        for name in names {
          #expect(
            text(try await repository.contents(SourcePath(name), at: end)) == "text of \(name)\n")
        }
        #expect(try await repository.contents("empty", at: end) == [])
        #expect(try await repository.contents("large", at: end)?.count == 300_000)
        #expect(try await repository.contents("deep", at: end) == nil)
        let error = await #expect(throws: GitError.self) {
          try await repository.contents("large", at: end, limit: ByteCount(1000))
        }
        #expect(error?.code == .tooLarge)
        // The reader goes on after a file that it refused.
        #expect(try await repository.contents("empty", at: end) == [])
      }
    }
  }

  @Test func manyReadersShareOneRepository() async throws {
    try await GitFixture.with { fixture in
      for number in 0..<50 { try fixture.write("f\(number)", "number \(number)") }
      try await fixture.commit("many")
      let head = GitEndpoint.commit(try await fixture.git("rev-parse", "HEAD"))
      let repository = try await fixture.open()
      try await withThrowingTaskGroup(of: Bool.self) { group in
        for number in 0..<200 {
          group.addTask {
            let name = SourcePath("f\(number % 50)")
            return try await text(repository.contents(name, at: head)) == "number \(number % 50)"
          }
        }
        for try await right in group { #expect(right) }
      }
    }
  }

  /// Processes of ours that read objects of a repository.
  private func readers(_ fixture: GitFixture) -> [Int32] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return names.compactMap { Int32($0) }.filter { process in
      guard let line = FileManager.default.contents(atPath: "/proc/\(process)/cmdline"),
        let place = try? FileManager.default.destinationOfSymbolicLink(
          atPath: "/proc/\(process)/cwd")
      else { return false }
      return String(decoding: line, as: UTF8.self).contains("cat-file") && place == fixture.work
    }
  }

  @Test func theReaderComesBackWhenItIsKilledAndGoesWithItsRepository() async throws {
    try await GitFixture.with { fixture in
      let head = GitEndpoint.commit(try await fixture.git("rev-parse", "HEAD"))
      var repository: GitRepository? = try await fixture.open()
      for _ in 0..<3 {
        let bytes = try await repository?.contents("a.txt", at: head)
        #expect(text(bytes) == "one\ntwo\nthree\n")
        let running = readers(fixture)
        #expect(running.count == 1)
        for process in running { kill(process, SIGKILL) }
      }
      _ = try await repository?.contents("a.txt", at: head)
      #expect(readers(fixture).count == 1)
      repository = nil
      for _ in 0..<500 where !readers(fixture).isEmpty {
        try await Task.sleep(for: .milliseconds(10))
      }
      #expect(readers(fixture).isEmpty)
    }
  }

  @Test func gitsVersionIsTold() async throws {
    let fixture = try GitFixture()
    defer { fixture.remove() }
    let version = try await GitRepository.version(environment: fixture.environment)
    #expect(version.hasPrefix("2."))
    let error = await #expect(throws: GitError.self) {
      try await GitRepository.version(environment: ["PATH": "/nowhere"])
    }
    #expect(error?.code == .noGit)
    #expect(error?.detail.contains("apt install git") == true)
  }

  @Test func aConflictedMergeStillGivesADiff() async throws {
    try await GitFixture.with { fixture in
      try await fixture.git("checkout", "-q", "-b", "other")
      try fixture.write("a.txt", "one\nOTHER\nthree\n")
      try await fixture.commit("other")
      try await fixture.git("checkout", "-q", "main")
      try fixture.write("a.txt", "one\nMAIN\nthree\n")
      try await fixture.commit("main")
      let merge = try await CommandRunner().run(
        Command(
          "git", ["-c", "user.name=a", "-c", "user.email=a@example.org", "merge", "-q", "other"],
          environment: fixture.environment, workingFolder: fixture.work))
      #expect(!merge.succeeded)
      let repository = try await fixture.open()
      let diff = try #require(text(try await repository.diff(try await repository.range("HEAD"))))
      #expect(diff.hasPrefix("diff --git a/a.txt b/a.txt\n"))
      #expect(!diff.contains("Unmerged"))
      #expect(diff.contains("+<<<<<<< HEAD"))
    }
  }

  @Test func unmergedNotesAreCutOutAndNothingElse() {
    let diff = "* Unmerged path x\ndiff --git a/x b/x\n@@ -1 +1 @@\n-* Unmerged path q\n* other\n"
    let cut = GitRepository.withoutUnmergedNotes(Array((diff + "* Unmerged path y").utf8))
    #expect(
      text(cut) == "diff --git a/x b/x\n@@ -1 +1 @@\n-* Unmerged path q\n* other\n")
  }
}
