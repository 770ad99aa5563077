import Domain
import TestKit
import Testing

/// The validator itself: what it lets pass and what it does not.
@Suite struct FakeGitHubSchemaTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var schema: String
    var good: [String]
    /// A value, and a word of the complaint.
    var bad: [(String, String)]
    var testDescription: String { schema }
  }

  static let cases: [Case] = [
    Case(
      schema: #"{"type": "string"}"#, good: [#""a""#],
      bad: [("1", "is not string"), ("null", "is not string")]),
    Case(
      schema: #"{"type": "string", "nullable": true}"#, good: ["null", #""a""#],
      bad: [("1", "string")]),
    Case(schema: #"{"type": ["string", "null"]}"#, good: ["null"], bad: [("true", "or null")]),
    Case(schema: #"{"type": "integer"}"#, good: ["1", "1.0"], bad: [("1.5", "is not integer")]),
    Case(schema: #"{"type": "number"}"#, good: ["1", "1.5"], bad: [(#""1""#, "is not number")]),
    Case(
      schema: #"{"type": "string", "enum": ["a", "b"]}"#, good: [#""b""#],
      bad: [(#""c""#, "is not one of")]),
    Case(
      schema: #"{"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}}"#,
      good: [#"{"a": 1, "more": 2}"#],
      bad: [("{}", "has no 'a'"), (#"{"a": "x"}"#, "$.a"), ("[]", "is not object")]),
    Case(
      schema: #"{"properties": {"a": {}}, "additionalProperties": false}"#, good: [#"{"a": 1}"#],
      bad: [(#"{"b": 1}"#, "'b' is not allowed")]),
    Case(
      schema: #"{"additionalProperties": {"type": "string"}}"#, good: [#"{"a": "x"}"#],
      bad: [(#"{"a": 1}"#, "$.a")]),
    Case(
      schema: #"{"type": "array", "minItems": 1, "maxItems": 2, "items": {"type": "integer"}}"#,
      good: ["[1]", "[1, 2]"],
      bad: [("[]", "minItems"), ("[1, 2, 3]", "maxItems"), (#"[1, "x"]"#, "$[1]")]),
    Case(
      schema: ##"{"$ref": "#/components/schemas/name"}"##, good: [#""abc""#],
      bad: [(#""abcd""#, "maxLength"), ("1", "string")]),
    Case(schema: ##"{"$ref": "#/components/schemas/none"}"##, good: [], bad: [("1", "one of")]),
    Case(
      schema: #"{"oneOf": [{"type": "integer"}, {"type": "number"}, {"type": "string"}]}"#,
      good: ["1.5", #""x""#], bad: [("1", "fits 2"), ("true", "fits none")]),
    Case(
      schema: #"{"anyOf": [{"type": "integer"}, {"type": "number"}]}"#, good: ["1", "1.5"],
      bad: [("null", "fits none")]),
    Case(
      schema: #"{"allOf": [{"required": ["a"]}, {"required": ["b"]}]}"#,
      good: [#"{"a": 1, "b": 1}"#], bad: [(#"{"a": 1}"#, "'b'")]),
    Case(
      schema: #"{"type": "string", "format": "date-time"}"#,
      good: [#""2026-11-21T15:00:00Z""#, #""2026-11-21T15:00:00+01:00""#],
      bad: [(#""yesterday""#, "date-time"), (#""2026-11-21""#, "date-time")]),
    Case(
      schema: #"{"type": "string", "format": "uri"}"#,
      good: [#""https://a.example/b{/c}""#], bad: [(#""/a/b""#, "uri"), (#""a b""#, "uri")]),
    Case(schema: #"{"minimum": 1, "maximum": 3}"#, good: ["2"], bad: [("0", "min"), ("4", "max")]),
    Case(schema: #"{"pattern": "^a+$"}"#, good: [#""aa""#], bad: [(#""ab""#, "pattern")]),
    Case(schema: #"{"not": {"type": "string"}}"#, good: ["1"], bad: [(#""a""#, "must not")]),
    Case(schema: #"{"const": 3}"#, good: ["3"], bad: [("4", "is not 3")]),
    Case(schema: #"{"dependentRequired": {}}"#, good: [], bad: [("{}", "not known here")]),
    Case(
      schema: #"{"type": "integer", "description": "x", "x-github": {}, "example": 1}"#,
      good: ["1"], bad: []),
  ]

  @Test(arguments: cases) func holds(_ example: Case) throws {
    let document = try JSONValue.parsed(
      #"{"components": {"schemas": {"name": {"type": "string", "maxLength": 3}}}}"#)
    let check = JSONSchemaCheck(document: document)
    let schema = try JSONValue.parsed(example.schema)
    for text in example.good {
      let problems = check.problems(of: try .parsed(text), against: schema)
      #expect(problems == [], "\(text)")
    }
    for (text, word) in example.bad {
      let problems = check.problems(of: try .parsed(text), against: schema)
      #expect(problems.contains { $0.contains(word) }, "\(text): \(problems)")
    }
  }

  @Test func letsNamedMembersBeNull() throws {
    let schema = try JSONValue.parsed(#"{"properties": {"line": {"type": "integer"}}}"#)
    let value = try JSONValue.parsed(#"{"line": null}"#)
    #expect(JSONSchemaCheck(document: .null).problems(of: value, against: schema).count == 1)
    #expect(
      JSONSchemaCheck(document: .null, nullable: [".line"])
        .problems(of: value, against: schema) == [])
  }

  private static let description = #"""
    {"paths": {"/things/{id}": {"post": {
      "parameters": [
        {"name": "id", "in": "path", "schema": {"type": "integer"}},
        {"name": "page", "in": "query", "schema": {"type": "integer"}}],
      "requestBody": {"content": {"application/json": {"schema": {
        "type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}}}},
      "responses": {"201": {"content": {"application/json": {"schema": {
        "type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}}}}}}
    }}}}
    """#

  private func exchange(
    _ path: String = "/things/1", request: String = #"{"name": "a"}"#, status: Int = 201,
    answer: String = #"{"id": 1}"#
  ) -> FakeGitHub.Exchange {
    FakeGitHub.Exchange(
      number: 1, method: "POST", path: path, requestHeaders: [:],
      requestBody: Array(request.utf8), status: status,
      responseHeaders: ["content-type": "application/json; charset=utf-8"],
      responseBody: Array(answer.utf8))
  }

  @Test func findsWhatAnExchangeBreaks() throws {
    let check = OpenAPICheck([try .parsed(Self.description)])
    func problems(_ exchange: FakeGitHub.Exchange) -> String {
      check.problems(in: [exchange]).joined(separator: "; ")
    }
    #expect(problems(exchange()) == "")
    #expect(problems(exchange("/things/1?page=2")) == "")
    #expect(problems(exchange("/others/1")).contains("no operation"))
    #expect(problems(exchange("/things/x")).contains("path id"))
    #expect(problems(exchange("/things/1?pages=2")).contains("'pages' is not in the description"))
    #expect(problems(exchange("/things/1?page=x")).contains("query page"))
    #expect(problems(exchange(request: "{}")).contains("has no 'name'"))
    #expect(problems(exchange(request: #"{"name": "a", "nam": 1}"#)).contains("member 'nam'"))
    #expect(problems(exchange(request: "no")).contains("is not JSON"))
    #expect(problems(exchange(status: 200)).contains("status 200 is not listed"))
    #expect(problems(exchange(answer: "{}")).contains("has no 'id'"))
    #expect(problems(exchange(answer: "<html>")).contains("is not JSON"))
    // A refusal needs no listing, but a message.
    #expect(problems(exchange(status: 403, answer: #"{"message": "No"}"#)) == "")
    #expect(problems(exchange(status: 403, answer: "{}")).contains("without a message"))
  }
}
