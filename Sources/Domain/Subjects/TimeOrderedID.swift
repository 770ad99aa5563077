public import Foundation

/// Identifiers of runs, jobs and issues: UUID version 7 (RFC 9562, 5.7), so that they sort by time.
public enum TimeOrderedID {
  private static let digits = Array("0123456789abcdef".utf8)

  public static func next(_ now: Date) -> String {
    // Two draws: each asks the kernel.
    var generator = SystemRandomNumberGenerator()
    let milliseconds = UInt64(max(0, now.timeIntervalSince1970 * 1_000))
    let high = milliseconds << 16 | 0x7000 | generator.next() & 0x0FFF
    let low = generator.next() & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
    return String(unsafeUninitializedCapacity: 36) { text in
      var place = 0
      for half in [high, low] {
        for shift in stride(from: 60, through: 0, by: -4) {
          if place == 8 || place == 13 || place == 18 || place == 23 {
            text[place] = UInt8(ascii: "-")
            place += 1
          }
          text[place] = digits[Int(half >> UInt64(shift) & 0xF)]
          place += 1
        }
      }
      return place
    }
  }
}
