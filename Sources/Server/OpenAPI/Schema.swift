import Domain

/// Builds schemas of JSON Schema 2020-12, which OpenAPI 3.1 uses.
enum Schema {
  struct Member {
    var name: String
    var schema: JSONValue
    var isRequired: Bool
  }

  static func text(
    _ meaning: String? = nil, from: Int? = nil, to: Int? = nil, format: String? = nil
  ) -> JSONValue {
    typed(
      "string", meaning,
      [
        "minLength": from.map(JSONValue.integer), "maxLength": to.map(JSONValue.integer),
        "format": format.map(JSONValue.string),
      ])
  }

  static func integer(_ meaning: String? = nil, from: Int? = nil, to: Int? = nil) -> JSONValue {
    typed(
      "integer", meaning,
      ["minimum": from.map(JSONValue.integer), "maximum": to.map(JSONValue.integer)])
  }

  static func number(_ meaning: String? = nil) -> JSONValue { typed("number", meaning, [:]) }
  static func flag(_ meaning: String? = nil) -> JSONValue { typed("boolean", meaning, [:]) }
  static let date = text(format: "date-time")

  static func one(of values: [String], _ meaning: String? = nil) -> JSONValue {
    typed("string", meaning, ["enum": .array(values.map(JSONValue.string))])
  }

  static func list(of schema: JSONValue, _ meaning: String? = nil) -> JSONValue {
    typed("array", meaning, ["items": schema])
  }

  /// An object of any names.
  static func map(of schema: JSONValue, _ meaning: String? = nil) -> JSONValue {
    typed("object", meaning, ["additionalProperties": schema])
  }

  static func ref(_ name: String) -> JSONValue {
    .object(["$ref": .string("#/components/schemas/\(name)")])
  }

  static func orNull(_ schema: JSONValue) -> JSONValue {
    if case .object(var members) = schema, case .string(let type)? = members["type"],
      members["enum"] == nil
    {
      members["type"] = .array([.string(type), .string("null")])
      return .object(members)
    }
    return .object(["anyOf": .array([schema, .object(["type": .string("null")])])])
  }

  static func required(_ name: String, _ schema: JSONValue) -> Member {
    Member(name: name, schema: schema, isRequired: true)
  }

  static func optional(_ name: String, _ schema: JSONValue) -> Member {
    Member(name: name, schema: schema, isRequired: false)
  }

  static func object(_ members: [Member], _ meaning: String? = nil) -> JSONValue {
    typed(
      "object", meaning,
      [
        "properties": .object(
          Dictionary(members.map { ($0.name, $0.schema) }, uniquingKeysWith: { first, _ in first })
        ),
        "required": members.contains(where: \.isRequired)
          ? .array(members.filter(\.isRequired).map { .string($0.name) }) : nil,
      ])
  }

  private static func typed(
    _ type: String, _ meaning: String?, _ further: [String: JSONValue?]
  ) -> JSONValue {
    var members: [String: JSONValue] = ["type": .string(type)]
    if let meaning { members["description"] = .string(meaning) }
    for (name, value) in further { if let value { members[name] = value } }
    return .object(members)
  }
}
