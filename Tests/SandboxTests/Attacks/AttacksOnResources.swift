import Domain
import Foundation

// Attacks that use up what the machine has: processes and processor time.

/// Ours around each run: a warden, PID 1 of the namespace, and the runs that are made ready.
private let ownProcesses = 14

private let keepsProcesses: Attack.Check = { outcome in
  outcome.seen.processes > 16 + ownProcesses
    ? ["\(outcome.seen.processes) more processes than 16 were seen"] : []
}
private let endsInTime: Attack.Check = { outcome in
  outcome.result.seconds > 15 ? ["it took \(outcome.result.seconds) s with a limit of 1 s"] : []
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
}
