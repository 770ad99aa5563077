import Domain
import Foundation
import TestKit
import Testing

/// The program as a user runs it, with a model that says what is written here.
@Suite struct GenerateCommandTests {
  private static let good = "def add(a: int, b: int) -> int:\n    return a + b\n"
  private static let tests =
    "from solution import add\n\n\ndef test_add():\n    assert add(1, 2) == 3\n"

  private func program(_ code: String) -> FakeModelServer.Reply {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let data = (try? encoder.encode(["plan": "As asked.", "code": code])) ?? Data()
    return .text(String(decoding: data, as: UTF8.self))
  }

  private func stet(
    _ running: ReviewRunning, _ arguments: [String], _ server: FakeModelServer? = nil
  ) async throws -> ReviewOutcome {
    let socket = try await server?.listen()
    let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
    var environment = [
      "HOME": running.folder.path + "/home", "PATH": path, "STET_DATA_DIR": running.data,
    ]
    if let server, let socket {
      environment.merge(running.settings(of: server, at: socket)) { $1 }
    }
    let process = Process()
    process.executableURL = URL(filePath: ProgramRunning.program)
    process.arguments = arguments
    process.environment = environment
    process.currentDirectoryURL = URL(filePath: running.folder.path)
    let out = try running.folder.write("", to: "stdout-\(UUID().uuidString)")
    let err = try running.folder.write("", to: "stderr-\(UUID().uuidString)")
    process.standardOutput = FileHandle(forWritingAtPath: out)
    process.standardError = FileHandle(forWritingAtPath: err)
    process.standardInput = FileHandle.nullDevice
    let outcome = try await StartedReview(process, output: out, error: err).outcome()
    await socket?.stop()
    return outcome
  }

  @Test func codeIsPrintedAloneAndCommitted() async throws {
    let running = try ReviewRunning()
    let file = try running.folder.write(Self.tests, to: "test_add.py")
    let into = running.folder.path + "/made"
    let server = FakeModelServer(.openAI)
    server.script([program("def add(a, b):\n    return a - b\n"), program(Self.good)])
    let result = try await stet(
      running,
      [
        "generate", "Write add(a, b).", "--tests", file, "--into", into, "--ci", "gitlab",
        "--axis", "correctness", "--candidates", "1",
      ], server)
    #expect(result.status == 0, "\(result.error)")
    #expect(result.output == Self.good)
    #expect(result.error.contains("stet: pass: It passes the tests it was given"))
    #expect(try String(contentsOfFile: into + "/solution.py", encoding: .utf8) == Self.good)
    #expect(FileManager.default.fileExists(atPath: into + "/.gitlab-ci.yml"))

    let listed = try await stet(running, ["history", into, "--json"])
    let entries = try #require(try listed.json().array)
    #expect(entries.compactMap { $0["verdict"]?.string } == ["pass", "fail"])
    let old = try #require(entries.last?["commit"]?.string)
    let change = try await stet(running, ["history", "diff", old, "-C", into])
    #expect(
      change.output.contains("-    return a - b") && change.output.contains("+    return a + b"))
    let back = try await stet(running, ["history", "rollback", old, "-C", into])
    #expect(back.status == 0, "\(back.error)")
    let restored = try String(contentsOfFile: into + "/solution.py", encoding: .utf8)
    #expect(restored.contains("a - b"))
  }

  @Test func aRunIsGoneOnFrom() async throws {
    let running = try ReviewRunning()
    let file = try running.folder.write(Self.tests, to: "test_add.py")
    let server = FakeModelServer(.openAI)
    server.script([program(Self.good)])
    let first = try await stet(
      running,
      ["generate", "Write add.", "--tests", file, "--axis", "correctness", "--json"], server)
    #expect(first.status == 0, "\(first.error)")
    let document = try first.json()
    let id = try #require(document["run"]?.string)
    #expect(document["rounds"]?.array?.first?["commit"] == .null)

    let revised = "def add(a: int, b: int) -> int:\n    \"\"\"The sum.\"\"\"\n    return a + b\n"
    server.script([program(revised)])
    let second = try await stet(
      running,
      ["generate", "With a docstring.", "--continue", id, "--axis", "correctness", "--json"],
      server)
    #expect(second.status == 0, "\(second.error)")
    let after = try second.json()
    #expect(after["code"]?.string == revised)
    #expect(after["rounds"]?.array?.compactMap { $0["step"]?.string } == ["write", "revise"])
    #expect(after["messages"]?.array == [.string("With a docstring.")])
  }

  @Test func goingOnKeepsTheCriteriaAndTheTests() async throws {
    let running = try ReviewRunning()
    let file = try running.folder.write(Self.tests, to: "test_add.py")
    let more = try running.folder.write(
      "from solution import add\n\n\ndef test_zero():\n    assert add(0, 0) == 0\n",
      to: "test_zero.py")
    let server = FakeModelServer(.openAI)
    server.script([program(Self.good)])
    let first = try await stet(
      running,
      [
        "generate", "Write add.", "--tests", file, "--axis", "correctness", "--complexity", "3",
        "--json",
      ], server)
    let id = try #require(try first.json()["run"]?.string)
    server.script([program("def add(a: int, b: int) -> int:\n    return b + a\n")])
    let second = try await stet(
      running, ["generate", "Turn it round.", "--continue", id, "--tests", more, "--json"], server)
    #expect(second.status == 0, "\(second.error)")
    let after = try second.json()
    #expect(after["criteria"]?["complexity"]?.integer == 3)
    #expect(after["criteria"]?["axes"]?.array == [.string("correctness")])
    let names = after["test_files"]?.array?.compactMap { $0["path"]?.string }
    #expect(names == ["test_add.py", "test_zero.py"])
  }

  @Test func aRefactoringIsGoneOnFromAsOne() async throws {
    let running = try ReviewRunning()
    let before = "def total(items: list) -> int:\n    s = 0\n    for i in items:\n        s += i\n"
    let file = try running.folder.write(before + "    return s\n", to: "money.py")
    let head = "def total(items: list) -> int:\n"
    let server = FakeModelServer(.openAI)
    server.script([program(head + "    return sum(items)\n")])
    let first = try await stet(
      running, ["refactor", file, "--goal", "Shorter.", "--axis", "correctness", "--json"], server)
    #expect(first.status == 0, "\(first.error)")
    let id = try #require(try first.json()["run"]?.string)

    let refused = try await stet(
      running, ["generate", "With words.", "--continue", id, "--into", "made"], server)
    #expect(refused.status == 2 && refused.error.contains("--into"))

    // The first gives something else for an empty list, which no test would see.
    let good = head + "    \"\"\"The sum.\"\"\"\n    return sum(items)\n"
    server.script([
      program(head + "    \"\"\"The sum.\"\"\"\n    return sum(items) or 1\n"), program(good),
    ])
    let second = try await stet(
      running, ["generate", "With a docstring.", "--continue", id, "--json"], server)
    #expect(second.status == 0, "\(second.error)")
    let after = try second.json()
    #expect(after["code"]?.string == good && after["path"]?.string == "money.py")
    #expect(after["messages"]?.array == [.string("With a docstring.")])
    let rounds = after["rounds"]?.array?.compactMap { $0["verdict"]?.string }
    #expect(rounds == ["pass", "fail", "pass"])
  }

  @Test func theReportComesBeforeTheMutants() async throws {
    let running = try ReviewRunning()
    let code = try running.folder.write(
      "def limit(n):\n    if n > 10:\n        return 10\n    return n\n", to: "limit.py")
    let tests = try running.folder.write(
      "assert limit(3) == 3\nassert limit(50) == 10\n", to: "test_limit.py")
    let result = try await stet(
      running, ["evaluate", code, "--tests", tests, "--mutation", "--axis", "correctness"])
    #expect(result.status == 0, "\(result.error)")
    let lines = result.output.split(separator: "\n").map(String.init)
    let report = try #require(lines.firstIndex { $0.hasPrefix("correctness ") })
    let mutants = try #require(lines.firstIndex { $0.hasPrefix("mutation ") })
    #expect(report < mutants && lines[mutants].contains("mutants were noticed by a test."))
    #expect(!lines[report].contains("mutants"))
  }

  @Test func whatDoesNotHoldEndsWithOne() async throws {
    let running = try ReviewRunning()
    let file = try running.folder.write(Self.tests, to: "test_add.py")
    let server = FakeModelServer(.openAI)
    server.script([], always: program("def add(a, b):\n    return 0\n"))
    let result = try await stet(
      running,
      ["generate", "Write add.", "--tests", file, "--rounds", "2", "--candidates", "1", "--json"],
      server)
    #expect(result.status == 1, "\(result.error)")
    #expect(try result.json()["verdict"]?.string == "fail")
  }

  @Test func withoutAModelItSaysWhatToSet() async throws {
    let running = try ReviewRunning()
    let result = try await stet(running, ["generate", "Write add."])
    #expect(result.status == 3)
    #expect(result.error.contains("LLM_PROVIDER") && result.output.isEmpty)
  }

  @Test(arguments: [
    ["generate", ""], ["generate", "x", "--rounds", "0"], ["generate", "x", "--rounds", "21"],
    ["generate", "x", "--candidates", "17"], ["generate", "x", "--ci", "github"],
    ["generate", "x", "--ci", "travis", "--into", "d"], ["generate", "x", "--tests", "nowhere.py"],
    ["generate", "x", "--cost", "0"], ["generate", "x", "--name", "../a.py"],
    ["generate", "x", "--continue", "nowhere"], ["refactor", "nowhere.py"],
    ["history", "diff", "a", "b", "-C", "/nowhere-at-all"],
  ])
  func wrongUsageIsTwo(_ arguments: [String]) async throws {
    let running = try ReviewRunning()
    let server = FakeModelServer(.openAI)
    server.script([], always: program(Self.good))
    let result = try await stet(running, arguments, server)
    #expect(result.status == 2, "\(result.output)\(result.error)")
    #expect(server.asked.isEmpty)
  }

  @Test func aRefactoringIsShownAndWrittenWhereAskedFor() async throws {
    let running = try ReviewRunning()
    let before =
      "def total(items: list) -> int:\n    result = 0\n    for item in items:\n"
      + "        result = result + item\n    return result\n"
    let after = "def total(items: list) -> int:\n    return sum(items)\n"
    let file = try running.folder.write(before, to: "money.py")
    let server = FakeModelServer(.openAI)
    // The first gives something else for an empty list.
    server.script([
      program("def total(items: list) -> int:\n    return sum(items) or 1\n"), program(after),
    ])
    let result = try await stet(
      running, ["refactor", file, "--goal", "Shorter.", "--write"], server)
    #expect(result.status == 0, "\(result.error)")
    #expect(result.output.contains("+    return sum(items)"))
    #expect(try String(contentsOfFile: file, encoding: .utf8) == after)
    #expect(server.asked.count == 2)
    let told = String(decoding: try #require(server.asked.last).body, as: UTF8.self)
    #expect(told.contains("behaviour"))
  }
}
