import Domain

extension JSONSchema {
  /// The schema in Gemini's dialect of OpenAPI 3.0: types in capitals, `nullable`, an order of
  /// members, and no `additionalProperties`, which it refuses.
  /// Source: Gemini API reference, "Schema".
  func renderedForGemini(nullable: Bool = false, description: String? = nil) -> OrderedJSON {
    var members: [(String, OrderedJSON)]
    switch self {
    case .string: members = [("type", .string("STRING"))]
    case .integer: members = [("type", .string("INTEGER"))]
    case .number: members = [("type", .string("NUMBER"))]
    case .boolean: members = [("type", .string("BOOLEAN"))]
    case .choice(let choices):
      members = [
        ("type", .string("STRING")), ("format", .string("enum")),
        ("enum", .array(choices.map { .string($0) })),
      ]
    case .nullable(let schema):
      return schema.renderedForGemini(nullable: true, description: description)
    case .list(let element):
      members = [("type", .string("ARRAY")), ("items", element.renderedForGemini())]
    case .object(let declared):
      let names = OrderedJSON.array(declared.map { .string($0.name) })
      members = [
        ("type", .string("OBJECT")),
        (
          "properties",
          .object(
            declared.map { ($0.name, $0.schema.renderedForGemini(description: $0.description)) })
        ),
        ("required", names), ("propertyOrdering", names),
      ]
    }
    if nullable { members.append(("nullable", .bool(true))) }
    if let description { members.insert(("description", .string(description)), at: 0) }
    return .object(members)
  }
}
