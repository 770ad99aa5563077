import CPostgres
import Domain
import Foundation

/// Values as PostgreSQL sends and takes them: parameters as text, save bytes; results in binary.
///
/// PostgreSQL cannot keep U+0000 in a text. It is written as U+0001 and "0", and U+0001 itself as
/// U+0001 and "1": every text comes back as it was, different ones stay different, and they keep
/// their order.
enum PostgresValues {
  /// A field of PostgreSQL holds less than a gibibyte, and so does a message.
  static let largest = 1 << 30 - 1 << 20

  private static let escape: UInt8 = 1

  /// The parameters of a statement in one piece of memory.
  struct Parameters {
    /// Texts end in a zero byte.
    var bytes: [UInt8] = []
    /// Where each begins in `bytes`; `nil` is NULL.
    var starts: [Int?] = []
    var lengths: [CInt] = []
    /// 0: text, 1: binary.
    var formats: [CInt] = []

    init(_ values: [SQLValue]) throws(StoreError) {
      starts.reserveCapacity(values.count)
      lengths.reserveCapacity(values.count)
      formats.reserveCapacity(values.count)
      for value in values { try append(value) }
    }

    private mutating func append(_ value: SQLValue) throws(StoreError) {
      let start = bytes.count
      var isBinary = false
      switch value {
      case .null:
        starts.append(nil)
        lengths.append(0)
        formats.append(0)
        return
      case .integer(let number): bytes += String(number).utf8
      case .real(let number): bytes += PostgresValues.text(number).utf8
      case .text(let text): PostgresValues.append(text, to: &bytes)
      case .bytes(let given):
        bytes += given
        isBinary = true
      }
      guard bytes.count < PostgresValues.largest else {
        throw StoreError(
          code: .tooLarge, detail: "a value is larger than PostgreSQL takes (1 GiB).")
      }
      starts.append(start)
      lengths.append(CInt(bytes.count - start))
      formats.append(isBinary ? 1 : 0)
      bytes.append(0)
    }

    func withPointers<T>(
      _ body: (UnsafePointer<UnsafePointer<CChar>?>?) throws -> T
    ) rethrows -> T {
      try bytes.withUnsafeBytes { memory in
        let pointers = starts.map { start in
          start.flatMap { start in
            memory.baseAddress.map { ($0 + start).assumingMemoryBound(to: CChar.self) }
          }
        }
        return try pointers.withUnsafeBufferPointer { try body($0.baseAddress) }
      }
    }
  }

  /// Exact, and without a fraction where there is none, since the parameter may be a whole number.
  private static func text(_ number: Double) -> String {
    if let whole = Int64(exactly: number), abs(whole) < 1 << 53, whole != 0 { return String(whole) }
    return number.description
  }

  private static func append(_ text: String, to bytes: inout [UInt8]) {
    let start = bytes.count
    bytes += text.utf8
    guard bytes[start...].contains(where: { $0 <= escape }) else { return }
    let plain = Array(bytes[start...])
    bytes.removeSubrange(start...)
    for byte in plain {
      if byte <= escape {
        bytes.append(escape)
        bytes.append(48 + byte)
      } else {
        bytes.append(byte)
      }
    }
  }

  private static func text(_ field: UnsafeRawBufferPointer) -> String {
    guard field.contains(escape) else { return String(decoding: field, as: UTF8.self) }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(field.count)
    var place = 0
    while place < field.count {
      let byte = field[place]
      let next = place + 1 < field.count ? field[place + 1] : 0
      if byte == escape, next == 48 || next == 49 {
        bytes.append(next - 48)
        place += 2
      } else {
        bytes.append(byte)
        place += 1
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  // MARK: - Results

  static func rows(_ result: OpaquePointer) throws(StoreError) -> [SQLRow] {
    let (count, columns) = (PQntuples(result), PQnfields(result))
    let types = (0..<columns).map { PQftype(result, $0) }
    var rows: [SQLRow] = []
    rows.reserveCapacity(Int(count))
    for row in 0..<count {
      var values: [SQLValue] = []
      values.reserveCapacity(Int(columns))
      for column in 0..<columns {
        if PQgetisnull(result, row, column) == 1 {
          values.append(.null)
        } else {
          let field = UnsafeRawBufferPointer(
            start: PQgetvalue(result, row, column), count: Int(PQgetlength(result, row, column)))
          values.append(try value(field, types[Int(column)]))
        }
      }
      rows.append(SQLRow(values))
    }
    return rows
  }

  /// Source of the numbers: PostgreSQL's `src/include/catalog/pg_type.dat`.
  private static func value(
    _ field: UnsafeRawBufferPointer, _ type: Oid
  ) throws(StoreError) -> SQLValue {
    switch type {
    case 20 where field.count == 8: .integer(Int64(bitPattern: whole(field)))
    case 23 where field.count == 4:
      .integer(Int64(Int32(bitPattern: UInt32(truncatingIfNeeded: whole(field)))))
    case 26 where field.count == 4: .integer(Int64(truncatingIfNeeded: whole(field)))
    case 21 where field.count == 2:
      .integer(Int64(Int16(bitPattern: UInt16(truncatingIfNeeded: whole(field)))))
    case 16 where field.count == 1: .integer(field[0] == 0 ? 0 : 1)
    case 701 where field.count == 8: .real(Double(bitPattern: whole(field)))
    case 700 where field.count == 4:
      .real(Double(Float(bitPattern: UInt32(truncatingIfNeeded: whole(field)))))
    case 25, 1043, 1042, 19, 18, 705, 114: .text(text(field))
    case 17: .bytes(Array(field))
    case 2278: .null
    case 1700: try numeric(field)
    default:
      throw StoreError(
        code: .failed,
        detail: "a column has a type of PostgreSQL that Stet does not read (\(type)); cast it.")
    }
  }

  private static func whole(_ field: UnsafeRawBufferPointer) -> UInt64 {
    field.reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// What `sum` over whole numbers and `extract` give. Groups of four decimal digits.
  /// Source: PostgreSQL's `src/backend/utils/adt/numeric.c`, `numeric_send`.
  private static func numeric(_ field: UnsafeRawBufferPointer) throws(StoreError) -> SQLValue {
    func short(_ place: Int) -> Int {
      2 * place + 1 < field.count ? Int(field[2 * place]) << 8 | Int(field[2 * place + 1]) : 0
    }
    let (count, sign, scale) = (short(0), short(2), short(3))
    let weight = Int(Int16(truncatingIfNeeded: short(1)))
    switch sign {
    case 0xC000: return .real(.nan)
    case 0xD000: return .real(.infinity)
    case 0xF000: return .real(-.infinity)
    default: break
    }
    var text = sign == 0x4000 ? "-" : ""
    func group(_ place: Int) -> String {
      let digits = String(place < count ? short(4 + place) : 0)
      return String(repeating: "0", count: 4 - digits.count) + digits
    }
    if weight < 0 { text += "0" } else { for place in 0...weight { text += group(place) } }
    if scale == 0, let number = Int64(text) { return .integer(number) }
    text += "."
    if weight < -1 { text += String(repeating: "0000", count: -weight - 1) }
    for place in max(0, weight + 1)..<max(count, weight + 1, 1) { text += group(place) }
    guard let number = Double(text + "0") else {
      throw StoreError(code: .failed, detail: "a number of PostgreSQL cannot be read.")
    }
    return .real(number)
  }
}
