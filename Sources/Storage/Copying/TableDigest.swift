import Crypto
import Domain
import Foundation

/// A count and a hash of the rows of a table that is the same in both databases, whatever order they
/// come in: the sum, modulo 2^256, of the SHA-256 of each row. The databases sort texts differently,
/// so that a hash over an order would have to sort anew.
///
/// It finds what was lost, added or changed by accident; it is no protection against somebody who
/// makes up rows to fit.
public struct TableDigest: Sendable, Hashable {
  public private(set) var rows = 0
  private var sum: [UInt64] = [0, 0, 0, 0]

  /// 64 lower-case hexadecimal digits.
  public var hash: String {
    Hexadecimal.of(sum.flatMap(Self.bytes))
  }

  /// - Parameter row: in its canonical form.
  mutating func add(_ row: SQLRow) {
    rows += 1
    var hasher = SHA256()
    for value in row.values {
      switch value {
      case .null: Self.add(0, [], &hasher)
      case .integer(let number): Self.add(1, Self.bytes(UInt64(bitPattern: number)), &hasher)
      case .real(let number): Self.add(2, Self.bytes(number.bitPattern), &hasher)
      case .text(let text): Self.add(3, Array(text.utf8), &hasher)
      case .bytes(let bytes): Self.add(4, bytes, &hasher)
      }
    }
    let digest = Array(hasher.finalize())
    var carry = false
    for word in (0..<4).reversed() {
      let added = digest[word * 8..<word * 8 + 8].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      let (first, overflow) = sum[word].addingReportingOverflow(added)
      let (second, further) = first.addingReportingOverflow(carry ? 1 : 0)
      sum[word] = second
      carry = overflow || further
    }
  }

  /// A tag and a length before each value, so that no two rows read alike.
  private static func add(_ tag: UInt8, _ bytes: [UInt8], _ hasher: inout SHA256) {
    hasher.update(data: [tag] + Self.bytes(UInt64(bytes.count)))
    hasher.update(data: bytes)
  }

  private static func bytes(_ number: UInt64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * $0)) }
  }
}
