import Domain

/// The first place where a value does not satisfy its schema.
struct SchemaMismatch: Error, Equatable, CustomStringConvertible {
  /// Such as `findings[2].line`; empty for the whole value.
  var path: String
  var reason: String

  var description: String { path.isEmpty ? reason : "\(path): \(reason)" }
}

extension JSONSchema {
  /// Checks a value and gives it back with what the schema makes certain: a whole number that was
  /// written as `3.0` becomes the integer 3.
  /// - Throws: `SchemaMismatch` for the first fault, in the schema's order.
  /// - Complexity: O(values).
  func checked(_ value: JSONValue, at path: String = "") throws(SchemaMismatch) -> JSONValue {
    switch (self, value) {
    case (.string, .string), (.boolean, .bool), (.integer, .integer), (.number, .integer),
      (.number, .number):
      return value
    case (.integer, .number(let number)):
      guard let whole = Int(exactly: number) else {
        throw SchemaMismatch(path: path, reason: "expected integer")
      }
      return .integer(whole)
    case (.choice(let choices), .string(let text)):
      guard choices.contains(text) else {
        throw SchemaMismatch(
          path: path, reason: "expected one of \(choices.joined(separator: ", "))")
      }
      return value
    case (.nullable, .null): return value
    case (.nullable(let schema), _): return try schema.checked(value, at: path)
    case (.list(let element), .array(let values)):
      var checked: [JSONValue] = []
      checked.reserveCapacity(values.count)
      for (index, value) in values.enumerated() {
        checked.append(try element.checked(value, at: "\(path)[\(index)]"))
      }
      return .array(checked)
    case (.object(let declared), .object(var members)):
      for member in declared {
        let path = path.isEmpty ? member.name : "\(path).\(member.name)"
        guard let value = members[member.name] else {
          throw SchemaMismatch(path: path, reason: "is missing")
        }
        members[member.name] = try member.schema.checked(value, at: path)
      }
      if members.count > declared.count {
        let known = Set(declared.map(\.name))
        let extra = members.keys.filter { !known.contains($0) }.sorted().first ?? ""
        throw SchemaMismatch(
          path: path, reason: "has a member \"\(extra.prefix(40))\" that the schema does not name")
      }
      return .object(members)
    default: throw SchemaMismatch(path: path, reason: "expected \(name)")
    }
  }

  private var name: String {
    switch self {
    case .string: "string"
    case .integer: "integer"
    case .number: "number"
    case .boolean: "true or false"
    case .choice(let choices): "one of \(choices.joined(separator: ", "))"
    case .nullable(let schema): "\(schema.name) or null"
    case .list: "array"
    case .object: "object"
    }
  }
}
