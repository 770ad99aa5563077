import Domain
import Foundation
import Testing

@testable import stet

@Suite struct ReplCommandTests {
  /// Cells come from a file as from a pipe.
  private func repl(
    _ script: String, _ arguments: [String] = []
  ) throws -> ProgramRunning.Result {
    let program = try ProgramRunning()
    let input = try program.folder.write(script, to: "script")
    return try program.shell(
      "exec \"$0\" repl \"$@\" < \(input)", [ProgramRunning.program] + arguments)
  }

  @Test func everyStatementIsACell() throws {
    let done = try repl(
      """
      # a comment
      def f(x):

          return x + 1

      @staticmethod
      def g(): pass
      f(1); f(2)
      'é' * 2
      print("no value")
      """)
    #expect(done.status == 0, "\(done.error)")
    #expect(done.output == "3\n'éé'\nno value\n")
    #expect(done.error == "")
  }

  @Test func theFirstFailureEndsIt() throws {
    let failed = try repl("print(1)\n1 / 0\nprint(2)\n")
    #expect(failed.status == 3)
    #expect(failed.output == "1\n")
    #expect(failed.error.contains("ZeroDivisionError"))
    let broken = try repl("x = (\n")
    #expect(broken.status == 3)
    #expect(broken.error.contains("SyntaxError"))
  }

  @Test func ordersAreHeard() throws {
    let done = try repl(
      "x = 1\n:reset\ntry:\n    x\nexcept NameError:\n    print('gone')\n:quit\n1/0\n")
    #expect(done.status == 0, "\(done.error)")
    #expect(done.output == "gone\n")
    let unknown = try repl("1\n:jump\n2\n")
    #expect(unknown.status == 2)
    #expect(unknown.output == "1\n")
    #expect(unknown.error.contains(":jump"))
  }

  @Test func jsonHasOneObjectForEachCell() throws {
    let done = try repl("x = 2\nx\nprint('p')\n", ["--json"])
    #expect(done.status == 0, "\(done.error)")
    let lines = try done.output.split(separator: "\n").map {
      try JSONDecoder().decode(JSONValue.self, from: Data($0.utf8))
    }
    #expect(lines.count == 3)
    #expect(lines.map { $0["value"] } == [.null, .string("2"), .null])
    #expect(lines.map { $0["stdout"] } == [.string(""), .string(""), .string("p\n")])
    #expect(
      lines.map { $0["code"] } == [.string("x = 2\n"), .string("x\n"), .string("print('p')\n")])
  }

  @Test func aCellThatNeverEndsIsCut() throws {
    let cut = try repl("while True: pass\n", ["--time", "1"])
    #expect(cut.status == 3)
    #expect(cut.error.contains("TimedOut") || cut.error.contains("limit"))
  }

  @Test func nothingOfThisMachineIsThere() throws {
    let program = try ProgramRunning()
    let secret = try program.folder.write("here", to: "secret")
    let input = try program.folder.write("open(\(String(reflecting: secret)))\n", to: "script")
    let run = { (more: String) in
      try program.shell("exec \"$0\" repl \(more) < \(input)", [ProgramRunning.program])
    }
    let kept = try run("")
    #expect(kept.status == 3)
    #expect(kept.error.contains("FileNotFoundError"))
    let bare = try run("--without-sandbox")
    #expect(bare.status == 0, "\(bare.error)")
    #expect(bare.error.contains("nothing is kept apart"))
  }

  @Test(arguments: [["--time", "0"], ["--image", "moon"]])
  func wrongUsageIsTold(_ arguments: [String]) throws {
    #expect(try repl("1\n", arguments).status == 2)
  }

  @Test func anImageThatIsNotPreparedIsNamed() throws {
    let missing = try repl("1\n", ["--image", "data"])
    #expect(missing.status == 3)
    #expect(missing.error.contains("stet sandbox prepare"))
  }
}
