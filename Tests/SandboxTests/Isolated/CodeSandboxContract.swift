import Domain
import Foundation
import Sandbox
import Testing

/// What every way to keep programs apart gives its caller, and running bare too where it can.
@Suite struct CodeSandboxContract {
  // MARK: - How runs end

  static let ends: [(String, SandboxResult.End, String)] = [
    ("print('done')", .exited(0), ""),
    ("import sys; sys.exit(3)", .exited(3), ""),
    ("raise SystemExit('why')", .exited(1), "why\n"),
    ("import os; os._exit(7)", .exited(7), ""),
    ("import os; os.kill(os.getpid(), 9)", .signaled(9), ""),
    ("import os; os.abort()", .signaled(6), ""),
  ]

  @Test(arguments: SandboxUnderTest.allCases, ends)
  func howARunEndsIsTold(
    _ backend: SandboxUnderTest, _ expected: (program: String, end: SandboxResult.End, says: String)
  ) async throws {
    let result = try await backend.run(expected.program)
    #expect(result.end == expected.end)
    #expect(result.errorText == expected.says)
    #expect(result.backend == backend.rawValue)
    #expect(result.succeeded == (expected.end == .exited(0)))
  }

  @Test(arguments: SandboxUnderTest.allCases, ["1/0", "raise ZeroDivisionError", "def f(:"])
  func anExceptionIsATracebackAndStatusOne(
    _ backend: SandboxUnderTest, _ program: String
  ) async throws {
    let result = try await backend.run(program)
    #expect(result.end == .exited(1))
    #expect(result.errorText.contains(program == "def f(:" ? "SyntaxError" : "ZeroDivisionError"))
    #expect(!result.errorText.contains("nursery"))
  }

  @Test(
    arguments: SandboxUnderTest.allCases,
    [
      "while True: pass",
      "import time; time.sleep(60)",
      "import signal\nfor n in (1, 2, 15): signal.signal(n, signal.SIG_IGN)\nwhile True: pass",
      "import os, time\nif os.fork() == 0: os.setsid()\ntime.sleep(60)",
      "import os, time\nos.close(0); os.close(1); os.close(2)\ntime.sleep(60)",
    ])
  func whatRunsTooLongIsKilled(_ backend: SandboxUnderTest, _ program: String) async throws {
    let start = ContinuousClock.now
    let result = try await backend.run(
      program, limits: .limited { $0.time = .milliseconds(600) })
    #expect(result.end == .timedOut)
    #expect(result.seconds >= 0.5 && result.seconds < 4)
    #expect(ContinuousClock.now - start < .seconds(5))
  }

  @Test(arguments: SandboxUnderTest.allCases)
  func whatWasPrintedBeforeTheKillIsKept(_ backend: SandboxUnderTest) async throws {
    let result = try await backend.run(
      "import time\nprint('before')\ntime.sleep(60)",
      limits: .limited { $0.time = .milliseconds(600) })
    #expect(result.end == .timedOut)
    #expect(result.outputText == "before\n")
  }

  // MARK: - What goes in

  @Test(arguments: SandboxUnderTest.allCases)
  func inputArgumentsAndVariablesArrive(_ backend: SandboxUnderTest) async throws {
    let result = try await backend.run(
      """
      import os, sys
      print(sys.argv[1:], os.environ["ODD"], __name__)
      sys.stdout.flush()
      sys.stdout.buffer.write(sys.stdin.buffer.read())
      """
    ) { task in
      task.arguments = ["", "a b", "-x", "é\n☂"]
      task.environment = ["ODD": "ä=ö\t$(x)"]
      task.input = Array(0...255)
    }
    let head = Array("['', 'a b', '-x', 'é\\n☂'] ä=ö\t$(x) __main__\n".utf8)
    #expect(result.output == head + Array(0...255))
    #expect(result.end == .exited(0))
  }

  @Test(arguments: SandboxUnderTest.allCases)
  func nothingOfOurEnvironmentIsSeen(_ backend: SandboxUnderTest) async throws {
    let result = try await backend.run("import os; print(sorted(os.environ))")
    let names = result.outputText
    #expect(names.contains("STET_REPORT") && names.contains("'HOME'"))
    for name in ["SHARED_DATA", "BACKTRACE", "USER", "LOGNAME"] { #expect(!names.contains(name)) }
  }

  @Test(arguments: SandboxUnderTest.allCases)
  func eightMegabytesOfInputArrive(_ backend: SandboxUnderTest) async throws {
    let result = try await backend.run(
      "import sys, hashlib; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())"
    ) { $0.input = [UInt8](repeating: 0x61, count: 8 << 20) }
    // Of 8,388,608 times the letter a, by sha256sum.
    #expect(
      result.outputText == "ad97f87076920684e2ca66fc44e5d322797dc9d64706b174e51b5d0828937043\n")
    #expect(result.end == .exited(0))
  }

  @Test(arguments: SandboxUnderTest.allCases)
  func inputThatNobodyReadsHurtsNobody(_ backend: SandboxUnderTest) async throws {
    let result = try await backend.run("print('no')") {
      $0.input = [UInt8](repeating: 0x61, count: 4 << 20)
    }
    #expect(result.end == .exited(0))
    #expect(result.outputText == "no\n")
  }

  // MARK: - What comes out

  @Test(arguments: SandboxUnderTest.allCases)
  func outputIsBoundedAndTheRestCounted(_ backend: SandboxUnderTest) async throws {
    let result = try await backend.run(
      """
      import sys
      sys.stdout.write("o" * 3_000_000)
      sys.stderr.write("e" * 100)
      """, limits: .limited { $0.output = 65_536 })
    #expect(result.end == .exited(0))
    #expect(result.output == [UInt8](repeating: UInt8(ascii: "o"), count: 65_536))
    #expect(result.lostOutput == 3_000_000 - 65_536)
    #expect(result.error.count == 100)
    #expect(result.lostError == 0)
  }

  @Test(arguments: SandboxUnderTest.allCases)
  func filesGoInAndComeBack(_ backend: SandboxUnderTest) async throws {
    let all = Array<UInt8>(0...255)
    let result = try await backend.run(
      """
      import os, pathlib
      there = pathlib.Path("given/deep/ü.bin")
      assert there.read_bytes() == bytes(range(256))
      os.makedirs("made/empty")
      pathlib.Path("made/a.txt").write_text("a")
      pathlib.Path("made/b").write_bytes(there.read_bytes())
      os.symlink("/etc/hostname", "made/link")
      os.mkfifo("made/pipe")
      pathlib.Path("other.txt").write_text("not asked for")
      """
    ) { task in
      task.files = [SandboxFile("given/deep/ü.bin", all), SandboxFile("one.py", text: "x = 1")]
      task.collects = ["made", "absent.txt", "one.py"]
    }
    #expect(result.end == .exited(0), "\(result.errorText)")
    let files = Dictionary(uniqueKeysWithValues: result.files.map { ($0.path, $0.bytes) })
    #expect(Set(files.keys) == ["made/a.txt", "made/b", "one.py"])
    #expect(files["made/a.txt"] == Array("a".utf8))
    #expect(files["made/b"] == all)
    #expect(result.leftOut["absent.txt"] != nil)
    #expect(result.leftOut["made/link"] != nil)
    #expect(result.leftOut["made/pipe"] != nil)
  }

  @Test(arguments: SandboxUnderTest.allCases)
  func collectedBytesAreBounded(_ backend: SandboxUnderTest) async throws {
    let result = try await backend.run(
      "open('a', 'w').write('a' * 900)\nopen('b', 'w').write('b' * 900)",
      limits: .limited { $0.collected = 1_000 }
    ) { $0.collects = ["a", "b"] }
    #expect(result.files.map(\.path) == ["a"])
    #expect(result.leftOut["b"] != nil)
  }

  @Test(arguments: SandboxUnderTest.allCases)
  func modulesAmongTheFilesCanBeImported(_ backend: SandboxUnderTest) async throws {
    let result = try await backend.run("import pack.part; print(pack.part.value)") {
      $0.files = [
        SandboxFile("pack/__init__.py", text: ""),
        SandboxFile("pack/part.py", text: "value = 6 * 7"),
      ]
    }
    #expect(result.outputText == "42\n")
  }

  @Test(arguments: SandboxUnderTest.allCases)
  func theLastJSONLineIsTheReport(_ backend: SandboxUnderTest) async throws {
    let result = try await backend.run(
      """
      import json, os
      report = os.fdopen(int(os.environ["STET_REPORT"]), "w")
      report.write('{"n": 1}\\n')
      report.write(json.dumps({"n": 2, "half": "\\ud800", "whole": "☂😀", "list": [1.5, None]}) + "\\n")
      report.write("no JSON\\n")
      """)
    #expect(
      result.report
        == .object([
          "n": .integer(2), "half": .string("\u{FFFD}"), "whole": .string("☂😀"),
          "list": .array([.number(1.5), .null]),
        ]))
    #expect(try await backend.run("pass").report == nil)
  }

  @Test(arguments: SandboxUnderTest.allCases)
  func halfASurrogatePairInOutputIsNoEnd(_ backend: SandboxUnderTest) async throws {
    let result = try await backend.run("print('a\\ud800b', '☂')")
    #expect(result.end == .exited(0))
    #expect(result.outputText.hasPrefix("a") && result.outputText.contains("☂"))
  }

  @Test(arguments: SandboxUnderTest.allCases)
  func whatItCostIsTold(_ backend: SandboxUnderTest) async throws {
    let result = try await backend.run(
      "x = bytearray(60 << 20)\nimport time; s = time.process_time()\n"
        + "while time.process_time() - s < 0.2: pass")
    #expect(result.processorSeconds >= 0.2 && result.processorSeconds < 5)
    #expect(result.peakMemory > .mebibytes(60) && result.peakMemory < .mebibytes(200))
  }

  // MARK: - Commands

  @Test(
    arguments: SandboxUnderTest.allCases,
    [
      (["sh", "-c", "cat given; exit 4"], "text", SandboxResult.End.exited(4)),
      (["/bin/echo", "a  b", "☂"], "a  b ☂\n", .exited(0)),
      (["python3", "-c", "import sys; print(sys.argv[1:])", "x"], "['x']\n", .exited(0)),
      (["no-such-program"], "", .exited(127)),
      (["sh", "-c", "kill -9 $$"], "", .signaled(9)),
      (["sh", "-c", "pwd"], "/work\n", .exited(0)),
    ])
  func commandsRun(
    _ backend: SandboxUnderTest,
    _ expected: (words: [String], output: String, end: SandboxResult.End)
  ) async throws {
    var task = SandboxTask(.command(expected.words))
    task.files = [SandboxFile("given", text: "text")]
    let result = try await backend.sandbox.run(task)
    #expect(result.end == expected.end, "\(result.errorText)")
    // A bare run is in whatever folder there was room for it.
    if backend != .bare || expected.output != "/work\n" {
      #expect(result.outputText == expected.output)
    }
  }

  // MARK: - Limits

  @Test(arguments: SandboxUnderTest.allCases)
  func memoryIsLimited(_ backend: SandboxUnderTest) async throws {
    let result = try await backend.run(
      "x = bytearray(600 << 20)\nprint('had it')", limits: .limited { $0.memory = .mebibytes(256) })
    #expect(!result.outputText.contains("had it"))
    #expect(
      result.end == .outOfMemory
        || result.end == .exited(1)
          && result.errorText.contains("MemoryError")
    )
  }

  @Test(arguments: SandboxUnderTest.apart)
  func processesAreLimited(_ backend: SandboxUnderTest) async throws {
    let result = try await backend.run(
      """
      import os, time
      made = 0
      try:
          while made < 200:
              if os.fork() == 0:
                  time.sleep(20)
                  os._exit(0)
              made += 1
      except OSError:
          pass
      print(made)
      """, limits: .limited { $0.processes = 12 })
    let made = Int(result.outputText.trimmingCharacters(in: .whitespacesAndNewlines)) ?? -1
    #expect(made >= 5 && made <= 24, "\(made), \(result.end)")
  }

  @Test(arguments: SandboxUnderTest.apart)
  func diskAndDescriptorsAreLimited(_ backend: SandboxUnderTest) async throws {
    let result = try await backend.run(
      """
      import os
      for place in ("/work", "/tmp"):
          try:
              with open(place + "/big", "wb") as file:
                  while True:
                      file.write(b"x" * (1 << 20))
          except OSError as error:
              print(place, error.errno)
              os.remove(place + "/big")
      files = []
      try:
          while len(files) < 2000:
              files.append(os.open("/dev/null", os.O_RDONLY))
      except OSError as error:
          print(len(files) < 40, error.errno)
      """,
      limits: .limited {
        $0.disk = .mebibytes(4)
        $0.descriptors = 40
      })
    // No space left or too large a file; too many open files.
    #expect(
      result.outputText.wholeMatch(
        of: /\/work (28|27)\n\/tmp (28|27)\nTrue 24\n/) != nil, "\(result.outputText)")
  }

  @Test(arguments: SandboxUnderTest.apart)
  func nothingOutsideCanBeReachedOrWritten(_ backend: SandboxUnderTest) async throws {
    let result = try await backend.run(
      """
      import os, socket
      print(os.getuid() != 0, os.getppid() in (0, 1))
      try:
          socket.create_connection(("127.0.0.1", 22), 1)
      except OSError:
          print("no network")
      for place in ("/", "/usr", "/etc", "/dev", "/image"):
          try:
              open(place + "/mine", "w")
              print("wrote", place)
          except OSError:
              pass
      """)
    #expect(result.outputText == "True True\nno network\n")
  }

  // MARK: - Many at once, and giving up

  @Test(arguments: SandboxUnderTest.allCases)
  func fiftyRunsAtOnceEachGetTheirOwnResult(_ backend: SandboxUnderTest) async throws {
    let sandbox = backend.fresh(bounds: .init(runs: 50))
    let outputs = try await withThrowingTaskGroup(of: (Int, SandboxResult).self) { group in
      for number in 0..<50 {
        group.addTask {
          (
            number,
            try await sandbox.run(
              SandboxTask(
                .python("import sys; open('f', 'w').write(sys.argv[1]); print(open('f').read())"),
                arguments: [String(number)],
                limits: .limited { $0.time = .seconds(60) }))
          )
        }
      }
      return try await group.reduce(into: [Int: SandboxResult]()) { $0[$1.0] = $1.1 }
    }
    await sandbox.shutDown()
    #expect(outputs.count == 50)
    for (number, result) in outputs {
      #expect(result.outputText == "\(number)\n", "\(result.end) \(result.errorText)")
    }
  }

  @Test(arguments: SandboxUnderTest.allCases)
  func cancellingEndsTheRun(_ backend: SandboxUnderTest) async throws {
    let sandbox = backend.sandbox
    _ = try await backend.run("pass")
    let start = ContinuousClock.now
    let run = Task {
      try await sandbox.run(
        SandboxTask(
          .python("import time; time.sleep(60)"), limits: .limited { $0.time = .seconds(60) }))
    }
    try await Task.sleep(for: .milliseconds(200))
    run.cancel()
    let outcome = await run.result
    #expect(throws: SandboxError.self) { try outcome.get() }
    if case .failure(let error as SandboxError) = outcome { #expect(error.code == .cancelled) }
    #expect(ContinuousClock.now - start < .seconds(5))
    #expect(try await backend.run("print(1)").outputText == "1\n")
  }

  // MARK: - What is refused

  static let wrong: [(String, SandboxTask)] = [
    ("..", SandboxTask(.python(""), files: [SandboxFile("../x", text: "")])),
    ("absolute", SandboxTask(.python(""), files: [SandboxFile("/etc/x", text: "")])),
    ("empty step", SandboxTask(.python(""), files: [SandboxFile("a//b", text: "")])),
    ("NUL", SandboxTask(.python(""), files: [SandboxFile("a\0b", text: "")])),
    (
      "long", SandboxTask(.python(""), files: [SandboxFile(String(repeating: "n", count: 256), [])])
    ),
    ("twice", SandboxTask(.python(""), files: [SandboxFile("a", []), SandboxFile("a", [])])),
    ("collects", SandboxTask(.python(""), collects: ["a/../../b"])),
    ("no command", SandboxTask(.command([]))),
    ("variable", SandboxTask(.python(""), environment: ["A=B": ""])),
    ("argument", SandboxTask(.python(""), arguments: ["\0"])),
    ("no time", SandboxTask(.python(""), limits: .limited { $0.time = .zero })),
  ]

  @Test(arguments: wrong) func aTaskThatIsWrongIsRefused(
    _ wrong: (name: String, task: SandboxTask)
  ) async throws {
    for backend in SandboxUnderTest.allCases {
      let error = await #expect(throws: SandboxError.self) {
        try await backend.sandbox.run(wrong.task)
      }
      #expect(error?.code == .invalid, "\(backend)")
    }
  }

  @Test(arguments: SandboxUnderTest.allCases) func anImageThatIsNotPreparedIsNamed(
    _ backend: SandboxUnderTest
  ) async throws {
    let error = await #expect(throws: SandboxError.self) {
      try await backend.sandbox.run(SandboxTask(.python("pass"), image: .test))
    }
    #expect(error?.code == .imageMissing)
    #expect(error?.detail.contains("stet sandbox prepare test") == true)
  }

  @Test(arguments: SandboxUnderTest.allCases) func theReportSaysWhatHolds(
    _ backend: SandboxUnderTest
  ) async throws {
    let report = await backend.sandbox.report()
    #expect(report.backend == backend.rawValue)
    #expect(report.images["python"]?.hasPrefix("3.") == true)
    #expect(report.images["test"] == nil)
    if backend != .bare {
      #expect(report.measures.contains { $0.hasPrefix("seccomp") }, "\(report.measures)")
      #expect(report.problems.isEmpty, "\(report.problems)")
    }
  }
}
