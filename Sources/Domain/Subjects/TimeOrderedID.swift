public import Foundation

/// Identifiers of runs, jobs and issues: UUID version 7 (RFC 9562, 5.7), so that they sort by time.
public enum TimeOrderedID {
  public static func next(_ now: Date) -> String {
    var generator = SystemRandomNumberGenerator()
    var bytes = (0..<16).map { _ in UInt8.random(in: 0...255, using: &generator) }
    let milliseconds = UInt64(max(0, now.timeIntervalSince1970 * 1_000))
    for index in 0..<6 {
      bytes[index] = UInt8(truncatingIfNeeded: milliseconds >> (40 - 8 * index))
    }
    bytes[6] = bytes[6] & 0x0F | 0x70
    bytes[8] = bytes[8] & 0x3F | 0x80
    let hex = Array(Hexadecimal.of(bytes))
    return [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { String(hex[$0]) }
      .joined(separator: "-")
  }
}
