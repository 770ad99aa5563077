import Domain
import Foundation
import Testing

@testable import LanguageModels

@Suite struct JSONParserTests {
  private func parse(_ text: String) throws -> JSONValue {
    try JSONParser.value(of: Array(text.utf8))
  }

  @Test(
    arguments: [
      ("null", .null), (" true ", .bool(true)), ("-0", .integer(0)), ("12", .integer(12)),
      ("1.5e3", .number(1500)), ("99999999999999999999", .number(1e20)),
      ("\"a\\n\\u0041\\ud83d\\ude00\"", .string("a\nA😀")), ("\"\\ud83d x\"", .string("\u{FFFD} x")),
      ("[]", .array([])), ("[1, {\"a\": null}]", .array([.integer(1), .object(["a": .null])])),
      ("{\"a\":1,\"a\":2}", .object(["a": .integer(2)])),
    ] as [(String, JSONValue)])
  func readsEveryKindOfValue(text: String, value: JSONValue) throws {
    #expect(try parse(text) == value)
  }

  @Test(arguments: [
    "", "{", "{\"a\"}", "[1,]", "{,}", "01", "1.", "-", "nul", "\"\u{1}\"", "\"\\x\"", "1 2", "[1}",
    "\"open", "+1", ".5", "1e999", "{'a':1}",
  ])
  func refusesWhatIsNotJSON(text: String) {
    #expect(throws: JSONParseError.self) { try parse(text) }
  }

  @Test func saysWhereAndWhetherTheTextWasCut() {
    #expect { try parse("{\"a\": [1, 2") } throws: { error in
      let error = error as? JSONParseError
      return error?.truncated == true && error?.offset == 11
    }
    #expect { try parse("[1, x]") } throws: { error in
      let error = error as? JSONParseError
      return error?.truncated == false && error?.offset == 4
    }
  }

  @Test func refusesBytesThatAreNotUTF8AndNestingWithoutEnd() {
    #expect(throws: JSONParseError.self) {
      try JSONParser.value(of: [UInt8(ascii: "\""), 0xC3, UInt8(ascii: "\"")])
    }
    #expect(throws: JSONParseError.self) {
      try JSONParser.value(of: [UInt8](repeating: UInt8(ascii: "["), count: 1_000_000))
    }
  }

  /// Foundation's reader is the judge for texts that chance writes.
  @Test func agreesWithFoundationOnRandomValues() throws {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<300 {
      let value = Self.anyValue(depth: 0, using: &random)
      let data = try JSONSerialization.data(
        withJSONObject: ["v": value], options: [.fragmentsAllowed])
      let ours = try JSONParser.value(of: Array(data))
      let theirs = try JSONDecoder().decode(JSONValue.self, from: data)
      #expect(ours == theirs)
    }
  }

  private static func anyValue(
    depth: Int, using random: inout SystemRandomNumberGenerator
  ) -> Any {
    switch Int.random(in: 0..<(depth > 3 ? 4 : 6), using: &random) {
    case 0: return NSNull()
    case 1: return Bool.random(using: &random)
    case 2: return Int.random(in: -1000...1000, using: &random)
    case 3:
      let scalars: [Character] = ["a", "\"", "\\", "\n", "é", "😀", "\u{7F}", "/", "\t"]
      return String((0..<6).compactMap { _ in scalars.randomElement(using: &random) })
    case 4: return (0..<3).map { _ in anyValue(depth: depth + 1, using: &random) }
    default: return ["k": anyValue(depth: depth + 1, using: &random), "ü\n": 1]
    }
  }

  @Test func writesWhatItReads() throws {
    let ordered = OrderedJSON.object([
      ("z", .string("q\"\\\n\u{1}\u{7F}é😀")), ("a", .array([.null, .bool(false), .integer(-3)])),
      ("n", .number(0.25)), ("whole", .number(2)), ("none", .number(.infinity)),
    ])
    #expect(ordered.text.hasPrefix("{\"z\":"))
    let value = try parse(ordered.text)
    #expect(value["z"] == .string("q\"\\\n\u{1}\u{7F}é😀"))
    #expect(value["a"] == .array([.null, .bool(false), .integer(-3)]))
    #expect(value["n"] == .number(0.25))
    #expect(value["whole"] == .integer(2))
    #expect(value["none"] == .null)
  }
}
