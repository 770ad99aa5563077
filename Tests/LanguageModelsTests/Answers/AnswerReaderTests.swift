import Domain
import Testing

@testable import LanguageModels

@Suite struct AnswerReaderTests {
  private static let schema = JSONSchema.object([.init("ok", .boolean), .init("n", .integer)])
  private static let right = JSONValue.object(["ok": .bool(true), "n": .integer(1)])
  private static let json = #"{"ok": true, "n": 1}"#

  private func read(_ text: String, question: String = "") throws -> JSONValue {
    try AnswerReader(schema: Self.schema, question: question).read(text)
  }

  @Test(arguments: [
    json, "  \n" + json + "\n", "\u{FEFF}" + json, "```json\n" + json + "\n```",
    "Sure! Here it is:\n" + json + "\nHope that helps {really}.",
    "<think>perhaps {\"ok\": false, \"n\": 2}?</think>" + json,
    "Draft: {\"ok\": true}. Final: " + json, json + "\n" + json,
  ])
  func findsTheOneValue(text: String) throws {
    #expect(try read(text) == Self.right)
  }

  @Test(arguments: [
    ("", "there is no JSON in the answer"),
    ("All looks fine to me.", "there is no JSON in the answer"),
    ("<think>I wonder", "there is no JSON in the answer"),
    (#"{"ok": true, "n": "#, "the JSON ends too early"),
    (#"{"ok": true, "n": "1"}"#, "n: expected integer"),
    (#"Here: {"ok": true}"#, "n: is missing"),
    (
      #"{"ok": true, "n": 1} or {"ok": false, "n": 1}"#,
      "the answer holds more than one JSON value"
    ),
    (#"[{"ok": true, "n": 1}]"#, "expected object"),
  ])
  func saysWhatIsWrong(text: String, reason: String) {
    #expect { try read(text) } throws: { ($0 as? AnswerFault)?.reason == reason }
  }

  @Test func doesNotTakeTheExampleOfARepeatedQuestionForAnAnswer() {
    let question =
      String(repeating: "Review this change with care. ", count: 8) + "Example: " + Self.json
    #expect {
      try read("As you say: " + question, question: question)
    } throws: {
      ($0 as? AnswerFault)?.reason == "the answer repeats the question"
    }
  }

  @Test func isQuickOnATextFullOfBraces() {
    let braces = String(repeating: "{", count: 200_000)
    #expect(throws: AnswerFault.self) { try read("x" + braces) }
  }

  @Test func readsAListWhereOneIsAskedFor() throws {
    let reader = AnswerReader(schema: .list(.integer), question: "")
    #expect(try reader.read("The lines are [1, 2].") == .array([.integer(1), .integer(2)]))
  }
}
