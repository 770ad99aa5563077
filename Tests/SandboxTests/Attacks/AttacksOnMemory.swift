import Domain
import Foundation

// Attacks that use up what the machine has: memory, its own and the kernel's, and descriptors.

extension Attack {
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
      "memory of daemons, whose parents have gone", limits: .ofAttacks(time: .seconds(4)),
      ends: [.done, .failed, .signaled, .outOfMemory, .timedOut], reports: false,
      #"""
      for _ in range(200):
          child = fork()
          if child == 0:
              if fork() == 0:
                  held = []
                  try:
                      while True:
                          held.append(bytearray(b"x") * (8 << 20))
                  except MemoryError:
                      pass
                  time.sleep(100)
              os._exit(0)
          if child is None:
              time.sleep(0.01)
          else:
              os.waitpid(child, 0)
      time.sleep(100)
      """#,
      check: { outcome in
        outcome.seen.memory > 900 << 20
          ? ["its daemons had \(outcome.seen.memory >> 20) MB together, with 256 allowed"] : []
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
