import Domain
import Foundation
import Logging
import Sandbox
import TestKit
import Testing

/// Commands of a repository in the real sandbox, on a copy.
@Suite struct CheckoutRunTests {
  static let tests = """
    import os, sys, unittest
    sys.path.insert(0, ".")
    from shop import total

    class Total(unittest.TestCase):
        def test_total(self):
            self.assertEqual(total([1, 2]), 3)

    """

  /// Opens a checkout whose commands run in the sandbox of this machine.
  static func with(
    _ files: [String: String], limits: CheckoutLimits = CheckoutLimits(),
    _ body: (CheckoutBench, GitWorkspace) async throws -> Void
  ) async throws {
    try await CheckoutBench.with(files) { bench async throws in
      let environment = ProcessInfo.processInfo.environment
      let sandbox = IsolatedSandbox(
        images: ImageStore(folder: bench.folder + "-images"), environment: environment,
        logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
      let checkouts = bench.checkouts(limits: limits) { task, folder async throws(SandboxError) in
        try await sandbox.run(task, in: folder)
      }
      do {
        try await bench.open(from: checkouts) { workspace async throws in
          try await body(bench, workspace)
          // Only the store is left of the runs.
          #expect(bench.left.allSatisfy { !$0.contains("/run-") })
        }
      } catch {
        await sandbox.shutDown()
        throw error
      }
      await sandbox.shutDown()
    }
  }

  private static func python(
    _ source: String, in workspace: GitWorkspace, with changes: [SourcePath: [UInt8]?] = [:],
    limits: SandboxLimits = SandboxLimits()
  ) async throws -> SandboxResult {
    try await workspace.run(
      ["python3", "-c", source], with: changes, image: .python, limits: limits)
  }

  @Test func theRepositorysTestsRunOnTheHeadAndOnTheChange() async throws {
    let broken = "def total(prices):\n    return sum(prices) + 1\n"
    try await Self.with(["shop.py": broken, "tests/test_shop.py": Self.tests]) { _, workspace in
      let command = ["python3", "-m", "unittest", "discover", "-s", "tests"]
      let before = try await workspace.run(
        command, with: [:], image: .python, limits: SandboxLimits())
      #expect(before.end == .exited(1), "\(before.outputText)\(before.errorText)")
      #expect(before.errorText.contains("AssertionError: 4 != 3"))
      let mended = Array("def total(prices):\n    return sum(prices)\n".utf8)
      let after = try await workspace.run(
        command, with: ["shop.py": mended], image: .python, limits: SandboxLimits())
      #expect(after.succeeded, "\(after.outputText)\(after.errorText)")
      // The change was for that run alone.
      #expect(try await workspace.text("shop.py") == broken)
    }
  }

  @Test func theCopyIsTheCommitAndNothingElse() async throws {
    try await Self.with(["a.py": "a\n", "src/b.py": "b\n"]) { bench, workspace in
      let result = try await Self.python(
        """
        import os
        for folder, folders, names in sorted(os.walk(".")):
            for name in sorted(names):
                path = os.path.join(folder, name)
                print(path, oct(os.stat(path).st_mode & 0o777), os.stat(path).st_uid)
        print(os.getcwd(), os.getuid())
        """, in: workspace, with: ["src/b.py": nil, "new/c.py": Array("c\n".utf8)])
      let lines = result.outputText.split(separator: "\n").map(String.init)
      let user = lines.last?.split(separator: " ").last.map(String.init) ?? "?"
      #expect(
        lines == [
          "./a.py 0o644 \(user)", "./new/c.py 0o644 \(user)", "/work \(user)",
        ], "\(result.outputText)\(result.errorText)")
      #expect(user != "0")
      _ = bench
    }
  }

  @Test func whatARunWritesIsGoneForTheNext() async throws {
    try await Self.with(["a.py": "a\n"]) { _, workspace in
      let write = try await Self.python(
        """
        import os
        open("a.py", "w").write("evil"); open("left", "w").write("x"); os.mkdir("d")
        os.symlink("/etc/passwd", "link"); os.mkdir("closed"); open("closed/x", "w").write("x")
        os.chmod("closed", 0); print("done")
        """, in: workspace)
      #expect(write.outputText == "done\n", "\(write.errorText)")
      let look = try await Self.python(
        "import os; print(sorted(os.listdir('.')), open('a.py').read())", in: workspace)
      #expect(look.outputText == "['a.py'] a\n\n")
      #expect(try await workspace.text("a.py") == "a\n")
    }
  }

  /// Neither the store with its remote nor the token is within reach, and there is no network.
  @Test func theStoreAndTheTokenAreOutOfReach() async throws {
    try await Self.with(["a.py": "a\n"]) { bench, workspace in
      let result = try await Self.python(
        """
        import os, socket
        print([name for name in os.listdir("/") if name not in ("bin", "dev", "etc", "lib", "lib32",
            "lib64", "libx32", "sbin", "proc", "tmp", "usr", "work", "image", "sys", "run", "groups")])
        print(os.path.exists(\(String(reflecting: bench.folder))))
        print(any("TOKEN" in key or "GIT" in key for key in os.environ))
        seen = b""
        for process in os.listdir("/proc"):
            if process.isdigit():
                try:
                    seen += open(f"/proc/{process}/environ", "rb").read()
                except OSError:
                    pass
        print(b"Authorization" in seen)
        try:
            socket.create_connection(("127.0.0.1", \(bench.server.port)), 2)
            print("connected")
        except OSError as error:
            print("no network")
        """, in: workspace)
      #expect(
        result.outputText == "[]\nFalse\nFalse\nFalse\nno network\n",
        "\(result.outputText)\(result.errorText)")
    }
  }

  @Test func aRunThatNeverEndsIsEndedAndLeavesNothing() async throws {
    try await Self.with(["a.py": "a\n"]) { _, workspace in
      var limits = SandboxLimits()
      limits.time = .seconds(2)
      let result = try await Self.python(
        "import time\nopen('x', 'w').write('x')\nwhile True: time.sleep(1)", in: workspace,
        limits: limits)
      #expect(result.end == .timedOut)
    }
  }

  @Test func aRunThatIsCancelledLeavesNothing() async throws {
    try await Self.with(["a.py": "a\n"]) { bench, workspace in
      let running = Task {
        try await Self.python(
          "import time\nopen('x', 'w').write('x')\nwhile True: time.sleep(1)", in: workspace)
      }
      let end = ContinuousClock.now + .seconds(20)
      while !bench.left.contains(where: { $0.hasSuffix("/run-1/x") }), ContinuousClock.now < end {
        try await Task.sleep(for: .milliseconds(20))
      }
      #expect(bench.left.contains { $0.hasSuffix("/run-1/x") })
      running.cancel()
      let error = await #expect(throws: WorkspaceError.self) { try await running.value }
      #expect(error?.code == .cancelled, "\(String(describing: error))")
    }
  }

  /// Each file is small, all together are not.
  @Test func aRunThatFillsTheDiskIsEnded() async throws {
    var limits = CheckoutLimits()
    limits.growth = .mebibytes(24)
    try await Self.with(["a.py": "a\n"], limits: limits) { _, workspace in
      let error = await #expect(throws: WorkspaceError.self) {
        _ = try await Self.python(
          """
          import time
          for number in range(400):
              open(f"f{number}", "wb").write(b"x" * (1 << 20))
              time.sleep(0.05)
          print("done")
          """, in: workspace, limits: SandboxLimits(time: .seconds(40)))
      }
      #expect(error?.code == .tooLarge, "\(String(describing: error))")
    }
  }

  /// Such files are in no folder that could be measured.
  @Test func aRunThatFillsTheDiskWithRemovedFilesIsEnded() async throws {
    var limits = CheckoutLimits()
    limits.growth = .mebibytes(24)
    try await Self.with(["a.py": "a\n"], limits: limits) { _, workspace in
      let error = await #expect(throws: WorkspaceError.self) {
        _ = try await Self.python(
          """
          import os, time
          held = []
          for number in range(200):
              held.append(open(f"f{number}", "wb", buffering=0))
              os.unlink(f"f{number}")
              held[-1].write(b"x" * (2 << 20))
              time.sleep(0.05)
          time.sleep(20)
          """, in: workspace, limits: SandboxLimits(time: .seconds(40), descriptors: 256))
      }
      #expect(error?.code == .tooLarge, "\(String(describing: error))")
      #expect(error?.detail.contains("beside what its files show") == true)
    }
  }

  /// Not even its owner sees into such a folder, unless that is root.
  @Test(.enabled(if: getuid() != 0, "root sees into every folder"))
  func aRunThatClosesAFolderToBeMeasuredIsEnded() async throws {
    try await Self.with(["a.py": "a\n"]) { _, workspace in
      let error = await #expect(throws: WorkspaceError.self) {
        _ = try await Self.python(
          """
          import os, time
          os.makedirs("a/b")
          os.chdir("a/b")
          os.chmod("..", 0)
          open("hidden", "wb").write(b"x" * (2 << 20))
          time.sleep(30)
          """, in: workspace, limits: SandboxLimits(time: .seconds(40)))
      }
      #expect(error?.code == .tooLarge, "\(String(describing: error))")
      #expect(error?.detail.contains("keeps a folder closed") == true)
    }
  }

  /// Empty files take no blocks, only what the file system has for files at all.
  @Test func aRunThatMakesTooManyFilesIsEnded() async throws {
    var limits = CheckoutLimits()
    limits.growthFiles = 500
    try await Self.with(["a.py": "a\n"], limits: limits) { _, workspace in
      let error = await #expect(throws: WorkspaceError.self) {
        _ = try await Self.python(
          """
          import time
          for number in range(2000):
              open(f"f{number}", "w").close()
              if number % 100 == 0: time.sleep(0.5)
          time.sleep(20)
          """, in: workspace, limits: SandboxLimits(time: .seconds(40)))
      }
      #expect(error?.code == .tooLarge, "\(String(describing: error))")
    }
  }

  @Test func withoutASandboxNothingRuns() async throws {
    try await CheckoutBench.with { bench async throws in
      try await bench.open { workspace async throws in
        let error = await #expect(throws: WorkspaceError.self) {
          try await workspace.run(
            ["true"], with: [:], image: .python, limits: SandboxLimits())
        }
        #expect(error?.code == .sandbox)
      }
    }
  }
}
