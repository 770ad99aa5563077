import Domain
import Foundation

// Attacks that use up what the machine has: processes, memory, processor time.

/// Ours around each run: a warden, PID 1 of the namespace, and the runs that are made ready.
private let ownProcesses = 14

private let keepsProcesses: Attack.Check = { outcome in
  outcome.seen.processes > 16 + ownProcesses
    ? ["\(outcome.seen.processes) more processes than 16 were seen"] : []
}
private let endsInTime: Attack.Check = { outcome in
  outcome.result.seconds > 3 ? ["it took \(outcome.result.seconds) s with a limit of 1 s"] : []
}

extension Attack {
  static let ofProcesses = [
    Attack(
      "fork bomb", limits: .ofAttacks(time: .seconds(1)), ends: [.timedOut, .signaled],
      reports: false,
      #"""
      while True:
          try:
              os.fork()
          except OSError:
              pass
      """#, check: keepsProcesses),
    Attack(
      "fork bomb of daemons in sessions of their own",
      limits: .ofAttacks(time: .seconds(1)), ends: [.timedOut, .signaled], reports: false,
      #"""
      signal.signal(signal.SIGTERM, signal.SIG_IGN)
      signal.signal(signal.SIGHUP, signal.SIG_IGN)
      while True:
          try:
              if os.fork() == 0:
                  os.setsid()
                  if os.fork():
                      os._exit(0)
          except OSError:
              pass
      """#, check: keepsProcesses),
    Attack(
      "as many processes as there may be, counted",
      #"""
      children = []
      try:
          while len(children) < 2000:
              child = os.fork()
              if child == 0:
                  signal.pause()
              children.append(child)
      except OSError:
          pass
      tried = 1
      tell(children=len(children))
      """#,
      check: { outcome in
        (outcome.number("children") ?? 9_999) > 16 ? ["it had more than 16 processes"] : []
      }),
    Attack(
      "zombie flood",
      #"""
      zombies = 0
      try:
          while zombies < 3000:
              if os.fork() == 0:
                  os._exit(0)
              zombies += 1
      except OSError:
          pass
      tried = 1
      tell(zombies=zombies)
      """#,
      check: { outcome in
        (outcome.number("zombies") ?? 9_999) > 16 ? ["more than 16 zombies stood at a time"] : []
      }),
    Attack(
      "thread bomb", ends: [.done, .failed, .signaled],
      #"""
      import threading
      threading.stack_size(64 << 10)
      count, stop = 0, threading.Event()
      try:
          while count < 5000:
              threading.Thread(target=stop.wait, daemon=True).start()
              count += 1
      except (RuntimeError, MemoryError):
          pass
      tried = 1
      tell(threads=count)
      os._exit(0)
      """#,
      check: { outcome in
        (outcome.number("threads") ?? 9_999) > 16 ? ["it had more than 16 threads"] : []
      }),
    Attack(
      "processor time, deaf to every signal that one can be deaf to",
      limits: .ofAttacks(time: .seconds(1)), ends: [.timedOut], reports: false,
      #"""
      for number in range(1, 65):
          try:
              signal.signal(number, signal.SIG_IGN)
          except (OSError, ValueError):
              pass
      signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
      while True:
          pass
      """#, check: endsInTime),
    Attack(
      "processor time past its own limit",
      limits: .ofAttacks(time: .seconds(8), processorTime: .seconds(1)),
      ends: [.signaled, .timedOut], reports: false,
      #"""
      signal.signal(signal.SIGXCPU, signal.SIG_IGN)
      while True:
          pass
      """#,
      check: { outcome in
        outcome.result.processorSeconds > 4
          ? ["it used \(outcome.result.processorSeconds) s of processor time, with 1 s allowed"]
          : []
      }),
    Attack(
      "one operation of the interpreter that never ends",
      limits: .ofAttacks(time: .seconds(1)), ends: [.timedOut, .signaled], reports: false,
      "print(9 ** 9 ** 9)\n", check: endsInTime),
    Attack(
      "a pattern that backtracks for years", limits: .ofAttacks(time: .seconds(1)),
      ends: [.timedOut], reports: false,
      #"""
      import re
      re.match(r"(a+)+$", "a" * 60 + "b")
      """#, check: endsInTime),
    Attack(
      "sleep for ever", limits: .ofAttacks(time: .seconds(1)), ends: [.timedOut], reports: false,
      "time.sleep(10 ** 6)\n", check: endsInTime),
    Attack(
      "stopped processes at the deadline", limits: .ofAttacks(time: .seconds(1)),
      ends: [.timedOut], reports: false,
      #"""
      for _ in range(4):
          if os.fork() == 0:
              os.setsid()
              os.kill(os.getpid(), signal.SIGSTOP)
              while True:
                  pass
      os.kill(os.getpid(), signal.SIGSTOP)
      """#, check: endsInTime),
    Attack(
      "a child that holds the output open after the end",
      #"""
      if os.fork() == 0:
          os.setsid()
          if os.fork():
              os._exit(0)
          for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGPIPE):
              signal.signal(number, signal.SIG_IGN)
          while True:
              time.sleep(0.05)
              try:
                  os.write(1, b"still here\n")
              except OSError:
                  pass
      tried = 1
      tell()
      """#,
      check: { outcome in
        outcome.result.seconds > 5 ? ["the end was waited for, not made"] : []
      }),
    Attack(
      "threads and exit handlers that never end", limits: .ofAttacks(time: .seconds(1)),
      ends: [.timedOut], reports: false,
      #"""
      import atexit, threading
      threading.Thread(target=time.sleep, args=(10 ** 6,)).start()
      atexit.register(time.sleep, 10 ** 6)
      sys.exit(0)
      """#, check: endsInTime),
    Attack(
      "standard input that never comes", limits: .ofAttacks(time: .seconds(5)),
      #"""
      tried = 1
      tell(read=len(sys.stdin.read()))
      """#,
      check: { outcome in
        outcome.number("read") == 0 && outcome.result.seconds < 4
          ? [] : ["it waited for its input"]
      }),
  ]

  static let ofMemory = [
    Attack(
      "memory of one process", ends: [.done, .failed, .signaled, .outOfMemory], reports: false,
      #"""
      held = []
      try:
          while True:
              held.append(bytearray(8 << 20))
      except MemoryError:
          pass
      tried = 1
      tell(megabytes=len(held) * 8)
      """#,
      check: { outcome in
        (outcome.number("megabytes") ?? 0) > 300 || outcome.seen.memory > 700 << 20
          ? ["it had \(outcome.seen.memory >> 20) MB, with 256 allowed"] : []
      }),
    Attack(
      "memory of many processes together", limits: .ofAttacks(time: .seconds(4)),
      ends: [.done, .failed, .signaled, .outOfMemory, .timedOut], reports: false,
      #"""
      for _ in range(15):
          if fork() == 0:
              held = []
              try:
                  while True:
                      held.append(bytearray(b"x") * (8 << 20))
              except MemoryError:
                  pass
              time.sleep(100)
      time.sleep(100)
      """#,
      check: { outcome in
        outcome.seen.memory > 900 << 20
          ? ["its processes had \(outcome.seen.memory >> 20) MB together, with 256 allowed"] : []
      }),
    Attack(
      "shared memory of many processes together", limits: .ofAttacks(time: .seconds(4)),
      ends: [.done, .failed, .signaled, .outOfMemory, .timedOut], reports: false,
      #"""
      import mmap
      for _ in range(15):
          if fork() == 0:
              held = []
              try:
                  while True:
                      held.append(mmap.mmap(-1, 8 << 20))
                      held[-1].write(b"x" * (8 << 20))
              except (OSError, MemoryError, ValueError):
                  pass
              time.sleep(100)
      time.sleep(100)
      """#,
      check: { outcome in
        outcome.seen.memory > 900 << 20
          ? ["its processes shared \(outcome.seen.memory >> 20) MB, with 256 allowed"] : []
      }),
    Attack(
      "memory of children that a thread started", limits: .ofAttacks(time: .seconds(4)),
      ends: [.done, .failed, .signaled, .outOfMemory, .timedOut], reports: false,
      #"""
      import threading
      def fill():
          held = []
          try:
              while True:
                  held.append(bytearray(b"x") * (8 << 20))
          except MemoryError:
              pass
          time.sleep(100)
      def start():
          for _ in range(12):
              if fork() == 0:
                  fill()
          time.sleep(100)
      threading.Thread(target=start, daemon=True).start()
      time.sleep(100)
      """#,
      check: { outcome in
        outcome.seen.memory > 900 << 20
          ? ["its processes had \(outcome.seen.memory >> 20) MB together, with 256 allowed"] : []
      }),
    Attack(
      "mapped and shared memory", ends: [.done, .failed, .signaled, .outOfMemory],
      reports: false,
      #"""
      import mmap
      held = []
      try:
          while len(held) < 4000:
              part = mmap.mmap(-1, 8 << 20)
              part.write(b"x" * (8 << 20))
              held.append(part)
      except (OSError, MemoryError, ValueError):
          pass
      tried = 1
      tell(megabytes=len(held) * 8)
      """#,
      check: { outcome in
        outcome.seen.memory > 700 << 20
          ? ["it mapped \(outcome.seen.memory >> 20) MB, with 256 allowed"] : []
      }),
    Attack(
      "file locks without number, in the kernel's memory", limits: .ofAttacks(time: .seconds(3)),
      ends: [.done, .timedOut, .outOfMemory], reports: false,
      #"""
      import fcntl, struct
      for _ in range(12):
          if fork() == 0:
              break
      for number in range(40):
          file = os.open("/work/%d-%d" % (os.getpid(), number), os.O_RDWR | os.O_CREAT)
          for place in range(3000, 0, -1):
              lock = struct.pack("hhqqi", fcntl.F_WRLCK, 0, place * 2, 1, 0) + bytes(8)
              fcntl.fcntl(file, fcntl.F_SETLK, lock)
      time.sleep(100)
      """#,
      check: { outcome in
        outcome.seen.memory > 700 << 20 ? ["the kernel held \(outcome.seen.memory >> 20) MB"] : []
      }),
    Attack(
      "limits raised again",
      #"""
      import resource
      names = [name for name in dir(resource) if name.startswith("RLIMIT_")]
      for name in names:
          kind = getattr(resource, name)
          _, hard = resource.getrlimit(kind)
          if hard == resource.RLIM_INFINITY:
              continue
          attempt(name, resource.setrlimit, kind, (hard + 1, hard + 1))
          infinite = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
          attempt(name + " without end", resource.setrlimit, kind, infinite)
          # Of another process: of PID 1 here, and of this one's parent.
          for process in (1, os.getppid() or 1):
              if hasattr(resource, "prlimit"):
                  attempt("limits of another", resource.prlimit, process, kind, (1, 1))
      tell()
      """#),
    Attack(
      "buffers of pipes and sockets in the kernel",
      ends: [.done, .failed, .signaled, .outOfMemory],
      #"""
      import fcntl, socket
      held, total = [], 0
      try:
          while len(held) < 1000:
              held.append(os.pipe())
              attempt("a larger pipe", fcntl.fcntl, held[-1][1], 1031, 1 << 20)
              os.set_blocking(held[-1][1], False)
              total += os.write(held[-1][1], b"x" * (1 << 20))
      except OSError:
          pass
      for pair in held:
          os.close(pair[0])
          os.close(pair[1])
      try:
          while True:
              ends = socket.socketpair()
              held.append(ends)
              ends[0].setblocking(False)
              total += ends[0].send(b"x" * (4 << 20))
      except OSError:
          pass
      tell(megabytes=total >> 20)
      """#,
      check: { outcome in
        (outcome.number("megabytes") ?? 999) > 64 ? ["the kernel held more than 64 MB for it"] : []
      }),
    Attack(
      "descriptors", ends: [.done],
      #"""
      count = 0
      try:
          while count < 100_000:
              os.dup(0)
              count += 1
      except OSError as error:
          pass
      tried = 1
      os.closerange(8, 4096)
      tell(descriptors=count)
      """#,
      check: { outcome in
        (outcome.number("descriptors") ?? 9_999) > 64 ? ["it had more than 64 descriptors"] : []
      }),
    Attack(
      "descriptors in flight over sockets", ends: [.done],
      #"""
      import socket, array
      flying = 0
      try:
          while flying < 100_000:
              ends = socket.socketpair()
              ends[0].setblocking(False)
              for _ in range(50):
                  numbers = array.array("i", [ends[0].fileno()] * 50)
                  ends[0].sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, numbers)])
                  flying += 50
              ends[0].detach()
      except OSError:
          pass
      tried = 1
      os.closerange(8, 4096)
      tell(flying=flying)
      """#,
      check: { outcome in
        (outcome.number("flying") ?? 999_999) > 20_000 ? ["20,000 descriptors were in flight"] : []
      }),
    Attack(
      "a stack without end", limits: .ofAttacks(time: .seconds(3)),
      ends: [.signaled, .failed, .outOfMemory, .done, .timedOut], reports: false,
      #"""
      import threading
      sys.setrecursionlimit(10 ** 9)
      def deeper(number):
          return deeper(number + 1) + 1
      deeper(0)
      """#),
    Attack(
      "priority over all others",
      #"""
      attempt("a higher priority", os.setpriority, os.PRIO_PROCESS, 0, -20)
      attempt("nice", os.nice, -5)
      for policy in (os.SCHED_FIFO, os.SCHED_RR):
          attempt("real time", os.sched_setscheduler, 0, policy, os.sched_param(1))
      attempt("another's priority", os.setpriority, os.PRIO_USER, 0, -1)
      attempt("disk priority", call, 251, 30, 1, 0, 1 << 13)
      attempt("locked memory", call, 151, 230, 3)
      tell()
      """#),
  ]
}
