import Domain
import Testing

@testable import LanguageModels

/// What the tests ask a model for.
let findingsSchema = JSONSchema.object([
  .init(
    "findings",
    .list(
      .object([
        .init("line", .integer, "The id printed before the line."),
        .init("severity", .choice(["note", "warning", "error"])),
        .init("message", .string), .init("suggestion", .nullable(.string)),
        .init("confidence", .number),
      ]))),
  .init("done", .boolean),
])

@Suite struct SchemaTests {
  private func check(_ text: String) throws -> JSONValue {
    try findingsSchema.checked(try JSONParser.value(of: Array(text.utf8)))
  }

  private func finding(_ replaced: String, with other: String) -> String {
    let good = """
      {"line": 3, "severity": "note", "message": "m", "suggestion": null, "confidence": 0.5}
      """
    let parts = good.components(around: replaced)
    return "{\"findings\": [\(good), \(good), \(parts.0)\(other)\(parts.1)], \"done\": true}"
  }

  @Test func rendersMembersInTheirOrderAllRequiredNoneBeyond() {
    let text = findingsSchema.rendered().text
    #expect(
      text == """
        {"type":"object","properties":{"findings":{"type":"array","items":{"type":"object",\
        "properties":{"line":{"description":"The id printed before the line.","type":"integer"},\
        "severity":{"type":"string","enum":["note","warning","error"]},\
        "message":{"type":"string"},\
        "suggestion":{"anyOf":[{"type":"string"},{"type":"null"}]},\
        "confidence":{"type":"number"}},\
        "required":["line","severity","message","suggestion","confidence"],\
        "additionalProperties":false}},"done":{"type":"boolean"}},\
        "required":["findings","done"],"additionalProperties":false}
        """)
  }

  @Test func rendersGeminisDialect() {
    let schema = JSONSchema.object([
      .init("why", .nullable(.string), "in words"), .init("kind", .choice(["a", "b"])),
      .init("list", .nullable(.list(.integer))), .init("ok", .boolean),
    ])
    #expect(
      schema.renderedForGemini().text == """
        {"type":"OBJECT","properties":{"why":{"description":"in words","type":"STRING",\
        "nullable":true},"kind":{"type":"STRING","format":"enum","enum":["a","b"]},\
        "list":{"type":"ARRAY","items":{"type":"INTEGER"},"nullable":true},\
        "ok":{"type":"BOOLEAN"}},"required":["why","kind","list","ok"],\
        "propertyOrdering":["why","kind","list","ok"]}
        """)
  }

  @Test func acceptsWhatSatisfiesIt() throws {
    #expect(throws: Never.self) { try check(finding("3", with: "3")) }
    let value = try check(finding("3", with: "7.0"))
    #expect(value["findings"]?.array?[2]["line"] == .integer(7))
  }

  @Test(arguments: [
    ("3", "\"3\"", "findings[2].line: expected integer"),
    ("3", "3.5", "findings[2].line: expected integer"),
    ("3", "null", "findings[2].line: expected integer"),
    ("\"note\"", "\"bad\"", "findings[2].severity: expected one of note, warning, error"),
    ("\"note\"", "1", "findings[2].severity: expected one of note, warning, error"),
    ("\"m\"", "null", "findings[2].message: expected string"),
    ("null", "5", "findings[2].suggestion: expected string"),
    ("0.5", "\"high\"", "findings[2].confidence: expected number"),
    (", \"confidence\": 0.5", "", "findings[2].confidence: is missing"),
    (
      "0.5", "0.5, \"extra\": 1",
      "findings[2]: has a member \"extra\" that the schema does not name"
    ),
  ])
  func namesThePathOfTheFirstFault(old: String, new: String, words: String) {
    #expect {
      try check(finding(old, with: new))
    } throws: {
      ($0 as? SchemaMismatch)?.description == words
    }
  }

  @Test func namesTheWholeValueWithoutAPath() {
    #expect { try check("[]") } throws: { "\($0)" == "expected object" }
    #expect { try check("{\"done\": 1}") } throws: { "\($0)" == "findings: is missing" }
  }
}

extension String {
  /// What stands before and after the last place of `middle`.
  func components(around middle: String) -> (String, String) {
    var start = endIndex
    while start > startIndex {
      start = index(before: start)
      if self[start...].hasPrefix(middle) {
        return (String(self[..<start]), String(self[start...].dropFirst(middle.count)))
      }
    }
    return (self, "")
  }
}
