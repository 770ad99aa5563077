import Domain
import Foundation
import Synchronization
import Testing

@testable import Sandbox

extension SandboxSession {
  fileprivate func run(_ code: String, limit: Duration = .seconds(10)) async throws -> CellResult {
    try await run(code, limit: limit) { _ in }
  }
}

/// Sessions, in every way of keeping programs apart.
@Suite struct SandboxSessionTests {
  private func with(
    _ backend: SandboxUnderTest, _ plan: SessionPlan = SessionPlan(),
    _ body: (any SandboxSession) async throws -> Void
  ) async throws {
    let session = try await backend.sandbox.session(plan)
    do { try await body(session) } catch {
      await session.close()
      throw error
    }
    await session.close()
  }

  @Test(arguments: SandboxUnderTest.allCases)
  func namesAreKeptFromCellToCell(_ backend: SandboxUnderTest) async throws {
    try await with(backend) { session in
      let first = try await session.run("x = 20\ndef f(n): return n * 2\nprint('set')")
      #expect(first.value == nil && first.error == nil)
      #expect(first.stdout == "set\n" && first.stderr == "")
      let second = try await session.run("import sys\nprint('warn', file=sys.stderr)\nf(x) + 2")
      #expect(second.value == "42")
      #expect(second.stderr == "warn\n")
      #expect(second.seconds >= 0 && second.seconds < 5)
      #expect(try await session.run("None").value == nil)
      #expect(try await session.run("'é☂'").value == "'é☂'")
    }
  }

  @Test(arguments: SandboxUnderTest.allCases)
  func anExceptionIsToldAndLeavesTheSession(_ backend: SandboxUnderTest) async throws {
    try await with(backend) { session in
      _ = try await session.run("x = 1")
      let result = try await session.run("y = 2\nprint('so far')\n{}['k']\nx = 3")
      #expect(result.error?.name == "KeyError")
      #expect(result.error?.message == "'k'")
      #expect(result.error?.traceback.contains("line 3") == true)
      #expect(result.error?.traceback.contains("nursery") == false)
      #expect(result.stdout == "so far\n")
      #expect(try await session.run("x, y").value == "(1, 2)")
      let broken = try await session.run("def f(:")
      #expect(broken.error?.name == "SyntaxError")
    }
  }

  @Test(arguments: SandboxUnderTest.allCases)
  func outputComesWhileTheCellRuns(_ backend: SandboxUnderTest) async throws {
    try await with(backend) { session in
      let seen = Mutex((text: "", at: [ContinuousClock.Instant]()))
      let result = try await session.run(
        "import time\nprint('one')\ntime.sleep(0.5)\nprint('two')", limit: .seconds(10)
      ) { output in
        guard case .output(let bytes) = output else { return }
        seen.withLock { seen in
          seen.text += String(decoding: bytes, as: UTF8.self)
          seen.at.append(.now)
        }
      }
      let end = ContinuousClock.now
      let (text, at) = seen.withLock { $0 }
      #expect(text == "one\ntwo\n" && result.stdout == text)
      #expect(at.count >= 2 && at[0] < end - .milliseconds(300))
    }
  }

  @Test(arguments: SandboxUnderTest.allCases, ["time.sleep(30)", "\nwhile True: pass"])
  func anInterruptEndsTheCellAlone(_ backend: SandboxUnderTest, _ code: String) async throws {
    try await with(backend) { session in
      _ = try await session.run("import time; x = 5")
      let started = Mutex(false)
      async let cell = session.run("print('on')\n" + code, limit: .seconds(10)) { _ in
        started.withLock { $0 = true }
      }
      let deadline = ContinuousClock.now + .seconds(8)
      while !started.withLock({ $0 }), .now < deadline {
        try await Task.sleep(for: .milliseconds(10))
      }
      await session.interrupt()
      let result = try await cell
      #expect(["Interrupted", "KeyboardInterrupt"].contains(result.error?.name))
      #expect(result.seconds < 8)
      #expect(try await session.run("x").value == "5")
    }
  }

  /// It reaches an interpreter that has not begun the cell, at first not even its session.
  @Test(arguments: SandboxUnderTest.allCases)
  func anInterruptThatComesWithTheCellEndsIt(_ backend: SandboxUnderTest) async throws {
    try await with(backend) { session in
      for _ in 0..<4 {
        let start = ContinuousClock.now
        let cell = Task {
          try await session.run("import time; time.sleep(20)", limit: .seconds(30)) { _ in }
        }
        cell.cancel()
        let error = await #expect(throws: SandboxError.self) { try await cell.value }
        #expect(error?.code == .cancelled)
        #expect(ContinuousClock.now - start < .seconds(10))
      }
      #expect(try await session.run("6").value == "6")
    }
  }

  /// What is sent again must not reach what comes after.
  @Test(arguments: SandboxUnderTest.allCases)
  func aCellThatTakesTheInterruptIsNotInterruptedAgain(_ backend: SandboxUnderTest) async throws {
    try await with(backend) { session in
      let started = Mutex(false)
      async let cell = session.run(
        """
        import time
        count = 0
        print("on")
        for _ in range(4):
            try: time.sleep(0.5)
            except KeyboardInterrupt: count += 1
        count
        """, limit: .seconds(20)
      ) { _ in started.withLock { $0 = true } }
      let deadline = ContinuousClock.now + .seconds(8)
      while !started.withLock({ $0 }), .now < deadline {
        try await Task.sleep(for: .milliseconds(10))
      }
      await session.interrupt()
      #expect(try await cell.value == "1")
    }
  }

  @Test(arguments: SandboxUnderTest.allCases)
  func anInterruptBetweenCellsIsNothing(_ backend: SandboxUnderTest) async throws {
    try await with(backend) { session in
      _ = try await session.run("x = 5")
      await session.interrupt()
      #expect(try await session.run("x").value == "5")
    }
  }

  @Test(arguments: SandboxUnderTest.allCases)
  func aCellPastItsLimitIsEndedAndTheNamesAreKept(_ backend: SandboxUnderTest) async throws {
    try await with(backend) { session in
      _ = try await session.run("x = 5")
      let start = ContinuousClock.now
      let result = try await session.run("while True: pass", limit: .milliseconds(500))
      #expect(result.error?.name == "TimedOut")
      #expect(ContinuousClock.now - start < .seconds(5))
      #expect(try await session.run("x").value == "5")
    }
  }

  @Test(arguments: SandboxUnderTest.allCases)
  func aCellThatCannotBeInterruptedEndsTheSession(_ backend: SandboxUnderTest) async throws {
    try await with(backend) { session in
      let stubborn = "import signal\nsignal.signal(2, signal.SIG_IGN)\nwhile True: pass"
      let error = await #expect(throws: SandboxError.self) {
        try await session.run(stubborn, limit: .milliseconds(500))
      }
      #expect(error?.code == .ended)
      let after = await #expect(throws: SandboxError.self) { try await session.run("1") }
      #expect(after?.code == .ended)
    }
  }

  @Test(
    arguments: SandboxUnderTest.allCases,
    ["import os; os._exit(3)", "import os; os.kill(os.getpid(), 9)"])
  func anInterpreterThatEndsIsTold(_ backend: SandboxUnderTest, _ code: String) async throws {
    try await with(backend) { session in
      let error = await #expect(throws: SandboxError.self) { try await session.run(code) }
      #expect(error?.code == .ended)
      #expect(error?.detail.contains(code.contains("_exit") ? "status 3" : "signal 9") == true)
    }
  }

  @Test(arguments: SandboxUnderTest.allCases)
  func outputOfACellIsBounded(_ backend: SandboxUnderTest) async throws {
    let plan = SessionPlan(limits: .limited { $0.output = 10_000 })
    try await with(backend, plan) { session in
      let flood = try await session.run("print('x' * 1_000_000)")
      #expect(flood.stdout.utf8.count == 10_000)
      #expect(try await session.run("print('y')").stdout == "y\n")
    }
  }

  @Test(arguments: SandboxUnderTest.allCases)
  func filesAreThereAndSessionsDoNotSeeEachOther(_ backend: SandboxUnderTest) async throws {
    let plan = SessionPlan(files: [SandboxFile("data.txt", text: "given")])
    let sandbox = backend.sandbox
    let sessions = try await withThrowingTaskGroup(of: (any SandboxSession).self) { group in
      for _ in 0..<6 { group.addTask { try await sandbox.session(plan) } }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    for (number, session) in sessions.enumerated() {
      _ = try await session.run("x = \(number)\nopen('mine\(number)', 'w').close()")
    }
    for (number, session) in sessions.enumerated() {
      let code = "import os\nx, open('data.txt').read(), sorted(os.listdir('.'))"
      let value = try await session.run(code).value
      #expect(value == "(\(number), 'given', ['data.txt', 'mine\(number)'])")
    }
    #expect(Set(sessions.map(\.id)).count == 6)
    for session in sessions { await session.close() }
  }

  @Test func oneCellAtATimeAndSoManySessions() async throws {
    let sandbox = SandboxUnderTest.zygote.fresh(bounds: .init(sessions: 2))
    let first = try await sandbox.session(SessionPlan())
    let second = try await sandbox.session(SessionPlan())
    let refused = await #expect(throws: SandboxError.self) {
      try await sandbox.session(SessionPlan())
    }
    #expect(refused?.code == .busy)
    await second.close()
    let third = try await sandbox.session(SessionPlan())
    #expect(try await third.run("1 + 1").value == "2")
    async let long = first.run("import time; time.sleep(1); 'slow'")
    try await Task.sleep(for: .milliseconds(300))
    let busy = await #expect(throws: SandboxError.self) { try await first.run("1") }
    #expect(busy?.code == .busy)
    #expect(try await long.value == "'slow'")
    await sandbox.shutDown()
    let after = await #expect(throws: SandboxError.self) { try await first.run("1") }
    #expect(after?.code == .ended || after?.code == .lost)
  }
}
