import Domain
import Foundation

// Attacks that fill what can be filled, and that flood what is read.

extension Attack {
  static let ofDisk = [
    Attack(
      "files that fill every folder",
      #"""
      total = 0
      for folder in ("/work", "/tmp", "/dev/shm", "/var/tmp", "/dev", "/run", "/"):
          try:
              with open(folder + "/fill", "wb") as file:
                  while total < 1 << 30:
                      total += file.write(b"x" * (1 << 20))
                      file.flush()
          except OSError:
              pass
      tried = 1
      tell(megabytes=total >> 20)
      """#,
      check: { outcome in
        (outcome.number("megabytes") ?? 999) > 24
          ? ["it wrote \(outcome.number("megabytes") ?? -1) MB, with 16 allowed"] : []
      }),
    Attack(
      "sparse files of terabytes",
      #"""
      for size in (1 << 30, 1 << 40, 1 << 62):
          with open("/work/sparse", "wb") as file:
              attempt("a file of %d bytes" % size, os.truncate, "/work/sparse", size)
              attempt("space for %d bytes" % size, os.posix_fallocate, file.fileno(), 0, size)
      tell()
      """#),
    Attack(
      "inodes",
      #"""
      made = 0
      for folder in ("/work", "/tmp", "/dev/shm"):
          try:
              for number in range(200_000):
                  os.mkdir("%s/%d" % (folder, number))
                  made += 1
          except OSError:
              pass
      tried = 1
      tell(made=made)
      """#,
      check: { outcome in
        (outcome.number("made") ?? 999_999) > 1_100 ? ["it made more than 1,024 entries"] : []
      }),
    Attack(
      "huge names and folders without end", limits: .ofAttacks(inodes: 4_096), collects: ["."],
      #"""
      tried = 1
      for length in (255, 256, 4096, 1 << 20):
          try:
              open("/work/" + "n" * length, "w").close()
          except OSError:
              pass
      for number in range(3000):
          try:
              os.mkdir("d" * 200)
              os.chdir("d" * 200)
          except OSError:
              break
      open("deep", "w").close()
      tell(depth=number)
      """#,
      check: { outcome in
        outcome.result.files.contains { $0.path.utf8.count > 64 * 256 }
          ? ["a path without end was collected"] : []
      }),
    Attack(
      "a folder that becomes another while it is collected", collects: ["."],
      #"""
      tried = 1
      for action in (
          lambda: os.rename("/work", "/gone"), lambda: os.rmdir("/work"),
          lambda: os.symlink("/etc", "/work/etc"), lambda: os.chmod("/work", 0),
      ):
          try:
              action()
          except OSError:
              pass
      tell()
      """#,
      check: { outcome in
        outcome.result.files.isEmpty ? [] : ["\(outcome.result.files.map(\.path)) came back"]
      }),
  ]

  static let ofOutput = [
    Attack(
      "output flood", limits: .ofAttacks(time: .seconds(2)), ends: [.timedOut], reports: false,
      #"""
      part = b"x" * (1 << 20)
      while True:
          os.write(1, part)
      """#,
      check: { outcome in
        (outcome.result.output.count > 64 << 10 ? ["more output was kept than allowed"] : [])
          + (outcome.result.lostOutput == 0 ? ["what was thrown away was not counted"] : [])
          + (outcome.seen.memory > 700 << 20 ? ["the flood was held in memory"] : [])
      }),
    Attack(
      "output in a million pieces", limits: .ofAttacks(time: .seconds(6), output: 1 << 20),
      ends: [.done, .timedOut], reports: false,
      #"""
      for _ in range(1 << 20):
          os.write(1, b"x")
      """#,
      check: { outcome in
        outcome.seen.memory > 300 << 20 ? ["the pieces took \(outcome.seen.memory >> 20) MB"] : []
      }),
    Attack(
      "output flood from many processes on both streams", limits: .ofAttacks(time: .seconds(2)),
      ends: [.timedOut], reports: false,
      #"""
      for _ in range(6):
          if os.fork() == 0:
              break
      while True:
          os.write(1, b"o" * 65536)
          os.write(2, b"e" * 65536)
      """#,
      check: { outcome in
        max(outcome.result.output.count, outcome.result.error.count) > 64 << 10
          ? ["more output was kept than allowed"] : []
      }),
    Attack(
      "report flood", limits: .ofAttacks(time: .seconds(2)), ends: [.done, .timedOut],
      reports: false,
      #"""
      report = int(os.environ["STET_REPORT"])
      for _ in range(300):
          os.write(report, b'{"flood": "' + b"x" * (1 << 20))
      """#,
      check: { outcome in
        (outcome.result.report == nil ? [] : ["half a report counted"])
          + (outcome.seen.memory > 700 << 20 ? ["the flood was held in memory"] : [])
      }),
    Attack(
      "a huge exception", ends: [.failed, .signaled, .outOfMemory], reports: false,
      #"""
      raise ValueError("x" * (60 << 20))
      """#,
      check: { outcome in
        outcome.result.error.count > 64 << 10 ? ["more error was kept than allowed"] : []
      }),
    Attack(
      "exceptions that cannot be shown", ends: [.failed], reports: false,
      #"""
      class Liar(Exception):
          def __str__(self):
              raise Liar()
          __repr__ = __str__
          def __getattribute__(self, name):
              raise Liar()
      error = Liar()
      for _ in range(2000):
          try:
              raise ValueError() from error
          except ValueError as next_error:
              error = next_error
      raise error
      """#),
    Attack(
      "a hook for exceptions that hangs", limits: .ofAttacks(time: .seconds(1)),
      ends: [.timedOut, .failed], reports: false,
      #"""
      sys.excepthook = lambda *_: time.sleep(10 ** 6)
      raise ValueError
      """#),
    Attack(
      "terminal control sequences in the output",
      #"""
      tried = 1
      os.write(1, b"\x1b[2J\x1b]0;title\x07\x1b[?1049h\x1bP+q\x1b\\\x9b31m\r\x08ok")
      os.write(2, b"\x1b]52;c;aGk=\x07")
      tell()
      """#,
      check: { outcome in
        let shown = Defanged.forTerminal(outcome.result.outputText + outcome.result.errorText)
        return
          (shown.unicodeScalars.contains { $0.value == 0x1B || $0.value == 0x9B }
          ? ["a control sequence would reach a terminal"] : [])
          + (outcome.result.output.first == 0x1B ? [] : ["the output itself was changed"])
      }),
  ]
}
