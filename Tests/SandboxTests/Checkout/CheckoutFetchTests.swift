import Domain
import Foundation
import Sandbox
import TestKit
import Testing

/// What reaches this machine of a repository, and how much of it.
@Suite struct CheckoutFetchTests {
  @Test func filesOfTheCommitAreRead() async throws {
    try await CheckoutBench.with { bench async throws in
      try await bench.open { workspace async throws in
        #expect(try await bench.tip() == workspace.head)
        #expect(try await workspace.text("a.py") == "one\ntwo\nthree\n")
        #expect(try await workspace.text("src/deep/b.py") == "b = 1\n")
        for path in ["nope.py", "src", "src/deep", "", "/a.py", "../a.py", "src/../a.py", "a.py/"] {
          #expect(try await workspace.file(SourcePath(path)) == nil, "\(path)")
        }
      }
    }
  }

  @Test func aNamedCommitIsCheckedOutThoughTheBranchHasGoneOn() async throws {
    try await CheckoutBench.with { bench async throws in
      let first = try #require(try await bench.tip())
      try await bench.commit(["a.py": "later\n"])
      try await bench.open(bench.plan(commit: first)) { workspace async throws in
        #expect(workspace.head == first)
        #expect(try await workspace.text("a.py") == "one\ntwo\nthree\n")
      }
    }
  }

  /// A history of 12 MB behind a commit of some bytes.
  @Test func theHistoryIsNotFetched() async throws {
    try await CheckoutBench.with { bench async throws in
      for round in 0..<6 {
        try await bench.git.commit(
          ["big.bin": noise(2 << 20), "n.txt": Array("\(round)".utf8)], to: "change",
          in: CheckoutBench.repository)
      }
      try await bench.commit(["big.bin": nil])
      bench.git.clearRequests()
      try await bench.open { workspace async throws in
        #expect(try await workspace.text("n.txt") == "5")
      }
      #expect(bench.git.bytesSent < 20_000, "\(bench.git.bytesSent) bytes")
      #expect(bench.git.bytesSent > 200)
    }
  }

  @Test func onlyTheNamedPathsAreFetched() async throws {
    try await CheckoutBench.with { bench async throws in
      try await bench.git.commit(
        ["assets/big.bin": noise(4 << 20), "src/deep/c.py": Array("c\n".utf8)], to: "change",
        in: CheckoutBench.repository)
      bench.git.clearRequests()
      try await bench.open(bench.plan(only: ["src", "a.py"])) { workspace async throws in
        #expect(try await workspace.text("src/deep/c.py") == "c\n")
        #expect(try await workspace.text("a.py") == "one\ntwo\nthree\n")
        #expect(bench.git.bytesSent < 20_000, "\(bench.git.bytesSent) bytes")
        // What was not named comes when it is asked for.
        #expect(try await workspace.file("assets/big.bin")?.count == 4 << 20)
        #expect(bench.git.bytesSent > 4 << 20)
      }
    }
  }

  @Test func aFileOverTheLimitIsNotFetched() async throws {
    try await CheckoutBench.with { bench async throws in
      try await bench.git.commit(
        ["big.bin": noise(4 << 20)], to: "change", in: CheckoutBench.repository)
      bench.git.clearRequests()
      var limits = CheckoutLimits()
      limits.file = .mebibytes(1)
      try await bench.open(limits: limits) { workspace async throws in
        #expect(bench.git.bytesSent < 20_000, "\(bench.git.bytesSent) bytes")
        #expect(try await workspace.text("a.py") == "one\ntwo\nthree\n")
        let error = await #expect(throws: WorkspaceError.self) {
          try await workspace.file("big.bin")
        }
        #expect(error?.code == .tooLarge)
      }
    }
  }

  /// It sends all files, and the limits hold all the same.
  @Test(arguments: [false, true])
  func aServerWithoutFiltersWorks(_ namesPaths: Bool) async throws {
    try await CheckoutBench.with { bench async throws in
      bench.git.setOld(true)
      try await bench.open(bench.plan(only: namesPaths ? ["a.py"] : nil)) {
        workspace async throws in
        #expect(try await workspace.text("a.py") == "one\ntwo\nthree\n")
        let commit = try await workspace.commit("a.py", "new\n")
        try await workspace.push(commit, expecting: workspace.head)
      }
      #expect(try await bench.file("a.py") == "new\n")
    }
  }

  enum Excess: String, CaseIterable, Sendable { case download, tree, files, slow }

  @Test(arguments: Excess.allCases) func whatIsTooLargeIsRefused(_ excess: Excess) async throws {
    try await CheckoutBench.with { bench async throws in
      var limits = CheckoutLimits()
      switch excess {
      case .download:
        limits.download = .mebibytes(1)
        try await bench.git.commit(
          ["x.bin": noise(3 << 20)], to: "change", in: CheckoutBench.repository)
      case .tree:
        // A pack of some kilobytes.
        limits.tree = .mebibytes(8)
        try await bench.git.commit(
          ["zeros": [UInt8](repeating: 0, count: 9 << 20)], to: "change",
          in: CheckoutBench.repository)
      case .files:
        limits.files = 100
        try await bench.git.commit(
          Dictionary(uniqueKeysWithValues: (0..<101).map { ("f\($0)", Array("x".utf8)) }),
          to: "change", in: CheckoutBench.repository)
      case .slow:
        limits.time = .seconds(3)
        try await bench.git.commit(
          ["x.bin": noise(6 << 20)], to: "change", in: CheckoutBench.repository)
        // The first call lists the branches, the second brings the pack.
        bench.git.inject(.slow(pieces: 1, pause: .zero), on: "/git-upload-pack")
        bench.git.inject(.slow(pieces: 60, pause: .milliseconds(100)), on: "/git-upload-pack")
      }
      let begin = ContinuousClock.now
      let error = await bench.refusal(bench.plan(), limits: limits)
      #expect(error?.code == .tooLarge, "\(String(describing: error))")
      #expect(ContinuousClock.now - begin < .seconds(20))
      #expect(bench.left == [])
    }
  }

  @Test func aServerThatSaysNothingIsUnreachable() async throws {
    try await CheckoutBench.with { bench async throws in
      bench.git.inject(.hang, on: "info/refs", times: 9)
      var limits = CheckoutLimits()
      limits.time = .seconds(2)
      let error = await bench.refusal(bench.plan(), limits: limits)
      #expect(error?.code == .unreachable, "\(String(describing: error))")
      #expect(bench.left == [])
    }
  }

  struct Refused: Sendable, CustomTestStringConvertible {
    var name: String
    var code: WorkspaceError.Code
    var fault: GitHTTPServer.Fault?
    var match = ""
    var testDescription: String { name }
  }

  @Test(arguments: [
    Refused(name: "branch", code: .notFound), Refused(name: "repository", code: .notFound),
    Refused(name: "commit", code: .notFound), Refused(name: "token", code: .unauthorized),
    Refused(name: "short commit", code: .notFound), Refused(name: "branch name", code: .notFound),
    Refused(name: "403", code: .unauthorized, fault: .status(403)),
    Refused(name: "404", code: .notFound, fault: .status(404)),
    Refused(name: "429", code: .unreachable, fault: .status(429)),
    Refused(name: "500", code: .unreachable, fault: .status(500)),
    Refused(name: "503 at the pack", code: .unreachable, fault: .status(503), match: "POST"),
    Refused(name: "html", code: .notFound, fault: .html),
    Refused(name: "half", code: .unreachable, fault: .cut(after: 300), match: "pack"),
    Refused(name: "nothing", code: .unreachable, fault: .silence),
  ]) func whatCannotBeFetchedIsSaid(_ refused: Refused) async throws {
    try await CheckoutBench.with { bench async throws in
      var plan = bench.plan()
      switch refused.name {
      case "branch": plan.branch = "gone"
      case "repository": plan.remote = "\(bench.server.url)/octo-org/none.git"
      case "commit": plan.commit = String(repeating: "1", count: 40)
      case "short commit": plan.commit = "abc"
      case "branch name": plan.branch = "--upload-pack=touch /tmp/x"
      case "token": plan.token = "wrong"
      default: break
      }
      if let fault = refused.fault {
        bench.git.inject(
          fault, on: refused.match == "pack" || refused.match == "POST" ? "upload-pack" : "",
          times: 9)
      }
      let error = await bench.refusal(plan)
      #expect(error?.code == refused.code, "\(String(describing: error))")
      #expect(error?.detail.contains(bench.token) == false)
      #expect(bench.left == [])
    }
  }

  @Test func nobodyListens() async throws {
    try await CheckoutBench.with { bench async throws in
      await bench.server.stop()
      let error = await bench.refusal(bench.plan())
      #expect(error?.code == .unreachable, "\(String(describing: error))")
    }
  }

  @Test func aRedirectIsNotFollowed() async throws {
    try await CheckoutBench.with { bench async throws in
      try await CheckoutBench.with { other async throws in
        bench.git.inject(.redirect(to: other.server.url), times: 9)
        let error = await bench.refusal(bench.plan())
        #expect(error?.code == .notFound, "\(String(describing: error))")
        #expect(other.git.requests.isEmpty)
      }
    }
  }

  @Test func aLocalRepositoryIsOpenedAndPushedTo() async throws {
    try await CheckoutBench.with { bench async throws in
      var plan = bench.plan()
      plan.remote = bench.git.path(of: CheckoutBench.repository)
      plan.token = nil
      for only in [nil, ["a.py"]] as [[SourcePath]?] {
        plan.only = only
        try await bench.open(plan) { workspace async throws in
          let text = try #require(try await workspace.text("a.py"))
          let commit = try await workspace.commit("a.py", text + "four\n")
          try await workspace.push(commit, expecting: workspace.head)
          #expect(try await bench.tip() == commit)
        }
      }
      #expect(try await bench.file("a.py") == "one\ntwo\nthree\nfour\nfour\n")
      #expect(bench.server.requests.isEmpty)
    }
  }

  @Test func aRepositoryOfSHA256Works() async throws {
    try await CheckoutBench.with { bench async throws in
      let path = bench.folder + "-256"
      defer { try? FileManager.default.removeItem(atPath: path) }
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      try await bench.git.git(
        "init", "-q", "--bare", "-b", "main", "--object-format=sha256", path,
        in: CheckoutBench.repository)
      let tree = try await bench.git.git(
        "-C", path, "mktree", in: CheckoutBench.repository, input: [])
      let commit = try await bench.git.git(
        "-C", path, "commit-tree", tree, "-m", "first", in: CheckoutBench.repository)
      try await bench.git.git(
        "-C", path, "update-ref", "refs/heads/main", commit, in: CheckoutBench.repository)
      let plan = WorkspacePlan(remote: path, branch: "main", commit: commit)
      try await bench.open(plan) { workspace async throws in
        #expect(workspace.head.count == 64)
        let next = try await workspace.commit("a.py", "x\n")
        try await workspace.push(next, expecting: commit)
      }
    }
  }

  @Test(arguments: [
    "", "octo-org/orders", "relative/path.git", "file:///etc", "ssh://git@host/x.git",
    "git@host:x.git", "ext::sh -c touch% /tmp/x", "git://host/x.git", "http://example.org/o/r.git",
    "https://user:pass@example.org/o/r.git", "https://example.org", "https://example.org/../x.git",
    "https://example.org/o/r.git?x=1", "https://exa mple.org/o/r.git", "https:///o/r.git",
    "-oProxyCommand=x", "https://example.org/o/r.git\nurl", "http://127.0.0.1.example.org/o/r.git",
    "/tmp/../etc", "https://example.org\\@other.org/o/r.git", "http://127.0.0.1@example.org/o/r",
  ]) func anAddressThatIsNotPlainIsRefused(_ remote: String) async throws {
    try await CheckoutBench.with { bench async throws in
      var plan = bench.plan()
      plan.remote = remote
      let error = await bench.refusal(plan)
      #expect(error?.code == .failed)
      #expect(error?.detail.contains("address cannot be used") == true, "\(error?.detail ?? "")")
      #expect(bench.left == [])
    }
  }
}
