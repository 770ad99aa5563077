/// How git writes paths in a diff: quoted like C where a byte needs it, with a prefix before.
/// Source: git-config(1), `core.quotePath`; git-diff(1), "Generating patch text".
enum PathNotation {
  /// As git writes it with default settings, quotes and escapes included.
  static func written(_ path: SourcePath, prefix: String) -> [UInt8] {
    let bytes = Array(prefix.utf8) + path.bytes
    guard bytes.contains(where: { $0 < 0x20 || $0 >= 0x7f || $0 == 0x22 || $0 == 0x5c }) else {
      return bytes
    }
    var output: [UInt8] = [UInt8(ascii: "\"")]
    for byte in bytes {
      if let letter = letters.first(where: { $0.value == byte })?.letter {
        output += [UInt8(ascii: "\\"), letter]
      } else if byte < 0x20 || byte >= 0x7f {
        output += [
          UInt8(ascii: "\\"), 0x30 + byte >> 6, 0x30 + (byte >> 3) & 7, 0x30 + byte & 7,
        ]
      } else {
        output.append(byte)
      }
    }
    output.append(UInt8(ascii: "\""))
    return output
  }

  private static let letters: [(letter: UInt8, value: UInt8)] = [
    (UInt8(ascii: "a"), 7), (UInt8(ascii: "b"), 8), (UInt8(ascii: "t"), 9),
    (UInt8(ascii: "n"), 10), (UInt8(ascii: "v"), 11), (UInt8(ascii: "f"), 12),
    (UInt8(ascii: "r"), 13), (UInt8(ascii: "\""), 0x22), (UInt8(ascii: "\\"), 0x5c),
  ]

  /// Reads the quoted name at the start of `text`.
  /// - Returns: the name and the index after its closing quote; `nil` where it is not well formed.
  static func unquoted(_ text: ArraySlice<UInt8>) -> (name: [UInt8], end: Int)? {
    guard text.first == UInt8(ascii: "\"") else { return nil }
    var name: [UInt8] = []
    var index = text.startIndex + 1
    while index < text.endIndex {
      let byte = text[index]
      index += 1
      if byte == UInt8(ascii: "\"") { return name.contains(0) ? nil : (name, index) }
      guard byte == UInt8(ascii: "\\") else {
        name.append(byte)
        continue
      }
      guard index < text.endIndex else { return nil }
      let escape = text[index]
      index += 1
      if let known = letters.first(where: { $0.letter == escape }) {
        name.append(known.value)
      } else {
        guard index + 1 < text.endIndex, let value = octal([escape, text[index], text[index + 1]])
        else { return nil }
        name.append(value)
        index += 2
      }
    }
    return nil
  }

  private static func octal(_ digits: [UInt8]) -> UInt8? {
    var value = 0
    for digit in digits {
      guard (0x30...0x37).contains(digit) else { return nil }
      value = value * 8 + Int(digit - 0x30)
    }
    return UInt8(exactly: value)
  }

  /// A whole name, quoted or not.
  static func name(_ text: ArraySlice<UInt8>) -> [UInt8]? {
    guard text.first == UInt8(ascii: "\"") else {
      return text.isEmpty || text.contains(0) ? nil : Array(text)
    }
    guard let (name, end) = unquoted(text), end == text.endIndex, !name.isEmpty else { return nil }
    return name
  }

  /// Splits what follows `diff --git ` into its two names, prefixes still on.
  ///
  /// Unquoted names may hold spaces, so the split is found by what else is known of the names, and
  /// failing that as the one that leaves both sides the longest common tail.
  static func split(_ text: ArraySlice<UInt8>, old: [UInt8]?, new: [UInt8]?) -> (
    old: [UInt8], new: [UInt8]
  )? {
    let space = UInt8(ascii: " ")
    if text.first == UInt8(ascii: "\"") {
      guard let (first, end) = unquoted(text), end < text.endIndex, text[end] == space,
        let second = name(text[(end + 1)...])
      else { return nil }
      return (first, second)
    }
    if text.last == UInt8(ascii: "\""), let quote = text.firstIndex(of: UInt8(ascii: "\"")),
      quote > text.startIndex + 1, text[quote - 1] == space, let second = name(text[quote...])
    {
      return name(text[..<(quote - 1)]).map { ($0, second) }
    }
    if let old, text.count > old.count + 1, text.starts(with: old),
      text[text.startIndex + old.count] == space
    {
      return name(text.dropFirst(old.count + 1)).map { (old, $0) }
    }
    if let new, text.count > new.count + 1, text.suffix(new.count).elementsEqual(new),
      text[text.endIndex - new.count - 1] == space
    {
      return name(text.dropLast(new.count + 1)).map { ($0, new) }
    }
    return splitByTail(text)
  }

  private static func splitByTail(_ text: ArraySlice<UInt8>) -> (old: [UInt8], new: [UInt8])? {
    let space = UInt8(ascii: " ")
    let middle = text.startIndex + text.count / 2
    // Prefixes of equal length, which git's own are, put the split in the middle.
    if text.count % 2 == 1, text[middle] == space {
      let (old, new) = (text[..<middle], text[(middle + 1)...])
      if old.count <= 2 || old.dropFirst(2).elementsEqual(new.dropFirst(2)) {
        return bothNames(old, new)
      }
    }
    var best: (tail: Int, at: Int)?
    var tried = 0
    for index in text.indices where text[index] == space {
      let tail = commonTail(text[..<index], text[(index + 1)...])
      if tail > (best?.tail ?? -1) { best = (tail, index) }
      tried += 1
      // Bounds the work on a hostile line of nothing but spaces.
      if tried == 64 { break }
    }
    return best.flatMap { bothNames(text[..<$0.at], text[($0.at + 1)...]) }
  }

  private static func bothNames(_ old: ArraySlice<UInt8>, _ new: ArraySlice<UInt8>) -> (
    old: [UInt8], new: [UInt8]
  )? {
    guard let old = name(old), let new = name(new) else { return nil }
    return (old, new)
  }

  /// Length of the longest tail of whole path components that both names share.
  static func commonTail(_ a: ArraySlice<UInt8>, _ b: ArraySlice<UInt8>) -> Int {
    let slash = UInt8(ascii: "/")
    let limit = min(a.count, b.count)
    var length = 0
    var whole = 0
    while length < limit, a[a.endIndex - 1 - length] == b[b.endIndex - 1 - length] {
      if a[a.endIndex - 1 - length] == slash { whole = length }
      length += 1
    }
    // One name may be the tail of the other: no prefix on that side.
    if length == limit, (length == a.count || a[a.endIndex - 1 - length] == slash),
      (length == b.count || b[b.endIndex - 1 - length] == slash)
    {
      return length
    }
    return whole
  }

  /// Takes the prefixes off two names: git's own, its mnemonic ones, or whatever comes before the
  /// path components that both share. Equal names have none (`--no-prefix`).
  static func withoutPrefixes(_ old: [UInt8], _ new: [UInt8]) -> (old: [UInt8], new: [UInt8]) {
    if old == new { return (old, new) }
    if hasPrefix(old, "a/"), hasPrefix(new, "b/") {
      return (Array(old.dropFirst(2)), Array(new.dropFirst(2)))
    }
    let tail = commonTail(old[...], new[...])
    guard tail > 0 else { return (old, new) }
    return (Array(old.suffix(tail)), Array(new.suffix(tail)))
  }

  /// Takes `a/` or `b/` off a name whose other side is `/dev/null`.
  static func withoutPrefix(_ name: [UInt8], _ prefix: StaticString) -> [UInt8] {
    hasPrefix(name, prefix) ? Array(name.dropFirst(prefix.utf8CodeUnitCount)) : name
  }

  private static func hasPrefix(_ name: [UInt8], _ prefix: StaticString) -> Bool {
    prefix.withUTF8Buffer { name.count > $0.count && name.starts(with: $0) }
  }
}
