import Domain
import Foundation

// Attacks on what comes back: collected files, and traces that one run leaves for another.

extension Attack {
  static let ofCollection = [
    Attack(
      "links in place of files that are collected",
      collects: ["passwd", "shadow", "canary", "up", "folder", "loop", "usr/bin/env", "hard", "."],
      #"""
      tried = 1
      for target, name in (("/etc/passwd", "passwd"), ("/etc/shadow", "shadow"), ("loop", "loop"),
                           (FOLDER + "/canary", "canary"), ("../../../etc", "up"), ("/usr", "usr"),
                           (FOLDER, "folder"), ("/proc/self/environ", "environ")):
          os.symlink(target, "/work/" + name)
      for source in ("/etc/passwd", "/usr/bin/env", FOLDER + "/canary", "/etc/ld.so.cache",
                     "/proc/self/exe", "/dev/null"):
          attempt("a hard link to " + source, os.link, source, "/work/hard")
      tell()
      """#,
      check: { outcome in
        outcome.result.files.isEmpty
          ? [] : ["\(outcome.result.files.map(\.path)) came back through links"]
      }),
    Attack(
      "a file that turns into a link while it is collected", limits: .ofAttacks(time: .seconds(2)),
      collects: ["."], ends: [.done, .timedOut],
      #"""
      tried = 1
      os.mkdir("/work/a")
      tell()
      for place in ("/work/flip", "/work/a/flip"):
          if os.fork() == 0:
              os.setsid()
              for number in range(1, 65):
                  try:
                      signal.signal(number, signal.SIG_IGN)
                  except (OSError, ValueError):
                      pass
              while True:
                  for make in (lambda: open(place, "w").write("plain"),
                               lambda: os.symlink("/etc/passwd", place),
                               lambda: os.mkdir(place)):
                      try:
                          make()
                      except OSError:
                          pass
                      try:
                          os.unlink(place)
                      except OSError:
                          try:
                              os.rmdir(place)
                          except OSError:
                              pass
      if os.fork() == 0:
          while True:
              for names in (("/work/a", "/work/b"), ("/work/b", "/work/a")):
                  try:
                      os.rename(*names)
                      os.symlink("/etc", names[0])
                      os.unlink(names[0])
                  except OSError:
                      pass
      time.sleep(0.5)
      """#,
      check: { outcome in
        outcome.result.files.filter { !$0.bytes.isEmpty && $0.bytes != Array("plain".utf8) }
          .map { "\($0.path) came back with what is not its own" }
      }),
    Attack(
      "pipes, devices and huge files to collect", limits: .ofAttacks(disk: 16, collected: 4 << 10),
      collects: [".", "fifo", "big"],
      #"""
      tried = 1
      os.mkfifo("/work/fifo")
      open("/work/big", "wb").write(b"x" * (8 << 20))
      with open("/work/sparse", "wb") as file:
          file.truncate(15 << 20)
      os.symlink("/dev/zero", "/work/zero")
      os.mkdir("/work/closed", 0)
      open("/work/closed-file", "w").write("x")
      os.chmod("/work/closed-file", 0)
      tell()
      """#,
      check: { outcome in
        let bytes = outcome.result.files.map(\.bytes.count).reduce(0, +)
        return (bytes > 4 << 10 ? ["\(bytes) bytes came back, with 4 KiB allowed"] : [])
          + (outcome.result.seconds > 5 ? ["a pipe held the collection up"] : [])
      }),
    Attack(
      "names that are no names", limits: .ofAttacks(inodes: 4_096), collects: ["."],
      #"""
      tried = 1
      for name in (b"new\nline", b"esc\x1b[2J", b"\xff\xfe", b"\xed\xa0\x80", b"back\\slash",
                   b" ", b"-rf", b"\xe2\x80\xae", b"~", b"$(id)", b"a" * 255):
          with open(b"/work/" + name, "wb") as file:
              file.write(b"x")
      for number in range(2000):
          open("/work/%d" % number, "w").close()
      tell()
      """#,
      check: { outcome in
        outcome.result.files.map(\.path).filter { $0.hasPrefix("/") || $0.contains("..") }
      }),
    Attack(
      "exit without an end, to pass for a success",
      #"""
      tried = 1
      tell()
      os._exit(0)
      """#,
      check: { outcome in
        outcome.result.output.isEmpty ? [] : ["there is output that nobody wrote"]
      }),
    Attack(
      "an exit that says nothing is no success", reports: false,
      "os._exit(0)\n",
      check: { outcome in
        outcome.result.report == nil ? [] : ["there is a report that nobody wrote"]
      }),
  ]

  static let ofNeighbours = [
    Attack(
      "leave what the next run finds",
      #"""
      tried = 1
      for folder in ("/work", "/tmp", "/dev/shm", "/var/tmp", "/dev", "/run", "/image/site"):
          for name in ("stet-trace", "sitecustomize.py", "usercustomize.py", "json.py", "os.py"):
              try:
                  open(folder + "/" + name, "w").write("raise SystemExit('trace')")
              except OSError:
                  pass
      import builtins, json, socket
      builtins.print = builtins.open = builtins.len = None
      json.dumps = json.loads = None
      sys.path[:] = ["/tmp"]
      sys.modules["stet_trace"] = sys
      os.environ["STET_TRACE"] = "1"
      os.umask(0o777)
      try:
          socket.sethostname("stet-trace")
      except OSError:
          pass
      os.write(int(os.environ["STET_REPORT"]), b'{"won": [], "tried": 1}\n')
      os._exit(0)
      """#),
    Attack(
      "find what another run left",
      #"""
      import socket
      tried = 1
      for folder in ("/work", "/tmp", "/dev/shm", "/var/tmp", "/run"):
          try:
              found = os.listdir(folder)
          except OSError:
              continue
          if folder != "/work" or found:
              won += ["%s/%s" % (folder, name) for name in found]
      if "stet_trace" in sys.modules or "STET_TRACE" in os.environ:
          won.append("state of the interpreter")
      if socket.gethostname() == "stet-trace" or os.umask(0o022) == 0o777:
          won.append("state of the kernel")
      tell()
      """#),
    Attack(
      "see, hear and touch a run beside it", limits: .ofAttacks(time: .seconds(4)),
      neighbour: #"""
        import os, sys, time, socket
        word = sys.stdin.read().strip()
        for folder in ("/work", "/tmp", "/dev/shm"):
            open(folder + "/neighbour", "w").write(word)
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            time.sleep(0.02)
            for folder in ("/work", "/tmp", "/dev/shm"):
                if open(folder + "/neighbour").read() != word:
                    os._exit(9)
                if len(os.listdir(folder)) != 1:
                    os._exit(8)
        print(word)
        """#,
      #"""
      end = time.monotonic() + 1.2
      while time.monotonic() < end:
          for folder in ("/work", "/tmp", "/dev/shm"):
              attempt(folder, lambda: open(folder + "/neighbour").read())
          for number in range(2, 100):
              if number == os.getpid():
                  continue
              try:
                  os.kill(number, signal.SIGKILL)
                  won.append("killed %d" % number)
              except OSError:
                  pass
          # Shared memory and queues of System V have numbers that everybody can try.
          for key in range(5):
              attempt("shared memory", call, 29, 194, key, 4096, 0o666)
              attempt("a queue", call, 68, 186, key, 0o666)
          time.sleep(0.02)
      for folder in ("/work", "/tmp", "/dev/shm"):
          open(folder + "/attacker", "w").write("here")
      tell()
      """#),
    Attack(
      "shared memory and queues, System V's and POSIX's",
      #"""
      attempt("shmget", call, 29, 194, 0x1234, 4096, 0o1666)
      attempt("semget", call, 64, 190, 0x1234, 1, 0o1666)
      attempt("msgget", call, 68, 186, 0x1234, 0o1666)
      attempt("shmat", call, 30, 196, 0, 0, 0)
      attempt("mq_open", call, 240, 180, b"stet", 0o102, 0o666, 0)
      attempt("mq_unlink", call, 241, 181, b"stet")
      tell()
      """#),
  ]
}
