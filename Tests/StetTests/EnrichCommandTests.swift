import Domain
import Foundation
import TestKit
import Testing

/// `stet enrich` on a file, and on one issue a line.
@Suite struct EnrichCommandTests {
  private let program: ProgramRunning

  init() throws { program = try ProgramRunning() }

  private func lines(_ text: String) throws -> [JSONValue] {
    try text.split(separator: "\n").map {
      try JSONDecoder().decode(JSONValue.self, from: Data($0.utf8))
    }
  }

  private static let batch = """
    {"id": 7, "title": "Crash", "description": "The server fails."}

    {"title": ""}
    no JSON
    {"id": "x", "title": "Dark mode", "description": "Please add it."}
    {"id": "y", "title": "Only a title"}
    """

  @Test func anIssueIsGivenByItsTitleAndBody() throws {
    let result = try program.run(
      ["enrich", "--no-model", "--title", "Crash", "--body", "The server fails.", "--json"])
    #expect(result.status == 0, "\(result.error)")
    let answer = try JSONDecoder().decode(JSONValue.self, from: Data(result.output.utf8))
    #expect(answer["ai_summary"]?.string == "Crash: The server fails....")
    #expect(answer["tags"]?.string == "needs-review,bug,backend")
    let bare = try program.run(["enrich", "--no-model", "--title", "Crash"])
    #expect(bare.status == 0 && bare.output.contains("Crash: ..."), "\(bare.output)\(bare.error)")
  }

  @Test(arguments: [
    ["--title", " "], ["--body", "b"], ["--title", "t", "issue.md"],
    ["--title", "t", "--batch", "-"],
    [],
  ])
  func whatIsNoIssueIsAMisuse(_ arguments: [String]) throws {
    let result = try program.run(["enrich", "--no-model"] + arguments)
    #expect(result.status == 2 && result.error.contains("--title"), "\(result.error)")
  }

  @Test(arguments: ["file", "-"])
  func aBatchIsAnsweredLineByLine(_ from: String) throws {
    let file = try program.folder.write(Self.batch, to: "batch.jsonl")
    let result = try program.shell(
      from == "-"
        ? "exec \"$0\" enrich --no-model --batch - < \"$1\""
        : "exec \"$0\" enrich --no-model --batch \"$1\"", [ProgramRunning.program, file])
    #expect(result.status == 2, "\(result.error)")
    let answers = try lines(result.output)
    #expect(answers.map { $0["line"]?.integer } == [1, 3, 4, 5, 6])
    #expect(answers[0]["id"]?.integer == 7)
    #expect(answers[0]["ai_summary"]?.string == "Crash: The server fails....")
    #expect(answers[0]["tags"]?.string == "needs-review,bug,backend")
    #expect(answers[0]["source"]?.string == "fallback")
    #expect(answers[1]["error"]?.string?.contains("title") == true)
    #expect(answers[2]["error"]?.string?.contains("JSON") == true)
    #expect(answers[3]["id"]?.string == "x" && answers[3]["error"] == nil)
    #expect(answers[4]["ai_summary"] != nil)
    #expect(result.error.contains("line 3") && result.error.contains("line 4"))
  }

  @Test func aBatchAsksAModelAndKeepsItsOrder() async throws {
    let service = try await ServiceRunning(.none)
    let model = FakeModelServer(.openAI)
    model.script([], always: try SaidOfIssues.tagged(["bug", "api", "urgent"]))
    let socket = try await service.asking(model)
    let texts = (1...9).map { number in
      let title = "\(Self.names[number % 3]) breaks"
      return #"{"id":\#(number),"title":"\#(title)","description":"It does, \#(number)."}"#
    }
    let file = try service.folder.write(texts.joined(separator: "\r\n"), to: "batch.jsonl")
    let outcome = try await service.stet(["enrich", "--batch", file])
    #expect(outcome.status == 0, "\(outcome.error)")
    let answers = try lines(outcome.output)
    #expect(answers.map { $0["id"]?.integer } == Array(1...9))
    #expect(answers.allSatisfy { $0["source"]?.string == "model" })
    #expect(answers.last?["cached"] == .number(1) || answers.last?["cached"] == .integer(1))
    #expect((3...6).contains(model.asked.count), "\(model.asked.count)")
    model.script([], always: .error(status: 400, message: "no"))
    let failing = try service.folder.write(
      #"{"title":"Something else entirely","description":"It is so."}"#, to: "other.jsonl")
    let failed = try await service.stet(["enrich", "--batch", failing])
    #expect(failed.status == 3)
    let told = try #require(try lines(failed.output).first)
    #expect(told["source"]?.string == "fallback")
    #expect(told["model_failure"]?.string?.hasPrefix("rejected") == true)
    await socket.stop()
  }

  private static let names = ["Printing", "Login", "Search"]

  @Test(arguments: [
    [], ["--batch", "none.jsonl"], ["--batch", "-", "issue.txt"], ["--batch", "-", "--post"],
    ["--batch", "empty.jsonl"],
  ])
  func wrongUsageIsToldWithStatusTwo(_ arguments: [String]) throws {
    try program.folder.write(" \n\n", to: "empty.jsonl")
    let result = try program.run(["enrich"] + arguments)
    #expect(result.status == 2, "\(result.error)")
    #expect(!result.error.isEmpty)
  }

  @Test func bytesThatAreNoTextAreOneBadLine() throws {
    let line = #"{"title":"t","description":"d"}"#
    let result = try program.shell(
      "printf '\\377\\376\\n\(line)\\n{\"title\":\"%s\"}\\n' \"$(head -c 400 /dev/zero | tr '\\0' x)\""
        + " | \"$0\" enrich --no-model --batch -", [ProgramRunning.program])
    #expect(result.status == 2)
    let answers = try lines(result.output)
    #expect(answers.map { $0["error"] == nil } == [false, true, false])
  }
}
