import Domain
import Foundation
import Sandbox
import TestKit
import Testing

/// Commits, and how they reach a branch or do not.
@Suite struct CheckoutPushTests {
  @Test func aCommitIsMadeAndPushed() async throws {
    try await CheckoutBench.with { bench async throws in
      let script = GitHTTPServer.File(Array("#!/bin/sh\n".utf8), .executable)
      try await bench.git.commit(
        entries: ["run.sh": script, "gone/x": .init([1])], to: "change",
        in: CheckoutBench.repository)
      try await bench.open { workspace async throws in
        let commit = try await workspace.commit(
          [
            "a.py": Array("new\n".utf8), "run.sh": Array("#!/bin/sh\necho\n".utf8),
            "src/new/c.py": Array("c\n".utf8), "gone/x": nil, "not there": nil,
          ], message: "Mend the sum\n\nIt was wrong.", author: CheckoutBench.author)
        #expect(try await bench.tip() == workspace.head, "nothing is pushed yet")
        try await workspace.push(commit, expecting: workspace.head)
        #expect(try await bench.tip() == commit)
        // A second time is no harm: the branch stands there.
        let again = await workspace.pushRefusal(commit, expecting: workspace.head)
        #expect(again == nil)
      }
      let told = try await bench.git.git(
        "show", "-s", "--format=%an|%ae|%cn|%P|%B", "change", in: CheckoutBench.repository)
      #expect(told.hasPrefix("Stet|stet@example.org|Stet|"))
      #expect(told.hasSuffix("|Mend the sum\n\nIt was wrong."))
      let listed = try await bench.git.git(
        "ls-tree", "-r", "--format=%(objectmode) %(path)", "change", in: CheckoutBench.repository)
      #expect(
        listed == "100644 a.py\n100755 run.sh\n100644 src/deep/b.py\n100644 src/new/c.py")
      #expect(try await bench.file("run.sh") == "#!/bin/sh\necho\n")
      try await bench.git.git("fsck", "--strict", in: CheckoutBench.repository)
    }
  }

  @Test func aHeadThatMovedIsNotOverwritten() async throws {
    try await CheckoutBench.with { bench async throws in
      try await bench.open { workspace async throws in
        let commit = try await workspace.commit("a.py", "mine\n")
        let theirs = try await bench.commit(["a.py": "theirs\n"])
        let error = await workspace.pushRefusal(commit, expecting: workspace.head)
        #expect(error?.code == .moved, "\(String(describing: error))")
        #expect(try await workspace.fetch() == theirs)
        // Knowing where it stands is no leave to throw their commit away.
        let forced = await workspace.pushRefusal(commit, expecting: theirs)
        #expect(forced?.code == .moved)
        #expect(try await bench.tip() == theirs)
      }
    }
  }

  @Test func aForcePushIsSeen() async throws {
    try await CheckoutBench.with { bench async throws in
      let first = try #require(try await bench.tip())
      try await bench.commit(["a.py": "second\n"])
      try await bench.open { workspace async throws in
        let commit = try await workspace.commit("a.py", "mine\n")
        let amended = try await bench.commit(["a.py": "amended\n"], onTopOf: first)
        let error = await workspace.pushRefusal(commit, expecting: workspace.head)
        #expect(error?.code == .moved)
        #expect(try await workspace.fetch() == amended)
        // Back to an older commit, which the pushed one contains: git alone would fast-forward.
        try await bench.git.set("change", to: first, in: CheckoutBench.repository)
        let back = await workspace.pushRefusal(commit, expecting: workspace.head)
        #expect(back?.code == .moved)
        #expect(try await bench.tip() == first)
      }
    }
  }

  @Test func aDeletedBranchIsNotMadeAnew() async throws {
    try await CheckoutBench.with { bench async throws in
      try await bench.open { workspace async throws in
        let commit = try await workspace.commit("a.py", "mine\n")
        try await bench.git.set("change", to: nil, in: CheckoutBench.repository)
        #expect(try await workspace.fetch() == nil)
        let error = await workspace.pushRefusal(commit, expecting: workspace.head)
        #expect(error?.code == .notFound, "\(String(describing: error))")
        #expect(try await bench.tip() == nil)
      }
    }
  }

  @Test func aReaderMayNotPush() async throws {
    try await CheckoutBench.with { bench async throws in
      let reader = "reader-\(UUID().uuidString)"
      bench.git.allow(reader, .read)
      for token in [reader, ""] {
        try await bench.open(bench.plan(token: token)) { workspace async throws in
          let commit = try await workspace.commit("a.py", "mine\n")
          let error = await workspace.pushRefusal(commit, expecting: workspace.head)
          #expect(error?.code == .unauthorized, "\(String(describing: error))")
          #expect(try await bench.tip() == workspace.head)
        }
      }
    }
  }

  @Test func aProtectedBranchRefuses() async throws {
    try await CheckoutBench.with { bench async throws in
      try bench.git.protect("change", in: CheckoutBench.repository)
      try await bench.open { workspace async throws in
        let commit = try await workspace.commit("a.py", "mine\n")
        let error = await workspace.pushRefusal(commit, expecting: workspace.head)
        #expect(error?.code == .rejected, "\(String(describing: error))")
        #expect(error?.detail.contains("GH006") == true, "the rule is named")
      }
    }
  }

  @Test(arguments: [
    (GitHTTPServer.Fault.status(503), WorkspaceError.Code.unreachable),
    (.status(403), .unauthorized), (.cut(after: 3), .unreachable),
  ]) func aFailedPushIsSaid(
    _ fault: GitHTTPServer.Fault, _ code: WorkspaceError.Code
  ) async throws {
    try await CheckoutBench.with { bench async throws in
      try await bench.open { workspace async throws in
        let commit = try await workspace.commit("a.py", "mine\n")
        bench.git.inject(fault, on: "service=git-receive-pack", times: 9)
        let error = await workspace.pushRefusal(commit, expecting: workspace.head)
        #expect(error?.code == code, "\(String(describing: error))")
        #expect(try await bench.tip() == workspace.head)
      }
    }
  }

  /// The server has taken it, and the answer is lost: that is a push.
  @Test func anAnswerThatIsLostIsFoundOut() async throws {
    try await CheckoutBench.with { bench async throws in
      try await bench.open { workspace async throws in
        let commit = try await workspace.commit("a.py", "mine\n")
        bench.git.inject(.silence, on: "/git-receive-pack", times: 1)
        try await workspace.push(commit, expecting: workspace.head)
        #expect(try await bench.tip() == commit)
      }
    }
  }

  @Test func aLargeCommitIsPushed() async throws {
    try await CheckoutBench.with { bench async throws in
      // Over what git sends in one piece, so that it comes in chunks.
      let bytes = noise(3 << 20)
      try await bench.open { workspace async throws in
        let commit = try await workspace.commit(
          ["big.bin": bytes], message: "Add", author: CheckoutBench.author)
        try await workspace.push(commit, expecting: workspace.head)
      }
      let files = try await bench.git.files(at: "change", in: CheckoutBench.repository)
      #expect(files["big.bin"] == bytes)
    }
  }

  struct Bad: Sendable, CustomTestStringConvertible {
    var name: String
    var changes: [SourcePath: [UInt8]?]
    var message = "Mend"
    var author = CheckoutBench.author
    var testDescription: String { name }
  }

  @Test(arguments: [
    Bad(name: "nothing", changes: [:]),
    Bad(name: "the same", changes: ["a.py": Array("one\ntwo\nthree\n".utf8)]),
    Bad(name: "not there", changes: ["nope": nil]),
    Bad(name: "outside", changes: ["../x": [1]]),
    Bad(name: "absolute", changes: ["/etc/passwd": [1]]),
    Bad(name: ".git", changes: [".git/hooks/post-checkout": [1]]),
    Bad(name: ".GIT", changes: ["src/.GIT/config": [1]]),
    Bad(name: "git~1", changes: ["git~1/config": [1]]),
    Bad(name: ".git with a dot", changes: [".git./config": [1]]),
    Bad(name: ".git stream", changes: [".git::$INDEX_ALLOCATION/config": [1]]),
    Bad(name: ".git unseen", changes: ["\u{200D}.g\u{200C}it/config": [1]]),
    Bad(name: "backslash", changes: ["a\\..\\b": [1]]),
    Bad(name: "a folder", changes: ["src": [1]]),
    Bad(name: "below a file", changes: ["a.py/b": [1]]),
    Bad(name: "other case", changes: ["A.py": [1]]),
    Bad(name: "folder of other case", changes: ["SRC/x": [1]]),
    Bad(name: "no message", changes: ["b": [1]], message: " \n"),
    Bad(
      name: "author", changes: ["b": [1]],
      author: CommitAuthor(name: "A\nparent 0", email: "a@example.org")),
    Bad(name: "no author", changes: ["b": [1]], author: CommitAuthor(name: "", email: "")),
    Bad(
      name: "address", changes: ["b": [1]], author: CommitAuthor(name: "A", email: "a> 0 <b")),
  ]) func aBadCommitIsRefused(_ bad: Bad) async throws {
    try await CheckoutBench.with { bench async throws in
      try await bench.open { workspace async throws in
        let error = await #expect(throws: WorkspaceError.self) {
          try await workspace.commit(bad.changes, message: bad.message, author: bad.author)
        }
        #expect(error?.code == .failed)
        #expect(error?.detail.contains("the commit was not made") == true)
      }
    }
  }

  /// The file itself lies elsewhere; a text in its place would hide it.
  @Test func aPointerOfLFSIsNotReplacedByAFile() async throws {
    func pointer(_ digits: String) -> String {
      "version https://git-lfs.github.com/spec/v1\noid sha256:"
        + String(repeating: digits, count: 32) + "\nsize 12345\n"
    }
    try await CheckoutBench.with(["models/a.bin": pointer("4d"), "a.py": "one\n"]) {
      bench async throws in
      for only in [nil, ["a.py"]] as [[SourcePath]?] {
        try await bench.open(bench.plan(only: only)) { workspace async throws in
          let error = await #expect(throws: WorkspaceError.self) {
            try await workspace.commit("models/a.bin", "text\n")
          }
          #expect(error?.code == .failed)
          #expect(error?.detail.contains("models/a.bin is kept by Git LFS") == true)
          _ = try await workspace.commit("models/a.bin", pointer("5e"))
          _ = try await workspace.commit("models/a.bin", nil)
        }
      }
    }
  }

  @Test func aCommitOfAnotherMakerIsNotPushed() async throws {
    try await CheckoutBench.with { bench async throws in
      let other = try await bench.commit(["z": "z"], to: "other")
      try await bench.open { workspace async throws in
        let error = await workspace.pushRefusal(other, expecting: workspace.head)
        #expect(error?.code == .failed)
        let option = await workspace.pushRefusal("--mirror", expecting: workspace.head)
        #expect(option?.code == .failed)
      }
    }
  }
}
