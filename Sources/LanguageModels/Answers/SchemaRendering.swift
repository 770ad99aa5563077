import Domain

extension JSONSchema {
  /// The schema as JSON Schema in the subset that every vendor accepts in strict mode: every
  /// member required, `additionalProperties` false, members in their declared order.
  func rendered(description: String? = nil) -> OrderedJSON {
    var members: [(String, OrderedJSON)]
    switch self {
    case .string: members = [("type", .string("string"))]
    case .integer: members = [("type", .string("integer"))]
    case .number: members = [("type", .string("number"))]
    case .boolean: members = [("type", .string("boolean"))]
    case .choice(let choices):
      members = [
        ("type", .string("string")), ("enum", .array(choices.map { .string($0) })),
      ]
    case .nullable(let schema):
      members = [
        ("anyOf", .array([schema.rendered(), .object([("type", .string("null"))])]))
      ]
    case .list(let element):
      members = [("type", .string("array")), ("items", element.rendered())]
    case .object(let declared):
      members = [
        ("type", .string("object")),
        (
          "properties",
          .object(
            declared.map {
              ($0.name, $0.schema.rendered(description: $0.description))
            })
        ),
        ("required", .array(declared.map { .string($0.name) })),
        ("additionalProperties", .bool(false)),
      ]
    }
    if let description { members.insert(("description", .string(description)), at: 0) }
    return .object(members)
  }
}
