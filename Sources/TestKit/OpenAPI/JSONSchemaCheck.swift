public import Domain
import Foundation

/// Checks JSON against the part of JSON Schema that OpenAPI descriptions 3.0 and 3.1 use. A keyword
/// that it does not know is a problem, so that nothing passes for being overlooked.
/// Source: OpenAPI 3.0.3, "Schema Object"; JSON Schema 2020-12, "Validation".
public struct JSONSchemaCheck: Sendable {
  private let document: JSONValue
  /// Ends of places where `null` is let pass.
  private let nullable: Set<String>

  /// - Parameters:
  ///   - document: what `$ref`s point into.
  ///   - nullable: members that may be `null` whatever their schema says.
  public init(document: JSONValue, nullable: Set<String> = []) {
    self.document = document
    self.nullable = nullable
  }

  /// One sentence for each thing that is wrong, with its place as `$.a[0].b`.
  public func problems(of value: JSONValue, against schema: JSONValue) -> [String] {
    problems(value, schema, "$")
  }

  /// The schema behind a `#/components/…`.
  public func resolved(_ schema: JSONValue) -> JSONValue {
    var schema = schema
    for _ in 0..<16 {
      guard let reference = schema["$ref"]?.string, reference.hasPrefix("#/") else { break }
      var found: JSONValue? = document
      for part in reference.dropFirst(2).split(separator: "/") {
        let name = part.replacingOccurrences(of: "~1", with: "/")
          .replacingOccurrences(of: "~0", with: "~")
        found = found?[name.removingPercentEncoding ?? name]
      }
      schema = found ?? .object(["enum": .array([])])
    }
    return schema
  }

  private static let ignored: Set<String> = [
    "title", "description", "example", "examples", "default", "deprecated", "readOnly",
    "writeOnly", "externalDocs", "discriminator", "format", "nullable", "$defs", "xml",
  ]

  private func problems(_ value: JSONValue, _ schema: JSONValue, _ place: String) -> [String] {
    if let bool = schema.bool { return bool ? [] : ["\(place): nothing is allowed here"] }
    let schema = resolved(schema)
    if value == .null {
      if schema["nullable"]?.bool == true || nullable.contains(where: place.hasSuffix) { return [] }
    }
    var problems: [String] = []
    for (keyword, rule) in schema.members.sorted(by: { $0.key < $1.key }) {
      switch keyword {
      case "type": problems += type(value, rule, place)
      case "enum":
        if rule.array?.contains(value) != true {
          problems.append("\(place): \(Self.short(value)) is not one of \(Self.short(rule))")
        }
      case "const":
        if rule != value { problems.append("\(place): is not \(Self.short(rule))") }
      case "required", "properties", "additionalProperties", "minProperties", "maxProperties":
        problems += member(keyword, rule, value, schema, place)
      case "items":
        for (index, item) in (value.array ?? []).enumerated() {
          problems += self.problems(item, rule, "\(place)[\(index)]")
        }
      case "allOf":
        for branch in rule.array ?? [] { problems += self.problems(value, branch, place) }
      case "anyOf", "oneOf": problems += branches(keyword, rule.array ?? [], value, place)
      case "not":
        if self.problems(value, rule, place).isEmpty {
          problems.append("\(place): is what it must not be")
        }
      case "minLength", "maxLength", "minItems", "maxItems", "minimum", "maximum", "pattern",
        "uniqueItems":
        problems += limit(keyword, rule, value, place)
      case _ where Self.ignored.contains(keyword) || keyword.hasPrefix("x-"): break
      default: problems.append("\(place): the schema's keyword '\(keyword)' is not known here")
      }
    }
    if let format = schema["format"]?.string { problems += self.format(format, value, place) }
    return problems
  }

  private static func short(_ value: JSONValue) -> String {
    let text = String(decoding: value.bytes, as: UTF8.self)
    return text.count > 80 ? text.prefix(80) + "…" : text
  }

  private func type(_ value: JSONValue, _ rule: JSONValue, _ place: String) -> [String] {
    let names = rule.array?.compactMap(\.string) ?? rule.string.map { [$0] } ?? []
    let fits = names.contains { name in
      switch (name, value) {
      case ("object", .object), ("array", .array), ("string", .string), ("boolean", .bool),
        ("null", .null), ("number", .integer), ("number", .number), ("integer", .integer):
        true
      case ("integer", .number(let number)): number == number.rounded()
      default: false
      }
    }
    return fits
      ? [] : ["\(place): \(Self.short(value)) is not \(names.joined(separator: " or "))"]
  }

  private func member(
    _ keyword: String, _ rule: JSONValue, _ value: JSONValue, _ schema: JSONValue, _ place: String
  ) -> [String] {
    guard case .object(let members) = value else { return [] }
    switch keyword {
    case "required":
      return (rule.array ?? []).compactMap(\.string).filter { members[$0] == nil }
        .map { "\(place): has no '\($0)'" }
    case "properties":
      return rule.members.sorted { $0.key < $1.key }.flatMap { name, schema in
        members[name].map { problems($0, schema, "\(place).\(name)") } ?? []
      }
    case "minProperties":
      return members.count < rule.integer ?? 0 ? ["\(place): has too few members"] : []
    case "maxProperties":
      return members.count > rule.integer ?? .max ? ["\(place): has too many members"] : []
    default:
      let named = schema["properties"]?.members ?? [:]
      return members.filter { named[$0.key] == nil }.sorted { $0.key < $1.key }
        .flatMap { name, member in
          rule.bool == false
            ? ["\(place): '\(name)' is not allowed"]
            : problems(member, rule, "\(place).\(name)")
        }
    }
  }

  private func branches(
    _ keyword: String, _ branches: [JSONValue], _ value: JSONValue, _ place: String
  ) -> [String] {
    let found = branches.map { problems(value, $0, place) }
    let fitting = found.count(where: \.isEmpty)
    if keyword == "oneOf", fitting > 1 {
      return ["\(place): fits \(fitting) of the schemas of which it should fit one"]
    }
    if fitting > 0 { return [] }
    // The branch that comes closest says most.
    let nearest = found.min { $0.count < $1.count } ?? []
    return ["\(place): fits none of \(branches.count) schemas"] + nearest.prefix(3)
  }

  private func limit(
    _ keyword: String, _ rule: JSONValue, _ value: JSONValue, _ place: String
  ) -> [String] {
    let limit = rule.number ?? 0
    let isWrong =
      switch (keyword, value) {
      case ("minLength", .string(let text)): Double(text.unicodeScalars.count) < limit
      case ("maxLength", .string(let text)): Double(text.unicodeScalars.count) > limit
      case ("minItems", .array(let items)): Double(items.count) < limit
      case ("maxItems", .array(let items)): Double(items.count) > limit
      case ("uniqueItems", .array(let items)):
        rule.bool == true && Set(items).count != items.count
      case ("minimum", _): value.number.map { $0 < limit } ?? false
      case ("maximum", _): value.number.map { $0 > limit } ?? false
      case ("pattern", .string(let text)):
        text.range(of: rule.string ?? "", options: .regularExpression) == nil
      default: false
      }
    return isWrong
      ? ["\(place): \(Self.short(value)) is outside \(keyword) \(Self.short(rule))"] : []
  }

  /// Only what a program trips over: times that do not parse, addresses that are none.
  private func format(_ format: String, _ value: JSONValue, _ place: String) -> [String] {
    guard let text = value.string else { return [] }
    let pattern =
      switch format {
      case "date-time":
        #"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:?\d{2})$"#
      // Templates such as `…{/sha}` stand in members that GitHub calls addresses.
      case "uri": #"^[a-z][a-z0-9+.-]*:[^ ]+$"#
      case "email": "^[^@ ]+@[^@ ]+$"
      default: ""
      }
    if pattern.isEmpty || text.range(of: pattern, options: .regularExpression) != nil { return [] }
    return ["\(place): \(Self.short(value)) is not a \(format)"]
  }
}
