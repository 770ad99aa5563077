import Foundation
import Hummingbird

/// What a form sent. Source: the URL Standard, "application/x-www-form-urlencoded".
struct FormFields: Sendable {
  static let contentType = "application/x-www-form-urlencoded"
  static let limit = 16 << 10

  private var values: [String: String] = [:]

  init() {}

  init(_ bytes: [UInt8]) throws {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw Problem(.malformed, "The form is not UTF-8.")
    }
    for pair in text.split(separator: "&").prefix(50) {
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard let name = Self.decoded(parts[0]), values[name] == nil,
        let value = Self.decoded(parts.count == 2 ? parts[1] : "")
      else { continue }
      values[name] = value
    }
  }

  subscript(name: String) -> String? { values[name] }

  private static func decoded(_ text: Substring) -> String? {
    text.replacing("+", with: " ").removingPercentEncoding
  }
}

extension ServerContext {
  /// Reads a small form.
  func readForm(_ request: Request, _ limits: ServerLimits) async throws -> FormFields {
    let type = request.headers.first("content-type")?.split(separator: ";").first
    guard type?.trimmingCharacters(in: .whitespaces).lowercased() == FormFields.contentType else {
      throw Problem(.unsupportedType, "This place takes a form of its own page.")
    }
    return try FormFields(
      await read(request, limit: FormFields.limit, deadline: limits.bodyDeadline))
  }
}
