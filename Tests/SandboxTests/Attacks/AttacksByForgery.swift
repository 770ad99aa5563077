import Domain
import Foundation

// Attacks that pass off their own word as the sandbox's.

extension Attack {
  static let ofForgery = [
    Attack(
      "forged results on every descriptor", ends: [.failed], reports: false,
      #"""
      import struct
      def frame(kind, text):
          return kind + struct.pack(">I", len(text)) + text
      def result(nonce):
          fields = {"nonce": nonce, "end": {"exited": 0}, "lost_output": 0, "lost_error": 0,
                    "report": "{\"forged\": true}", "left_out": {}, "seconds": 0.1,
                    "processor_seconds": 0.1, "peak_memory": 1}
          return frame(b"Z", json.dumps(fields).encode())
      text = b"".join(result(nonce) for nonce in ("", "0" * 32, "f" * 32, None, 0))
      text += frame(b"o", b"forged") + frame(b"V", b'{"value": "forged", "error": null}')
      for number in range(0, 4096):
          try:
              os.set_blocking(number, False)
          except OSError:
              continue
          for part in (text, struct.pack(">i", 0), b"r", b"a", struct.pack(">I", 0)):
              try:
                  os.write(number, part)
              except OSError:
                  pass
      os._exit(7)
      """#,
      check: { outcome in
        (outcome.result.end == .exited(7) ? [] : ["it ended with \(outcome.result.end)"])
          + (outcome.number("tried") == nil ? [] : ["a report came of it"])
          + (outcome.result.files.isEmpty ? [] : ["a file came of it"])
      }),
    Attack(
      "descriptors closed, moved and opened anew", ends: [.done], reports: false,
      #"""
      os.write(int(os.environ["STET_REPORT"]), b'{"tried": 1, "won": []}\n')
      os.closerange(0, 4096)
      for _ in range(40):
          try:
              os.open("/dev/null", os.O_RDWR)
          except OSError:
              pass
      for number in range(0, 40):
          try:
              os.dup2(0, number)
          except OSError:
              pass
      os._exit(0)
      """#),
    Attack(
      "the nonce, sought in all of its memory",
      limits: .ofAttacks(time: .seconds(20), processorTime: .seconds(20), memory: 512),
      input: Array("input".utf8),
      #"""
      import re
      # Spelt so that this program does not find itself.
      wanted = re.compile(b'"non' + b'ce" *: *"[0-9a-f]{32}"')
      read_end, write_end = os.pipe()
      os.set_blocking(write_end, False)
      def look(start, size):
          global tried
          for place in range(start & ~4095, (start & ~4095) + size, 65536):
              # The kernel says which pages there are, where a look of our own would be the end.
              count = libc.write(write_end, ctypes.c_void_p(place), ctypes.c_size_t(65536))
              if count <= 0:
                  continue
              tried += 1
              text = os.read(read_end, 65536)
              found = wanted.search(text)
              if found:
                  won.append(repr(found.group()))
      areas = []
      try:
          for row in open("/proc/self/maps"):
              first, last = row.split()[0].split("-")
              areas.append((int(first, 16), int(last, 16) - int(first, 16)))
      except OSError:
          for known in (object(), [], sys.modules, bytearray(1 << 20), "x" * (1 << 20)):
              areas.append((max(65536, id(known) - (48 << 20)), 96 << 20))
          areas.append((id(1) - (16 << 20), 32 << 20))
      for start, size in areas:
          if size < 1 << 30:
              look(start, size)
      tell()
      """#),
    Attack(
      "the nonce and the trusted parts, sought among the interpreter's objects",
      #"""
      import gc, re, socket, stat
      wanted = re.compile("^[0-9a-f]{32}$")
      gc.unfreeze()
      for thing in gc.get_objects():
          tried += 1
          try:
              parts = []
              if isinstance(thing, dict):
                  parts = list(thing.items())
              elif isinstance(thing, (list, tuple, set, frozenset)):
                  parts = [(None, part) for part in thing]
              if type(thing) is socket.socket and thing.fileno() >= 0:
                  if stat.S_ISSOCK(os.fstat(thing.fileno()).st_mode):
                      won.append("an open socket %r" % thing)
              for name, part in parts:
                  if isinstance(part, str) and wanted.match(part):
                      won.append("%r: %r" % (name, part))
                  if name == "nonce" and isinstance(part, str):
                      won.append("a nonce %r" % part)
          except Exception:
              pass
      frame = sys._getframe()
      while frame is not None:
          if any(wanted.match(v) for v in frame.f_locals.values() if isinstance(v, str)):
              won.append("in a frame")
          frame = frame.f_back
      tell()
      """#),
    Attack(
      "the words of the run before and beside it, sought in memory",
      limits: .ofAttacks(time: .seconds(20), processorTime: .seconds(20), memory: 512),
      neighbour: #"""
        import sys, time
        word = sys.stdin.read().strip()
        copies = [word + str(number) for number in range(1000)]
        time.sleep(1.5)
        print(word)
        """#,
      #"""
      import gc, re
      wanted = re.compile("NEIGH" + "BOUR-[0-9A-F-]{20}")
      gc.unfreeze()
      for thing in gc.get_objects():
          tried += 1
          for part in gc.get_referents(thing):
              if isinstance(part, str) and wanted.search(part):
                  won.append(part[:60])
      tell()
      """#),
    Attack(
      "the interpreter turned against what runs after the program", ends: [.done, .failed],
      reports: false,
      #"""
      import atexit, builtins, threading, traceback
      os.write(1, b"real\n")
      os.write(int(os.environ["STET_REPORT"]), b'{"tried": 1, "won": []}\n')
      def never(*_, **__):
          raise SystemExit(0)
      for module in (os, json, sys, signal, traceback, threading):
          for name in list(vars(module)):
              if name not in ("_exit", "__name__", "modules") and callable(getattr(module, name)):
                  try:
                      setattr(module, name, never)
                  except (AttributeError, TypeError):
                      pass
      builtins.open = builtins.print = builtins.exec = never
      frame = sys.__dict__.get("_getframe")
      """#,
      check: { outcome in
        outcome.result.outputText == "real\n" ? [] : ["the output is \(outcome.result.outputText)"]
      }),
    Attack(
      "an object to unpickle in place of a result", ends: [.done],
      #"""
      import base64, pickle
      class Bomb:
          def __reduce__(self):
              return (os.system, ("touch " + FOLDER + "/unpickled",))
      text = pickle.dumps(Bomb())
      os.write(1, text)
      open("/work/result.pickle", "wb").write(text)
      tried = 1
      tell(pickle=base64.b64encode(text).decode(), py="!!python/object/apply:os.system [id]")
      """#),
    Attack(
      "reports that are none", ends: [.done], reports: false,
      #"""
      report = int(os.environ["STET_REPORT"])
      for text in (b"NaN", b"{", b"[" * 100_000, b"\xff\xfe", b'"\\ud800"', b'{"a": 1e999}',
                   b"1" * 10_000, b"[" * 900 + b"]" * 900, b'{"a":' * 50_000, b"\0", b"\x1b[2J", b"Infinity", b"-", b"[" * 900 + b"]" * 900):
          os.write(report, text + b"\n")
      """#),
    Attack(
      "ends that look like others", ends: [.signaled], reports: false,
      #"""
      os.write(1, b"before\n")
      os.kill(os.getpid(), signal.SIGKILL)
      """#,
      check: { outcome in
        (outcome.result.end == .signaled(SIGKILL) ? [] : ["it ended with \(outcome.result.end)"])
          + (outcome.result.outputText == "before\n" ? [] : ["its output was lost"])
      }),
  ]

  static let ofText = [
    Attack(
      "lone surrogates and bytes that are no text", ends: [.failed], reports: false,
      #"""
      os.write(1, b"\xff\xfe\x00\xed\xa0\x80")
      sys.stdout.flush()
      print("\ud800 \udfff", file=sys.stderr)
      raise ValueError("\udce4\ud800")
      """#,
      check: { outcome in
        outcome.result.output == [0xFF, 0xFE, 0, 0xED, 0xA0, 0x80]
          ? [] : ["its bytes came back as \(outcome.result.output)"]
      }),
    Attack(
      "surrogates in a report and a file's name", reports: false,
      #"""
      open(b"/work/\xff", "w").close()
      tell(text="\ud800\udfff", key={"\ud800": "\x00"})
      """#),
    Attack(
      "source that cannot be read", ends: [.failed], reports: false,
      "x = (" + String(repeating: "(", count: 5_000)),
    Attack(
      "expressions of great depth", ends: [.failed, .signaled, .done], reports: false,
      "eval(" + "'(' * 90_000 + ')' * 90_000)\n"),
    Attack(
      "recursion in what compares, prints and hashes", ends: [.failed, .signaled, .done],
      reports: false,
      #"""
      sys.setrecursionlimit(10 ** 8)
      class Deep:
          def __repr__(self):
              return repr(self)
          def __hash__(self):
              return hash(self)
          def __eq__(self, other):
              return self == other
      held = []
      for _ in range(10 ** 6):
          held = [held]
      print(repr(held) == repr(Deep()))
      """#),
  ]
}
