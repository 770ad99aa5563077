import Domain
import Foundation
import Hummingbird

/// How answers are written.
enum Answer {
  static let jsonType = "application/json"
  static let problemType = "application/problem+json"

  static func json(
    _ value: JSONValue, status: Int = 200, contentType: String = jsonType
  ) -> Response {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // A `JSONValue` without an infinite number always encodes.
    let data = (try? encoder.encode(value)) ?? Data("null".utf8)
    return Response(
      status: HTTPResponse.Status(code: status), headers: [.contentType: contentType],
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: data)))
  }

  static func text(_ text: String, contentType: String, status: Int = 200) -> Response {
    Response(
      status: HTTPResponse.Status(code: status), headers: [.contentType: contentType],
      body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
  }

  static func date(_ date: Date?) -> JSONValue {
    date.map { .string($0.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))) }
      ?? .null
  }

  static func optional(_ text: String?) -> JSONValue { text.map(JSONValue.string) ?? .null }
}

extension HTTPFields {
  typealias Name = HTTPFields.Element.Name

  /// Replaces a field; a name that no header can have is left out.
  mutating func set(_ name: String, _ value: String) {
    if let name = Name(name) { self[name] = value }
  }

  /// The first value of a header, by its name in any case.
  func first(_ name: String) -> String? {
    guard let name = Name(name) else { return nil }
    return first { $0.name == name }?.value
  }
}
