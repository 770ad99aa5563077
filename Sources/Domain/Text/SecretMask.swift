/// Text without its secrets.
public struct MaskedText: Sendable, Hashable {
  public var text: String
  /// How many secrets were masked, by the raw value of their kind, as a run records them. A private
  /// key counts once for each of its lines.
  public var counts: [String: Int]

  public init(text: String, counts: [String: Int]) {
    self.text = text
    self.counts = counts
  }
}

/// Puts `[masked:KIND]` where secrets stand, before a text leaves for a model.
///
/// The mask is ASCII without quotes, so that it fits in any literal, and a masked text has as many
/// lines as before. Masking twice changes nothing more. Who proves a quote of masked text has to
/// compare it with the masked line.
public enum SecretMask {
  public static func masked(_ text: String) -> MaskedText {
    let bytes = Array(text.utf8)
    let matches = SecretScanner.matches(in: bytes)
    guard !matches.isEmpty else { return MaskedText(text: text, counts: [:]) }
    var masked: [UInt8] = []
    masked.reserveCapacity(bytes.count)
    var counts: [String: Int] = [:]
    var copied = 0
    for match in matches {
      masked += bytes[copied..<match.range.lowerBound]
      masked += replacement(for: match.kind).utf8
      // One mask may span lines where matches merged: their breaks stay.
      masked += bytes[match.range].filter { $0 == 0x0A }
      counts[match.kind.rawValue, default: 0] += 1
      copied = match.range.upperBound
    }
    masked += bytes[copied...]
    return MaskedText(text: String(decoding: masked, as: UTF8.self), counts: counts)
  }

  public static func replacement(for kind: SecretKind) -> String { "[masked:\(kind.rawValue)]" }
}
