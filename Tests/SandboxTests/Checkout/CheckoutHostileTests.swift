import Domain
import Foundation
import Sandbox
import TestKit
import Testing

/// Repositories that mean harm to whoever checks them out.
@Suite struct CheckoutHostileTests {
  /// Looks at the copy that a command would get, in the place of the command.
  static func copy(
    of bench: CheckoutBench, _ changes: [SourcePath: [UInt8]?] = [:],
    _ look: @escaping @Sendable (_ folder: String) throws -> Void
  ) async throws -> SandboxResult {
    let checkouts = bench.checkouts { _, folder async throws(SandboxError) in
      do { try look(folder) } catch {
        throw SandboxError(code: .lost, detail: "\(error)")
      }
      return SandboxResult(
        end: .exited(0), seconds: 0, processorSeconds: 0, peakMemory: 0, backend: "look")
    }
    let workspace = try await checkouts.open(bench.plan())
    do {
      let result = try await workspace.run(
        ["true"], with: changes, image: .python, limits: SandboxLimits())
      await workspace.close()
      return result
    } catch {
      await workspace.close()
      throw error
    }
  }

  @Test func linksSubmodulesAndLFSPointersAreNoFiles() async throws {
    try await CheckoutBench.with { bench async throws in
      let pointer = """
        version https://git-lfs.github.com/spec/v1
        oid sha256:\(String(repeating: "4d", count: 32))
        size 12345

        """
      let module = "[submodule \"m\"]\n\tpath = m\n\turl = ext::sh -c touch% caught\n"
      try await bench.git.commit(
        entries: [
          "in": .init(Array("src/deep".utf8), .link),
          "passwd": .init(Array("/etc/passwd".utf8), .link),
          "up": .init(Array("src/../../x".utf8), .link),
          "src/up": .init(Array("../a.py".utf8), .link),
          "m": .init(Array(String(repeating: "1", count: 40).utf8), .submodule),
          ".gitmodules": .init(Array(module.utf8)), "big.bin": .init(Array(pointer.utf8)),
        ], to: "change", in: CheckoutBench.repository)
      try await bench.open { workspace async throws in
        for path in ["in", "passwd", "up", "m", "big.bin", "in/b.py"] as [SourcePath] {
          let bytes = try await workspace.file(path)
          #expect(bytes == nil, "\(path)")
        }
        for path in ["in", "m", "m/x", "passwd"] as [SourcePath] {
          await #expect(throws: WorkspaceError.self) { try await workspace.commit(path, "x") }
        }
        // The rest of such a commit is kept as it is.
        let commit = try await workspace.commit("a.py", "new\n")
        try await workspace.push(commit, expecting: workspace.head)
      }
      let listed = try await bench.git.git(
        "ls-tree", "--format=%(objectmode) %(path)", "change", in: CheckoutBench.repository)
      #expect(
        listed == """
          100644 .gitmodules
          100644 a.py
          100644 big.bin
          120000 in
          160000 m
          120000 passwd
          040000 src
          120000 up
          """)
      let result = try await Self.copy(of: bench) { folder in
        let manager = FileManager.default
        #expect((try? manager.destinationOfSymbolicLink(atPath: folder + "/in")) == "src/deep")
        #expect((try? manager.destinationOfSymbolicLink(atPath: folder + "/src/up")) == "../a.py")
        for gone in ["passwd", "up", "m", ".git"] {
          #expect((try? manager.attributesOfItem(atPath: folder + "/" + gone)) == nil, "\(gone)")
        }
        #expect(manager.fileExists(atPath: folder + "/src/deep/b.py"))
      }
      #expect(Set(result.leftOut.keys) == ["passwd", "up", "m"])
    }
  }

  /// Attributes, hooks and settings that git would ask in a working tree.
  @Test func nothingThatTheRepositoryNamesRuns() async throws {
    try await CheckoutBench.with { bench async throws in
      let caught = bench.folder + "-caught"
      let canary = bench.folder + "-canary"
      defer { for path in [caught, canary] { try? FileManager.default.removeItem(atPath: path) } }
      try Data("#!/bin/sh\ntouch '\(caught)'\ncat\n".utf8).write(
        to: URL(fileURLWithPath: canary))
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: canary)
      let attributes =
        "* filter=evil diff=evil merge=evil text eol=crlf ident working-tree-encoding=UTF-16 export-subst\n"
      try await bench.commit([
        ".gitattributes": attributes, "a.py": "$Id$\r\none\n", ".lfsconfig": "[lfs]\nurl = x\n",
        "hooks/post-checkout": "#!/bin/sh\ntouch \(caught)\n", "config": "[core]\nfsmonitor = x\n",
      ])
      // The user's own settings and the environment name programs too.
      let settings = bench.folder + "-settings"
      defer { try? FileManager.default.removeItem(atPath: settings) }
      let evil = ["clean", "smudge", "process"].map { "[filter \"evil\"]\n\($0) = \(canary)\n" }
        .joined()
      try Data(
        (evil + "[core]\nfsmonitor = \(canary)\nhooksPath = \(settings)\nsshCommand = \(canary)\n"
          + "[credential]\nhelper = !\(canary)\n[merge \"evil\"]\ndriver = \(canary)\n"
          + "[url \"\(canary)\"]\ninsteadOf = http\n").utf8
      ).write(to: URL(fileURLWithPath: settings))
      var checkouts = bench.checkouts()
      for (name, value) in [
        ("GIT_CONFIG_GLOBAL", settings), ("GIT_CONFIG_SYSTEM", settings), ("HOME", settings),
        ("GIT_SSH_COMMAND", canary), ("GIT_ASKPASS", canary), ("GIT_EXTERNAL_DIFF", canary),
        ("GIT_PROXY_COMMAND", canary), ("GIT_EXEC_PATH", settings), ("GIT_DIR", settings),
        ("GIT_TRACE", caught), ("GIT_TRACE_CURL", caught), ("GIT_TEMPLATE_DIR", settings),
      ] { checkouts.environment[name] = value }
      try await bench.open(from: checkouts) { workspace async throws in
        let text = try #require(try await workspace.text("a.py"))
        // As it was committed: no line end, keyword or encoding was changed.
        #expect(text == "$Id$\r\none\n")
        let commit = try await workspace.commit("a.py", text + "two\r\n")
        try await workspace.push(commit, expecting: workspace.head)
      }
      #expect(try await bench.file("a.py") == "$Id$\r\none\ntwo\r\n")
      #expect(!FileManager.default.fileExists(atPath: caught))
    }
  }

  /// Hooks of a local repository are programs of it too.
  @Test func aLocalRepositorysHooksDoNotRun() async throws {
    try await CheckoutBench.with { bench async throws in
      let path = bench.git.path(of: CheckoutBench.repository)
      let caught = bench.folder + "-caught"
      defer { try? FileManager.default.removeItem(atPath: caught) }
      try FileManager.default.createDirectory(
        atPath: path + "/hooks", withIntermediateDirectories: true)
      for name in ["pre-receive", "update", "post-receive", "post-update", "reference-transaction"]
      {
        let hook = path + "/hooks/" + name
        try Data("#!/bin/sh\ntouch '\(caught)'\n".utf8).write(to: URL(fileURLWithPath: hook))
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: hook)
      }
      var plan = bench.plan()
      plan.remote = path
      try await bench.open(plan) { workspace async throws in
        let commit = try await workspace.commit("a.py", "new\n")
        try await workspace.push(commit, expecting: workspace.head)
        #expect(try await bench.tip() == commit)
      }
      #expect(!FileManager.default.fileExists(atPath: caught))
      // Over HTTP they are the server's own, and run: the canary lives.
      try await bench.open { workspace async throws in
        let commit = try await workspace.commit("a.py", "newer\n")
        try await workspace.push(commit, expecting: workspace.head)
      }
      #expect(FileManager.default.fileExists(atPath: caught))
    }
  }

  /// Trees that git itself would not make.
  @Test func namesThatLeadElsewhereAreLeftOut() async throws {
    try await CheckoutBench.with { bench async throws in
      let repository = CheckoutBench.repository
      let blob = try await bench.git.git(
        "hash-object", "-w", "--stdin", in: repository, input: Array("evil\n".utf8))
      func tree(_ lines: [String]) async throws -> String {
        try await bench.git.git(
          "mktree", "-z", in: repository,
          input: lines.flatMap { Array($0.utf8) + [0] })
      }
      let inner = try await tree(["100755 blob \(blob)\tpost-checkout"])
      let hooks = try await tree(["040000 tree \(inner)\thooks"])
      let out = try await bench.git.git(
        "hash-object", "-w", "--stdin", in: repository, input: Array("/etc".utf8))
      let top = try await tree([
        "040000 tree \(hooks)\t.git", "040000 tree \(hooks)\t.GIT", "040000 tree \(hooks)\tgit~1",
        "040000 tree \(hooks)\t..", "100644 blob \(blob)\t.", "100644 blob \(blob)\tok.txt",
        "120000 blob \(out)\tlink", "040000 tree \(hooks)\tlink",
        "100644 blob \(blob)\ta\u{1B}[31mb", "100644 blob \(blob)\tREADME",
        "100644 blob \(blob)\treadme",
      ])
      let commit = try await bench.git.git(
        "commit-tree", top, "-m", "evil", in: repository)
      try await bench.git.set("change", to: commit, in: repository)
      let result = try await Self.copy(of: bench) { folder in
        let all = Set(try FileManager.default.subpathsOfDirectory(atPath: folder))
        let plain: Set<String> = ["README", "a\u{1B}[31mb", "link", "ok.txt", "readme"]
        let below: Set<String> = ["link/hooks", "link/hooks/post-checkout"]
        #expect(all.subtracting(below) == plain)
        let outside = (folder as NSString).deletingLastPathComponent
        #expect(!FileManager.default.fileExists(atPath: outside + "/hooks"))
      }
      for path in [
        ".git/hooks/post-checkout", ".GIT/hooks/post-checkout", "git~1/hooks/post-checkout",
        "../hooks/post-checkout", ".",
      ] {
        let reason = result.leftOut[path]
        #expect(reason != nil, "\(path)")
      }
      // Such a commit can be mended, and the other entries stay.
      try await bench.open { workspace async throws in
        let mended = try await workspace.commit("ok.txt", "fine\n")
        try await workspace.push(mended, expecting: commit)
        let error = await #expect(throws: WorkspaceError.self) {
          try await workspace.commit("Readme", "x")
        }
        #expect(error?.code == .failed)
      }
      #expect(try await bench.file("ok.txt") == "fine\n")
    }
  }

  @Test func aPackThatIsNoneIsRefused() async throws {
    try await CheckoutBench.with { bench async throws in
      bench.git.inject(.html, on: "/git-upload-pack", times: 9)
      let error = await bench.refusal(bench.plan())
      #expect(error?.code == .unreachable, "\(String(describing: error))")
    }
  }

  // MARK: the token

  /// Looks at every process of this machine and every file of the checkout while git is at work.
  @Test func theTokenStandsInNoFileAndNoCommandLine() async throws {
    try await CheckoutBench.with { bench async throws in
      let secrets = [
        bench.token, Data("x-access-token:\(bench.token)".utf8).base64EncodedString(),
      ]
      bench.git.inject(.slow(pieces: 4, pause: .milliseconds(150)), on: "upload-pack", times: 9)
      bench.git.inject(.slow(pieces: 2, pause: .milliseconds(200)), on: "receive-pack", times: 9)
      let watch = Task { () -> (looks: Int, found: [String]) in
        var looks = 0
        var found: Set<String> = []
        while !Task.isCancelled {
          for line in Self.commandLines() {
            if line.contains("git") && line.contains("fetch") || line.contains("remote-http") {
              looks += 1
            }
            if secrets.contains(where: { line.contains($0) }) { found.insert(line) }
          }
          for file in bench.left {
            guard let data = FileManager.default.contents(atPath: bench.folder + "/" + file) else {
              continue
            }
            let text = String(decoding: data, as: UTF8.self)
            if secrets.contains(where: { text.contains($0) }) { found.insert(file) }
          }
          try? await Task.sleep(for: .milliseconds(20))
        }
        return (looks, Array(found))
      }
      try await bench.open { workspace async throws in
        let commit = try await workspace.commit("a.py", "new\n")
        try await workspace.push(commit, expecting: workspace.head)
      }
      watch.cancel()
      let (looks, found) = await watch.value
      #expect(found == [])
      #expect(looks > 3, "git was seen at work")
      #expect(bench.git.requests.contains { $0.authorization == "Basic" })
      #expect(bench.server.requests.allSatisfy { !$0.path.contains(bench.token) })
    }
  }

  private static func commandLines() -> [String] {
    let manager = FileManager.default
    let processes = (try? manager.contentsOfDirectory(atPath: "/proc")) ?? []
    return processes.filter { Int($0) != nil }.compactMap { process in
      manager.contents(atPath: "/proc/\(process)/cmdline").map {
        String(decoding: $0, as: UTF8.self)
      }
    }
  }

  @Test func aTokenThatCouldBreakOutOfAHeaderIsRefused() async throws {
    try await CheckoutBench.with { bench async throws in
      for token in ["a\r\nX-Evil: 1", "a b", "a\u{0}b", "ä"] {
        let error = await bench.refusal(bench.plan(token: token))
        #expect(error?.code == .unauthorized)
      }
      #expect(bench.git.requests.isEmpty)
    }
  }
}
