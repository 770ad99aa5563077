/// Text that a person does not see and a model does.
///
/// What is kept, though it is invisible: a zero-width joiner between two emoji (👩‍💻 stays whole) and
/// joiners between letters of the scripts that are spelled with them (Arabic to Khmer blocks); one
/// variation selector right after a character that can be an emoji. All other format characters
/// go, so the flags of England, Scotland and Wales, spelled with tag characters, become a plain
/// black flag: tags spell hidden ASCII, and the loss is small.
public enum HiddenText {
  public enum Kind: String, Sendable, Hashable, Codable, CaseIterable {
    /// Reorders what is shown (Trojan Source, CVE-2021-42574).
    case bidi
    case zeroWidth = "zero_width"
    /// U+E0000 to U+E007F: invisible ASCII.
    case tag
    case variationSelector = "variation_selector"
    /// C0 and C1 save tab and newline, and the line separators U+2028 and U+2029.
    case control
    /// Other characters of the general category Cf, and fillers that show as nothing.
    case format
    case htmlComment = "html_comment"
  }

  public struct Stripped: Sendable, Hashable {
    public var text: String
    public var counts: [Kind: Int]
    /// All counts together.
    public var removed: Int { counts.values.reduce(0, +) }

    public init(text: String, counts: [Kind: Int] = [:]) {
      self.text = text
      self.counts = counts
    }
  }

  /// Strips invisible characters; CRLF becomes a newline, uncounted. O(bytes).
  public static func stripped(_ text: String) -> Stripped {
    if text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F || $0 == 0x0A || $0 == 0x09 }) {
      return Stripped(text: text)
    }
    let scalars = Array(text.unicodeScalars)
    var kept = String.UnicodeScalarView()
    var counts: [Kind: Int] = [:]
    for (index, scalar) in scalars.enumerated() {
      guard let kind = kind(of: scalar) else {
        kept.append(scalar)
        continue
      }
      let next = index + 1 < scalars.count ? scalars[index + 1] : nil
      if scalar == "\r", next == "\n" { continue }
      if isNeeded(scalar, between: kept.last, and: next) {
        kept.append(scalar)
      } else {
        counts[kind, default: 0] += 1
      }
    }
    return Stripped(text: String(kept), counts: counts)
  }

  /// - Returns: `nil` for a character that shows.
  public static func kind(of scalar: Unicode.Scalar) -> Kind? {
    switch scalar.value {
    case 0x09, 0x0A, 0x20...0x7E, 0xA0...0xAC: nil
    case 0...0x1F, 0x7F...0x9F, 0x2028, 0x2029: .control
    case 0x061C, 0x200E, 0x200F, 0x202A...0x202E, 0x2066...0x206F: .bidi
    case 0x200B...0x200D, 0x2060...0x2065, 0xFEFF, 0x00AD, 0x180E, 0x034F: .zeroWidth
    case 0xE0000...0xE007F: .tag
    case 0xFE00...0xFE0F, 0xE0100...0xE01EF, 0x180B...0x180D, 0x180F: .variationSelector
    case 0x115F, 0x1160, 0x3164, 0xFFA0, 0x17B4, 0x17B5, 0x2800: .format
    case 0..<0x0600: nil
    default: scalar.properties.generalCategory == .format ? .format : nil
    }
  }

  private static func isNeeded(
    _ scalar: Unicode.Scalar, between before: Unicode.Scalar?, and after: Unicode.Scalar?
  ) -> Bool {
    guard let before else { return false }
    switch scalar.value {
    case 0x200D:
      guard let after else { return false }
      return isEmoji(before) && isEmoji(after) || isJoining(before) && isJoining(after)
    case 0x200C:
      guard let after else { return false }
      return isJoining(before) && isJoining(after)
    case 0xFE0E, 0xFE0F:
      return before.properties.isEmoji
    default:
      return false
    }
  }

  private static func isEmoji(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value > 0xA8 && (scalar.properties.isEmoji || scalar.value == 0xFE0F)
  }

  /// Arabic to Khmer, and the Arabic supplements.
  private static func isJoining(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x0600...0x17FF, 0xFB50...0xFDFF, 0xFE70...0xFEFC: true
    default: false
    }
  }

  private static let opening = Array("<!--".utf8)
  private static let closing = Array("-->".utf8)

  /// Takes the text out of HTML comments and leaves their line breaks, for prose in a change, whose
  /// lines must keep their numbers. A comment that is not closed reaches to the end.
  public static func blankingHTMLComments(_ text: String) -> Stripped {
    let bytes = Array(text.utf8)
    var kept: [UInt8] = []
    var count = 0
    var index = 0
    while index < bytes.count {
      guard bytes[index] == UInt8(ascii: "<"), TextBytes.starts(bytes, at: index, with: opening)
      else {
        kept.append(bytes[index])
        index += 1
        continue
      }
      count += 1
      let end =
        TextBytes.find(closing, in: bytes, (index + 2)..<bytes.count).map { $0 + closing.count }
        ?? bytes.count
      kept += bytes[index..<end].filter { $0 == UInt8(ascii: "\n") }
      index = end
    }
    return Stripped(
      text: String(decoding: kept, as: UTF8.self), counts: count == 0 ? [:] : [.htmlComment: count])
  }

  /// Takes HTML comments and Markdown's `[//]: # (…)` out of prose, line breaks within them too.
  ///
  /// For titles, descriptions and comments on a forge, never for code. A comment that is not
  /// closed hides all that follows, as it does on the page. Comments in fenced code go too: prose
  /// loses little by it, and telling fences apart is what an attacker would play with.
  public static func strippingHTMLComments(_ text: String) -> Stripped {
    let bytes = Array(text.utf8)
    var kept: [UInt8] = []
    var count = 0
    var index = 0
    var lineStart = true
    while index < bytes.count {
      if bytes[index] == UInt8(ascii: "<"), TextBytes.starts(bytes, at: index, with: opening) {
        count += 1
        // `<!-->` and `<!--->` are whole comments.
        let search = index + 2
        index =
          TextBytes.find(closing, in: bytes, search..<bytes.count).map { $0 + closing.count }
          ?? bytes.count
        continue
      }
      if lineStart, bytes[index] == UInt8(ascii: "["), let end = hiddenReference(bytes, index) {
        count += 1
        index = end
        continue
      }
      lineStart =
        bytes[index] == 0x0A || lineStart && TextBytes.isBlank(bytes[index])
      kept.append(bytes[index])
      index += 1
    }
    return Stripped(
      text: String(decoding: kept, as: UTF8.self), counts: count > 0 ? [.htmlComment: count] : [:])
  }

  /// `[//]: # (text)` and `[comment]: <> (text)`: a reference that nothing can point to.
  private static func hiddenReference(_ bytes: [UInt8], _ start: Int) -> Int? {
    var end = start
    while end < bytes.count, bytes[end] != 0x0A { end += 1 }
    let line = start..<end
    for marker in ["]: #", "]:#", "]: <>", "]:<>"] {
      if TextBytes.find(Array(marker.utf8), in: bytes, line) != nil { return end }
    }
    return nil
  }
}
