import Domain
import Foundation
import Testing

@testable import Sandbox

/// A cell that tries to break its session, its sandbox or another's session.
struct CellAttack: Sendable, CustomTestStringConvertible {
  let name: String
  let cell: String
  /// The interpreter may be gone after it; otherwise it must answer on.
  var mayEnd = false
  /// What came of the cell must hold this.
  var wants: @Sendable (CellResult) -> Bool = { _ in true }

  var testDescription: String { "session: " + name }

  static var chosen: [CellAttack] { all.filter { AttackSetting.isChosen($0.testDescription) } }

  static let all = [
    CellAttack(
      name: "forged outcomes on every descriptor",
      cell: #"""
        import os, struct
        text = b'{"value": "forged", "error": null}'
        for number in range(3, 64):
            try:
                os.set_blocking(number, False)
                os.write(number, b"V" + struct.pack(">I", len(text)) + text)
                os.write(number, struct.pack(">I", len(text)) + text)
            except OSError:
                pass
        "real"
        """#, mayEnd: true),
    CellAttack(
      name: "a loop that catches every interrupt",
      cell: #"""
        while True:
            try:
                while True:
                    pass
            except BaseException:
                pass
        """#, mayEnd: true),
    CellAttack(name: "an end in mid-cell", cell: "import os\nos._exit(0)", mayEnd: true),
    CellAttack(
      name: "a cell that comes back twice",
      cell: "import os\nchild = os.fork()\n'parent' if child else 'child'",
      wants: { $0.value == "'parent'" }),
    CellAttack(
      name: "the runner's own functions replaced",
      cell: #"""
        import builtins, json, os, sys, traceback
        for module in (json, traceback):
            for name in list(vars(module)):
                if callable(getattr(module, name)):
                    setattr(module, name, None)
        builtins.repr = builtins.compile = builtins.eval = builtins.exec = None
        os.write = sys.stdout = sys.stderr = None
        """#, mayEnd: true),
    CellAttack(
      name: "the runner's frames changed",
      cell: #"""
        import sys
        frame = sys._getframe()
        while frame:
            frame.f_globals.clear() if frame.f_back is None else None
            frame = frame.f_back
        """#, mayEnd: true),
    CellAttack(
      name: "a value whose text never ends",
      cell: #"""
        class Endless:
            def __repr__(self):
                while True:
                    pass
        Endless()
        """#, mayEnd: true),
    CellAttack(
      name: "a value whose text is a lie",
      cell: #"""
        class Text(str):
            def __str__(self):
                return 1
            def encode(self, *_):
                return b"\xff"
        class Liar:
            def __repr__(self):
                return Text("\ud800\x1b[2J" + "x" * 10_000_000)
        Liar()
        """#, mayEnd: true, wants: { ($0.value?.utf8.count ?? 0) < 200_000 }),
    CellAttack(
      name: "an exception that cannot be told",
      cell: #"""
        class Liar(BaseException):
            def __str__(self):
                raise self
            __repr__ = __str__
        raise Liar()
        """#, wants: { $0.error != nil }),
    CellAttack(
      name: "output flood", cell: "while True:\n    print('x' * 100_000)", mayEnd: true,
      wants: { $0.stdout.utf8.count <= 64 << 10 }),
    CellAttack(
      name: "processes that go on after the cell",
      cell: #"""
        import os, time
        for _ in range(4):
            if os.fork() == 0:
                os.setsid()
                while True:
                    os.write(1, b"late\n")
                    time.sleep(0.01)
        """#, mayEnd: true),
    CellAttack(
      name: "descriptors closed", cell: "import os\nos.closerange(0, 64)", mayEnd: true),
    CellAttack(
      name: "memory", cell: "held = []\nwhile True:\n    held.append(bytearray(8 << 20))",
      mayEnd: true, wants: { $0.error != nil }),
    CellAttack(
      name: "signals to all", cell: "import os\nos.kill(-1, 9)\nos.kill(1, 9)\n'alive'",
      mayEnd: true),
    CellAttack(
      name: "an alarm between cells",
      cell: "import signal\nsignal.setitimer(signal.ITIMER_REAL, 0.05)\n'set'", mayEnd: true),
  ]
}

@Suite(.serialized, .enabled(if: AttackSetting.isOn, Comment(rawValue: AttackSetting.off)))
struct SessionAttackTests {
  private static let plan = SessionPlan(
    limits: .ofAttacks(time: .seconds(1), processes: 8, output: 64 << 10))

  @Test(arguments: AttackedBackend.allCases, CellAttack.chosen)
  func fails(_ backend: AttackedBackend, _ attack: CellAttack) async throws {
    let scene = try AttackScene()
    var complaints: [String] = []
    do {
      complaints = try await Self.complaints(of: attack, backend.sandbox)
    } catch {
      complaints.append("the sandbox failed: \(error.code.rawValue): \(error.detail)")
    }
    complaints += scene.touched()
    AttackSetting.note(attack.testDescription, backend, complaints)
    #expect(complaints.isEmpty, "\(complaints.joined(separator: "\n"))")
  }

  private static func complaints(
    of attack: CellAttack, _ sandbox: IsolatedSandbox
  ) async throws(SandboxError) -> [String] {
    var complaints: [String] = []
    let other = try await sandbox.session(plan)
    _ = try await other.run("word = 'kept'", limit: .seconds(1)) { _ in }
    let before = await AttackTrial.settled().all
    let session = try await sandbox.session(plan)
    let started = ContinuousClock.now
    var hasEnded = false
    do throws(SandboxError) {
      let result = try await session.run(attack.cell, limit: .seconds(1)) { _ in }
      if !attack.wants(result) {
        complaints.append(
          "it came to \(result.value?.prefix(200) ?? "nothing") \(String(describing: result.error))"
        )
      }
      if result.value == "forged" { complaints.append("a forged outcome counted") }
    } catch {
      hasEnded = true
      if error.code != .ended || !attack.mayEnd {
        complaints.append("the cell failed: \(error.code.rawValue): \(error.detail)")
      }
    }
    if started.duration(to: .now) > .seconds(20) {
      complaints.append("it took \(started.duration(to: .now)), with 1 s allowed")
    }
    if !attack.mayEnd, !hasEnded {
      let next = try await session.run("6 * 7", limit: .seconds(1)) { _ in }
      if next.value != "42" { complaints.append("the next cell came to \(next)") }
    }
    await session.close()
    // Another's session knows nothing of it.
    let kept = try await other.run("word", limit: .seconds(1)) { _ in }
    if kept.value != "'kept'" { complaints.append("another's session came to \(kept)") }
    let end = ContinuousClock.now + .seconds(5)
    while ProcessTable.descendants().count > before, .now < end {
      try? await Task.sleep(for: .milliseconds(50))
    }
    let left = ProcessTable.descendants().count - before
    if left > 0 { complaints.append("\(left) processes are left") }
    await other.close()
    return complaints
  }
}
