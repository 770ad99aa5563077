import Domain
import Foundation

/// The JSON that rows carry. Dates are seconds since 1970, exact to the microsecond.
enum StoredJSON {
  static func text(_ value: some Encodable, named name: String) throws(StoreError) -> String {
    let encoder = JSONEncoder()
    encoder.dateEncodingStrategy = .secondsSince1970
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    do { return String(decoding: try encoder.encode(value), as: UTF8.self) } catch {
      throw StoreError(code: .failed, detail: "\(name) cannot be written as JSON: \(error)")
    }
  }

  static func value<T: Decodable>(_ text: String, named name: String) throws(StoreError) -> T {
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .secondsSince1970
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    do { return try decoder.decode(T.self, from: Data(text.utf8)) } catch {
      throw StoreError(
        code: .corrupt,
        detail: "\(name) is stored in a form that this Stet cannot read; a newer one may have "
          + "written it.")
    }
  }
}

extension SQLValue {
  /// Text of others for a column of its own: PostgreSQL takes no zero byte in a text.
  static func plain(_ text: String) -> SQLValue {
    .text(
      text.utf8.contains(0)
        ? String(text.unicodeScalars.map { $0 == "\0" ? "\u{FFFD}" : Character($0) }) : text)
  }

  static func number(_ number: Int) -> SQLValue { .integer(Int64(number)) }
  static func time(_ date: Date) -> SQLValue { .real(date.timeIntervalSince1970) }
  static func optional(_ date: Date?) -> SQLValue { date.map(SQLValue.time) ?? .null }
}

extension SQLRow {
  /// A time column: seconds since 1970.
  func time(_ column: Int) -> Date? { real(column).map { Date(timeIntervalSince1970: $0) } }
}
