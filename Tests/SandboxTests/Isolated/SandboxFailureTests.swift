import Domain
import Foundation
import Logging
import Testing

@testable import Sandbox

/// What a broken sandbox, or none at all, comes to.
@Suite struct SandboxFailureTests {
  @Test func aNurseryKilledInMidRunLosesItAndTheNextStartsAnew() async throws {
    let sandbox = SandboxUnderTest.zygote.fresh()
    _ = try await sandbox.run(SandboxTask(.python("pass")))
    let killed = try #require(await sandbox.nurseryProcess(of: .python))
    let run = Task {
      try await sandbox.run(SandboxTask(.python("print('on')\nimport time; time.sleep(20)")))
    }
    try await Task.sleep(for: .milliseconds(300))
    for one in Processes.descendants(of: killed).union([killed]) { kill(one, SIGKILL) }
    let start = ContinuousClock.now
    let error = await #expect(throws: SandboxError.self) { try await run.value }
    #expect(error?.code == .lost)
    #expect(ContinuousClock.now - start < .seconds(4))
    #expect(try await sandbox.run(SandboxTask(.python("print(2)"))).outputText == "2\n")
    let next = try #require(await sandbox.nurseryProcess(of: .python))
    #expect(next != killed)
    await sandbox.shutDown()
  }

  @Test func aNurseryThatDiedUnusedIsReplacedWithoutLoss() async throws {
    let sandbox = SandboxUnderTest.zygote.fresh()
    for number in 0..<3 {
      _ = try await sandbox.run(SandboxTask(.python("pass")))
      let killed = try #require(await sandbox.nurseryProcess(of: .python))
      let all = Processes.descendants(of: killed).union([killed])
      for one in all { kill(one, SIGKILL) }
      #expect(await Processes.untilGone(all, within: .seconds(5)).isEmpty)
      let result = try await sandbox.run(SandboxTask(.python("print(\(number))")))
      #expect(result.outputText == "\(number)\n")
    }
    await sandbox.shutDown()
  }

  @Test(arguments: SandboxUnderTest.apart)
  func shuttingDownLeavesNoProcess(_ backend: SandboxUnderTest) async throws {
    let before = Processes.descendants(of: getpid())
    let sandbox = backend.fresh()
    let stubborn = """
      import os, signal, time
      for number in (1, 2, 15): signal.signal(number, signal.SIG_IGN)
      for _ in range(3):
          if os.fork() == 0: os.setsid()
      time.sleep(60)
      """
    let run = Task {
      try await sandbox.run(
        SandboxTask(.python(stubborn), limits: .limited { $0.time = .seconds(60) }))
    }
    let session = try await sandbox.session(SessionPlan())
    _ = try await session.run("x = 1", limit: .seconds(5)) { _ in }
    try await Task.sleep(for: .milliseconds(300))
    let started = Processes.descendants(of: getpid()).subtracting(before)
    #expect(started.count > 4)
    await sandbox.shutDown()
    #expect(await Processes.untilGone(started, within: .seconds(5)).isEmpty)
    let error = await #expect(throws: SandboxError.self) { try await run.value }
    #expect(error?.code == .lost)
    let after = await #expect(throws: SandboxError.self) {
      try await sandbox.run(SandboxTask(.python("pass")))
    }
    #expect(after?.code == .unavailable)
  }

  /// What hangs sees no end of a socket, and bubblewrap's own death is not its own.
  @Test(arguments: SandboxUnderTest.apart)
  func whatHasStoppedIsKilledAsWell(_ backend: SandboxUnderTest) async throws {
    let folder = FileManager.default.temporaryDirectory.path + "/stet-stopped-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let sandbox = backend.fresh()
    let task = SandboxTask(
      .python("open('begun', 'w').close(); import time; time.sleep(60)"),
      limits: .limited { $0.time = .seconds(60) })
    // A one-shot whose bubblewrap is known by the folder on its command line.
    let run = Task { try await sandbox.run(task, in: folder) }
    let deadline = ContinuousClock.now + .seconds(20)
    while !FileManager.default.fileExists(atPath: folder + "/begun"), .now < deadline {
      try await Task.sleep(for: .milliseconds(20))
    }
    var outer = Processes.parents().filter { $0.value == getpid() }.map(\.key).filter { process in
      let words = FileManager.default.contents(atPath: "/proc/\(process)/cmdline") ?? Data()
      return String(decoding: words, as: UTF8.self).contains(folder)
    }
    #expect(outer.count == 1)
    if backend == .zygote {
      _ = try await sandbox.run(SandboxTask(.python("pass")))
      outer.append(try #require(await sandbox.nurseryProcess(of: .python)))
    }
    var started: Set<Int32> = []
    for one in outer { started.formUnion(Processes.descendants(of: one)) }
    #expect(started.count > 1)
    for one in started { kill(one, SIGSTOP) }
    await sandbox.shutDown()
    let left = started.union(outer).intersection(Processes.parents().keys)
    #expect(left.isEmpty)
    for one in left { kill(one, SIGKILL) }
    _ = await run.result
  }

  @Test(arguments: SandboxUnderTest.apart)
  func aSandboxThatNobodyHoldsIsGone(_ backend: SandboxUnderTest) async throws {
    let before = Processes.descendants(of: getpid())
    var sandbox: IsolatedSandbox? = backend.fresh()
    _ = try await sandbox?.run(SandboxTask(.python("pass")))
    let started = Processes.descendants(of: getpid()).subtracting(before)
    sandbox = nil
    #expect(await Processes.untilGone(started, within: .seconds(5)).isEmpty)
  }

  @Test(arguments: [SandboxMode.automatic, .zygote, .bubblewrap])
  func withoutBubblewrapNothingIsRun(_ mode: SandboxMode) async throws {
    let sandbox = IsolatedSandbox(
      images: ImageStore(folder: "/nowhere"), environment: ["PATH": "/nowhere"], mode: mode,
      logger: Logger(label: "test"))
    let error = await #expect(throws: SandboxError.self) {
      try await sandbox.run(SandboxTask(.python("pass")))
    }
    #expect(error?.code == .unavailable)
    #expect(error?.detail.contains("apt install bubblewrap") == true)
    let report = await sandbox.report()
    #expect(report.backend == "none")
    #expect(report.problems.contains { $0.contains("apt install bubblewrap") })
    await sandbox.shutDown()
  }

  /// Bubblewrap 0.6 of Ubuntu 22.04 knows no `--size`.
  @Test func anOlderBubblewrapRunsOneShotsToo() async throws {
    let folder = FileManager.default.temporaryDirectory.path + "/stet-bwrap-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let program = """
      #!/bin/sh
      for word in "$@"; do
        if [ "$word" = --size ]; then echo "bwrap: Unknown option --size" >&2; exit 1; fi
      done
      PATH=/usr/bin:/bin:/usr/local/bin exec bwrap "$@"

      """
    try program.write(toFile: folder + "/bwrap", atomically: false, encoding: .utf8)
    chmod(folder + "/bwrap", 0o755)
    let sandbox = IsolatedSandbox(
      images: ImageStore(folder: "/nowhere"), environment: ["PATH": folder], mode: .bubblewrap,
      logger: Logger(label: "test"))
    for _ in 0..<2 {
      let result = try await sandbox.run(SandboxTask(.python("open('x', 'w'); print(1)")))
      #expect(result.outputText == "1\n")
    }
    await sandbox.shutDown()
  }

  /// What made it fail may pass: a machine that was too busy, or a setting that was changed.
  @Test func aWarmInterpreterThatFailedOnceIsTriedAgain() async throws {
    let folder = FileManager.default.temporaryDirectory.path + "/stet-bwrap-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let program = """
      #!/bin/sh
      for word in "$@"; do
        if [ "$word" = nursery ] && [ ! -e "\(folder)/mended" ]; then exit 1; fi
      done
      PATH=/usr/bin:/bin:/usr/local/bin exec bwrap "$@"

      """
    try program.write(toFile: folder + "/bwrap", atomically: false, encoding: .utf8)
    chmod(folder + "/bwrap", 0o755)
    let sandbox = IsolatedSandbox(
      images: ImageStore(folder: "/nowhere"), environment: ["PATH": folder],
      bounds: .init(retry: .milliseconds(50)), logger: Logger(label: "test"))
    for _ in 0..<3 {
      #expect(try await sandbox.run(SandboxTask(.python("pass"))).backend == "bubblewrap")
      try await Task.sleep(for: .milliseconds(100))
    }
    #expect(FileManager.default.createFile(atPath: folder + "/mended", contents: nil))
    let deadline = ContinuousClock.now + .seconds(30)
    var backend = ""
    while backend != "zygote", .now < deadline {
      backend = try await sandbox.run(SandboxTask(.python("pass"))).backend
      try await Task.sleep(for: .milliseconds(50))
    }
    #expect(backend == "zygote")
    await sandbox.shutDown()
  }

  /// Whoever runs programs bare may wait for them to end still.
  @Test func aBareProgramThatReadsWhateverWeHaveOpenHoldsNobodyUp() async throws {
    let greedy = """
      import os, threading
      with open(f"/proc/{os.getppid()}/stat") as file:
          ours = int(file.read().rsplit(")", 1)[1].split()[1])
      def take(path):
          try:
              with open(path, "rb", buffering=0) as file:
                  while file.read(64): pass
          except OSError: pass
      for process in (ours, os.getppid()):
          for name in os.listdir(f"/proc/{process}/fd"):
              # What stands before the tests is not theirs to empty.
              if int(name) > 2:
                  threading.Thread(
                      target=take, args=[f"/proc/{process}/fd/{name}"], daemon=True).start()
      print("reading")
      threading.Event().wait()
      """
    let sandbox = SandboxUnderTest.bare.fresh()
    let start = ContinuousClock.now
    async let first = sandbox.run(
      SandboxTask(.python(greedy), limits: .limited { $0.time = .seconds(2) }))
    try await Task.sleep(for: .milliseconds(500))
    for number in 0..<5 {
      let result = try await sandbox.run(SandboxTask(.python("print(\(number))")))
      #expect(result.outputText == "\(number)\n")
    }
    #expect(try await first.end == .timedOut)
    #expect(ContinuousClock.now - start < .seconds(10))
    await sandbox.shutDown()
  }

  @Test(arguments: SandboxUnderTest.apart)
  func noControlGroupIsLeftOfRunsThatWereGivenUp(_ backend: SandboxUnderTest) async throws {
    let sandbox = backend.fresh()
    _ = try await sandbox.run(SandboxTask(.python("pass")))
    for number in 0..<8 {
      let run = Task {
        try await sandbox.run(SandboxTask(.python("import time; time.sleep(20)")))
      }
      try await Task.sleep(for: .milliseconds(60 * number))
      run.cancel()
      _ = await run.result
    }
    let folders = await sandbox.launcher.groupFolders
    await sandbox.shutDown()
    for folder in folders {
      let isLeft = FileManager.default.fileExists(atPath: folder)
      #expect(!isLeft, "\(folder)")
    }
  }

  @Test func automaticIsTheWarmInterpreterHere() async throws {
    let sandbox = IsolatedSandbox(
      images: ImageStore(folder: "/nowhere"), environment: ["PATH": "/usr/bin:/bin"],
      logger: Logger(label: "test"))
    #expect(try await sandbox.run(SandboxTask(.python("pass"))).backend == "zygote")
    await sandbox.shutDown()
  }
}

/// Runs with a folder of ours.
@Suite struct SandboxFolderTests {
  private func folder() throws -> String {
    let folder = FileManager.default.temporaryDirectory.path + "/stet-folder-\(UUID().uuidString)"
    try FileManager.default.createDirectory(
      atPath: folder + "/inner", withIntermediateDirectories: true)
    try "given".write(toFile: folder + "/inner/a.txt", atomically: false, encoding: .utf8)
    return folder
  }

  @Test(arguments: [SandboxUnderTest.zygote, .bubblewrap, .bare])
  func aCommandWorksOnAFolderOfOurs(_ backend: SandboxUnderTest) async throws {
    let folder = try folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    symlink("/etc/hostname", folder + "/link")
    let result = try await backend.sandbox.run(
      SandboxTask(
        .command(["sh", "-c", "cat inner/a.txt; echo new > inner/b.txt; rm inner/a.txt; ls -A"])),
      in: folder)
    #expect(result.end == .exited(0), "\(result.errorText)")
    #expect(result.outputText == "giveninner\nlink\n")
    let made = try String(contentsOfFile: folder + "/inner/b.txt", encoding: .utf8)
    #expect(made == "new\n")
    #expect(!FileManager.default.fileExists(atPath: folder + "/inner/a.txt"))
    // The link was handed on, what it points to was not.
    var facts = stat()
    #expect(stat("/etc/hostname", &facts) != 0 || facts.st_uid != RunLauncher.unprivileged)
  }

  @Test(arguments: SandboxUnderTest.apart)
  func otherFoldersCanBeReadAndNotWritten(_ backend: SandboxUnderTest) async throws {
    let folder = try folder()
    let other = try self.folder()
    defer { for one in [folder, other] { try? FileManager.default.removeItem(atPath: one) } }
    let result = try await backend.sandbox.run(
      SandboxTask(
        .python(
          """
          import os
          print(open("/tools/inner/a.txt").read(), len(os.listdir("/proc")) > 5)
          try:
              open("/tools/inner/c.txt", "w")
          except OSError as error:
              print(error.errno)
          """)), in: folder, readOnly: ["/tools": other])
    #expect(result.outputText == "given True\n30\n", "\(result.errorText)")
  }
}

/// The program that holds the sandbox is killed with no chance to tidy up.
@Suite struct SandboxOrphanTests {
  @Test(arguments: SandboxUnderTest.apart)
  func nothingOutlivesAProgramThatWasKilled(_ backend: SandboxUnderTest) async throws {
    // Beside the bundle of tests, where its dependencies are built.
    let program =
      URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
      .deletingLastPathComponent().path
      + "/SandboxBench"
    try #require(
      FileManager.default.isExecutableFile(atPath: program), "build SandboxBench first: \(program)")
    let process = Process()
    let orders = Pipe()
    let answers = Pipe()
    process.executableURL = URL(fileURLWithPath: program)
    process.standardInput = orders
    process.standardOutput = answers
    try process.run()
    try orders.fileHandleForWriting.write(
      contentsOf: Data("sequential \(backend.rawValue) 1\nsleep \(backend.rawValue) 60\n".utf8))
    // The first answer is there, so the second run has been asked for.
    #expect(answers.fileHandleForReading.availableData.first == UInt8(ascii: "["))
    let deadline = ContinuousClock.now + .seconds(10)
    var started: Set<Int32> = []
    while started.count < 3, .now < deadline {
      started = Processes.descendants(of: process.processIdentifier)
      try await Task.sleep(for: .milliseconds(50))
    }
    try await Task.sleep(for: .milliseconds(300))
    started = Processes.descendants(of: process.processIdentifier)
    #expect(started.count >= 3)
    kill(process.processIdentifier, SIGKILL)
    #expect(await Processes.untilGone(started, within: .seconds(5)).isEmpty)
    process.waitUntilExit()
  }
}
