import Domain
import Foundation
import Hummingbird

@testable import Server

/// Holds an answer to what `/openapi.json` says of its route.
enum DescriptionCheck {
  struct Mismatch: Error { var what: String }

  static func check(
    _ response: RawResponse, _ method: String, _ target: String, routes: [Route]
  ) throws {
    let path = String(target.prefix { $0 != "?" })
    let type = response.headers["content-type"] ?? ""
    if method == "HEAD" { return }
    guard let verb = HTTPRequest.Method(method),
      case .found(let route, _) = RouteTable(routes).match(verb, path)
    else { return try check(problem: response) }
    let document = Description.document(of: routes)
    let operation = document["paths"]?[route.path]?[route.method.rawValue.lowercased()]
    guard let described = operation?["responses"]?["\(response.status)"] else {
      throw Mismatch(
        what: "\(route.method) \(route.path) does not describe \(response.status): \(response.text)"
      )
    }
    guard let schema = described["content"]?[type]?["schema"] else {
      throw Mismatch(what: "\(route.path) \(response.status) does not describe '\(type)'")
    }
    guard type.contains("json") else { return }
    let body = try JSONDecoder().decode(JSONValue.self, from: Data(response.body))
    let failures = SchemaCheck(document).failures(of: body, by: schema, at: "$")
    guard failures.isEmpty else {
      throw Mismatch(
        what: "\(route.path) \(response.status): \(failures.joined(separator: "; "))")
    }
  }

  static func check(problem response: RawResponse) throws {
    guard response.headers["content-type"] == "application/problem+json" else {
      throw Mismatch(what: "\(response.status) is no problem document: \(response.headers)")
    }
    let body = try JSONDecoder().decode(JSONValue.self, from: Data(response.body))
    let document = Description.document(of: [])
    let failures = SchemaCheck(document).failures(
      of: body, by: Schema.ref("Problem"), at: "$")
    guard failures.isEmpty, body["status"]?.integer == response.status else {
      throw Mismatch(what: failures.joined(separator: "; "))
    }
  }
}

/// The part of JSON Schema that the description uses. What it does not know fails.
struct SchemaCheck {
  private let document: JSONValue
  private static let known: Set<String> = [
    "$ref", "type", "description", "properties", "required", "items", "enum", "anyOf", "format",
    "minLength", "maxLength", "minimum", "maximum", "additionalProperties",
  ]

  init(_ document: JSONValue) { self.document = document }

  func failures(of value: JSONValue, by schema: JSONValue, at place: String) -> [String] {
    guard case .object(let members) = schema else { return [] }
    let unknown = members.keys.filter { !Self.known.contains($0) }
    if !unknown.isEmpty { return ["\(place): the schema has \(unknown)"] }
    if let name = members["$ref"]?.string?.split(separator: "/").last {
      guard let target = document["components"]?["schemas"]?[String(name)] else {
        return ["\(place): there is no schema \(name)"]
      }
      return failures(of: value, by: target, at: place)
    }
    if let options = members["anyOf"]?.array {
      let all = options.map { failures(of: value, by: $0, at: place) }
      return all.contains(where: \.isEmpty) ? [] : all.flatMap { $0 }
    }
    if let types = members["type"] {
      let names = types.array?.compactMap(\.string) ?? [types.string ?? ""]
      guard names.contains(where: { Self.isOf($0, value) }) else {
        return ["\(place): \(value) is not \(names)"]
      }
    }
    if let allowed = members["enum"]?.array, value != .null, !allowed.contains(value) {
      return ["\(place): \(value) is none of \(allowed)"]
    }
    return failures(within: value, members, at: place)
  }

  private func failures(
    within value: JSONValue, _ schema: [String: JSONValue], at place: String
  ) -> [String] {
    switch value {
    case .object(let members):
      var found: [String] = []
      for name in schema["required"]?.array?.compactMap(\.string) ?? [] where members[name] == nil {
        found.append("\(place): '\(name)' is missing")
      }
      for (name, member) in members {
        if let schema = schema["properties"]?[name] ?? schema["additionalProperties"] {
          found += failures(of: member, by: schema, at: "\(place).\(name)")
        } else if schema["properties"] != nil, !place.contains(".dropped[") {
          found.append("\(place): '\(name)' is not described")
        }
      }
      return found
    case .array(let items):
      guard let schema = schema["items"] else { return [] }
      return items.enumerated().flatMap {
        failures(of: $0.element, by: schema, at: "\(place)[\($0.offset)]")
      }
    case .string(let text):
      if let most = schema["maxLength"]?.integer, text.count > most { return ["\(place): long"] }
      if schema["format"]?.string == "date-time", Self.date(text) == nil {
        return ["\(place): '\(text)' is no date"]
      }
      return []
    default: return []
    }
  }

  private static func date(_ text: String) -> Date? {
    try? Date(text, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true))
  }

  private static func isOf(_ type: String, _ value: JSONValue) -> Bool {
    switch (type, value) {
    case ("null", .null), ("boolean", .bool), ("integer", .integer), ("number", .number),
      ("number", .integer), ("string", .string), ("array", .array), ("object", .object):
      true
    default: false
    }
  }
}
