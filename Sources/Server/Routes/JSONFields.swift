import Domain
import Foundation
import UseCases

/// The members of a request's JSON object, taken one by one. Every mistake is kept, so that all are
/// told together; members that nobody asks for are ignored.
struct JSONFields {
  private enum Member: Decodable {
    case null
    case string(String)
    case bool(Bool)
    case other(JSONValue)

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if container.decodeNil() {
        self = .null
      } else if let value = try? container.decode(String.self) {
        self = .string(value)
      } else if let value = try? container.decode(Bool.self) {
        self = .bool(value)
      } else {
        self = .other(try container.decode(JSONValue.self))
      }
    }
  }

  private let members: [String: Member]
  private(set) var errors: [Problem.FieldError] = []

  /// - Throws: a `Problem`, 400 where it is not JSON and 422 where it is not an object.
  init(_ bytes: [UInt8]) throws {
    guard !bytes.isEmpty else {
      throw Problem(.malformed, "The body is empty: it has to be a JSON object.")
    }
    var syntax = JSONSyntax(bytes)
    if let failure = syntax.firstFailure() {
      throw Problem(
        .malformed,
        "The body is not JSON: \(failure.message), at line \(failure.line), "
          + "column \(failure.column).")
    }
    guard bytes.first(where: { !" \n\r\t".utf8.contains($0) }) == UInt8(ascii: "{"),
      let members = try? JSONDecoder().decode([String: Member].self, from: Data(bytes))
    else {
      throw Problem.fields([.init(field: "", message: "The body has to be a JSON object.")])
    }
    self.members = members
  }

  /// The members of an object within a body; `nil` where it is none.
  init?(_ value: JSONValue) {
    guard case .object(let values) = value else { return nil }
    members = values.mapValues { value in
      switch value {
      case .null: .null
      case .string(let text): .string(text)
      case .bool(let flag): .bool(flag)
      default: .other(value)
      }
    }
  }

  mutating func refuse(_ field: String, _ message: String) {
    errors.append(.init(field: field, message: message))
  }

  /// A text; `nil` where it is missing, null or refused.
  mutating func text(_ field: String, isRequired: Bool = false, maxBytes: Int) -> String? {
    switch members[field] ?? .null {
    case .null:
      if isRequired { refuse(field, "It is missing.") }
      return nil
    case .string(let text):
      guard text.utf8.count <= maxBytes else {
        refuse(field, "It is longer than \(maxBytes) bytes.")
        return nil
      }
      return text
    case .bool, .other:
      refuse(field, "It has to be a string.")
      return nil
    }
  }

  /// `true` or `false`; `nil` where it is missing, null or refused.
  mutating func flag(_ field: String) -> Bool? {
    switch members[field] ?? .null {
    case .null: return nil
    case .bool(let value): return value
    case .string, .other:
      refuse(field, "It has to be true or false.")
      return nil
    }
  }

  /// Whatever stands there; `nil` where it is missing or null.
  func value(_ field: String) -> JSONValue? {
    switch members[field] ?? .null {
    case .null: nil
    case .string(let text): .string(text)
    case .bool(let value): .bool(value)
    case .other(let value): value
    }
  }

  func has(_ field: String) -> Bool {
    if case .null = members[field] ?? .null { false } else { true }
  }

  /// Whether it stands there at all, null included.
  func names(_ field: String) -> Bool { members[field] != nil }

  /// - Throws: one `Problem` for all that was refused.
  func check() throws {
    if !errors.isEmpty { throw Problem.fields(errors) }
  }
}
