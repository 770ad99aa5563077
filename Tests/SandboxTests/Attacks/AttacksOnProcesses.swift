import Domain
import Foundation

// Attacks on processes outside: their memory, their environment, their lives.

extension Attack {
  static let ofOtherProcesses = [
    Attack(
      "what /proc tells of others",
      #"""
      own = {os.getpid(), os.getppid(), 1}
      numbers = []
      try:
          numbers = [int(name) for name in os.listdir("/proc") if name.isdigit()]
      except OSError:
          pass
      tried += 1
      if len(numbers) > 6:
          won.append("%d processes are listed" % len(numbers))
      for number in sorted(set(numbers) | {1, 2, HOST_PID, os.getppid()}):
          if number == os.getpid():
              continue
          for name in ("environ", "mem", "maps", "stack", "syscall", "auxv", "io"):
              def read():
                  with open("/proc/%d/%s" % (number, name), "rb") as file:
                      text = file.read(1 << 16)
                  if not text:
                      raise OSError("empty")
                  return text
              attempt("%s of %d" % (name, number), read)
          for name in ("root", "cwd", "exe"):
              attempt("%s of %d" % (name, number), os.readlink, "/proc/%d/%s" % (number, name))
          attempt("descriptors of %d" % number, os.listdir, "/proc/%d/fd" % number)
      tell()
      """#),
    Attack(
      "secrets of the environment",
      #"""
      tried = 1
      text = repr(dict(os.environ))
      environ = ctypes.POINTER(ctypes.c_char_p).in_dll(libc, "environ")
      place = 0
      while environ[place]:
          text += repr(environ[place])
          place += 1
      for number in ("self", os.getppid(), 1):
          try:
              text += repr(open("/proc/%s/environ" % number, "rb").read())
          except OSError:
              pass
      print(text)
      for name in os.environ:
          if any(word in name for word in ("KEY", "TOKEN", "SECRET", "PASSWORD", "ATTACK", "AWS")):
              won.append(name)
      if len(os.environ) > 12:
          won.append("%d variables" % len(os.environ))
      tell()
      """#),
    Attack(
      "memory of others",
      #"""
      import struct
      buffer = ctypes.create_string_buffer(4096)
      local = ctypes.create_string_buffer(struct.pack("@QQ", ctypes.addressof(buffer), 4096))
      remote = ctypes.create_string_buffer(struct.pack("@QQ", id(None) & ~4095, 4096))
      for number in [1, 2, 3, 4, 5, os.getppid(), HOST_PID, 0]:
          attempt("reading %d" % number, call, 310, 270, number, local, 1, remote, 1, 0)
          attempt("writing %d" % number, call, 311, 271, number, local, 1, remote, 1, 0)
          attempt("comparing %d" % number, call, 312, 272, number, os.getpid(), 0, 0, 0)
          attempt("pages of %d" % number, call, 279, 239, number, 0, 0, 0, 0, 0)
          def descriptor():
              other = os.pidfd_open(number)
              return [call(438, 438, other, file, 0) for file in range(10)]
          attempt("a descriptor of %d" % number, descriptor)
          def advise():
              return call(440, 440, os.pidfd_open(number), remote, 1, 8, 0)
          attempt("advice for %d" % number, advise)
      tell()
      """#),
    Attack(
      "ptrace", ends: [.done],
      #"""
      for number in [1, 2, 3, os.getppid(), HOST_PID]:
          for request in (16, 0x4206, 2, 3, 8):  # attach, seize, peek text, peek user, kill
              attempt("ptrace %d of %d" % (request, number), call, 101, 117, request, number, 0, 0)
      attempt("being traced", call, 101, 117, 0, 0, 0, 0)
      child = os.fork()
      if child == 0:
          time.sleep(10)
      attempt("tracing a child", call, 101, 117, 16, child, 0, 0)
      os.kill(child, signal.SIGKILL)
      tell()
      """#),
    Attack(
      "kill everything", ends: [.done, .signaled], reports: false,
      #"""
      for number in (0, signal.SIGCONT, signal.SIGTERM, signal.SIGKILL):
          for target in [1, os.getppid(), HOST_PID, -HOST_PID] + list(range(2, 400)):
              if target in (os.getpid(), -os.getpgrp()):
                  continue
              try:
                  os.kill(target, number)
              except OSError:
                  pass
      os.write(1, b"done\n")
      signal.signal(signal.SIGTERM, signal.SIG_IGN)
      for number in (signal.SIGSTOP, signal.SIGTERM, signal.SIGKILL):
          try:
              os.kill(-1, number)
          except OSError:
              pass
      """#,
      check: { outcome in
        outcome.result.outputText == "done\n" ? [] : ["it did not come to its end"]
      }),
    Attack(
      "signals by other ways",
      #"""
      import struct
      information = struct.pack("@iii", signal.SIGKILL, 0, -1) + b"\0" * 116
      for number in [HOST_PID] + [n for n in range(2, 60) if n != os.getpid()]:
          for action in (
              lambda: call(200, 130, number, signal.SIGKILL),
              lambda: call(234, 131, number, number, signal.SIGKILL),
              lambda: call(129, 138, number, signal.SIGKILL, information),
              lambda: signal.pidfd_send_signal(os.pidfd_open(number), signal.SIGKILL),
          ):
              tried += 1
              try:
                  action()
              except (OSError, AttributeError):
                  pass
      tell()
      """#),
    Attack(
      "survivors in sessions of their own, deaf to all signals", ends: [.done],
      #"""
      for _ in range(5):
          if os.fork() == 0:
              os.setsid()
              if os.fork():
                  os._exit(0)
              for number in range(1, 65):
                  try:
                      signal.signal(number, signal.SIG_IGN)
                  except (OSError, ValueError):
                      pass
              libc.prctl(1, 0, 0, 0, 0)  # no signal when the parent dies
              libc.prctl(36, 1, 0, 0, 0)  # a subreaper, so that PID 1 gets no orphan
              os.closerange(0, 64)
              while True:
                  time.sleep(1)
      tried = 1
      tell()
      """#),
    Attack(
      "PID 1 and the parent, made to stop", ends: [.done, .signaled], reports: false,
      #"""
      for number in (signal.SIGSTOP, signal.SIGTSTP, signal.SIGSEGV, signal.SIGCHLD, signal.SIGHUP):
          for target in {1, os.getppid()} - {os.getpid(), 0}:
              try:
                  os.kill(target, number)
              except OSError:
                  pass
      os.write(1, b"done\n")
      """#,
      check: { outcome in
        outcome.result.outputText == "done\n" ? [] : ["it did not come to its end"]
      }),
    Attack(
      "inherited descriptors",
      #"""
      import stat
      report = int(os.environ["STET_REPORT"])
      for number in range(0, 4096):
          try:
              kind = os.fstat(number).st_mode
          except OSError:
              continue
          tried += 1
          if number > 2 and number != report:
              won.append("%d is open, mode %o" % (number, kind))
          if stat.S_ISSOCK(kind) or stat.S_ISDIR(kind) or stat.S_ISBLK(kind):
              won.append("%d is of mode %o" % (number, kind))
      tell()
      """#),
    Attack(
      "the other ends of its own pipes, by /proc",
      #"""
      # Its own pipes are its own affair. What must not be there is a pipe or socket of another, or
      # a way by them to the run socket.
      import stat
      own = set()
      for number in (0, 1, 2, int(os.environ["STET_REPORT"])):
          own.add(os.fstat(number).st_ino)
      for process in ("self", 1, os.getppid()):
          for number in range(0, 64):
              for flags in (os.O_RDONLY, os.O_WRONLY, os.O_RDWR):
                  def reopen():
                      path = "/proc/%s/fd/%d" % (process, number)
                      file = os.open(path, flags | os.O_NONBLOCK)
                      facts = os.fstat(file)
                      os.close(file)
                      if facts.st_ino in own and process == "self":
                          raise OSError("its own")
                      return stat.filemode(facts.st_mode)
                  attempt("descriptor %d of %s" % (number, process), reopen)
      tell()
      """#, check: { outcome in outcome.result.output.isEmpty ? [] : ["it wrote by another way"] }),
    Attack(
      "a core dump", collects: ["."], ends: [.signaled], reports: false,
      #"""
      import resource
      attempt("cores", resource.setrlimit, resource.RLIMIT_CORE, (1 << 20, 1 << 20))
      tell()
      libc.prctl(4, 1, 0, 0, 0)
      os.kill(os.getpid(), signal.SIGSEGV)
      """#,
      check: { outcome in
        (outcome.result.end == .signaled(SIGSEGV) ? [] : ["it ended with \(outcome.result.end)"])
          + (outcome.result.files.isEmpty ? [] : ["a core was written"])
      }),
  ]
}
