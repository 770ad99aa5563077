/// Decodes output that comes in pieces: a character whose bytes come apart is kept until it is whole.
/// Bytes that are no UTF-8 become U+FFFD.
public struct TextPieces: Sendable {
  private var kept: [UInt8] = []

  public init() {}

  public mutating func text(_ bytes: [UInt8]) -> String {
    kept += bytes
    let whole = kept.count - Self.unfinished(kept)
    defer { kept.removeFirst(whole) }
    return String(decoding: kept[..<whole], as: UTF8.self)
  }

  /// What was left at the end.
  public mutating func rest() -> String {
    defer { kept = [] }
    return String(decoding: kept, as: UTF8.self)
  }

  /// How many of the last bytes begin a character that is not there yet.
  private static func unfinished(_ bytes: [UInt8]) -> Int {
    for back in 1...3 where back <= bytes.count {
      let byte = bytes[bytes.count - back]
      if byte & 0xC0 == 0x80 { continue }
      let length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1
      return length > back ? back : 0
    }
    return 0
  }
}
