/// Finds secrets in text: known shapes of keys, private-key blocks, and values of high entropy
/// beside a telling name.
public enum SecretScanner {
  /// Matches in order of place, none overlapping another.
  ///
  /// Placeholders, UUIDs, digests as in lock files and lookups such as `${TOKEN}` are no matches.
  /// - Complexity: O(bytes); look-behind and look-ahead are bounded.
  public static func matches(in bytes: [UInt8]) -> [SecretMatch] {
    var found = PrivateKeyBlocks.matches(in: bytes)
    var index = 0
    while index < bytes.count {
      let byte = bytes[index]
      let match: SecretMatch?
      switch byte {
      case UInt8(ascii: ":"): match = urlPassword(bytes, index) ?? assignment(bytes, index)
      case UInt8(ascii: "="): match = assignment(bytes, index)
      case _ where isBoundary(bytes, index): match = shaped(bytes, index)
      default: match = nil
      }
      if let match {
        found.append(match)
        // A value may itself hold a known shape, which names it better: it is looked at too.
        index = match.kind == .assignedSecret ? index + 1 : max(index + 1, match.range.upperBound)
      } else {
        index += 1
      }
    }
    return withoutOverlaps(found)
  }

  public static func matches(in text: String) -> [SecretMatch] { matches(in: Array(text.utf8)) }

  /// A key does not begin in the middle of a word, save behind the `\n` of a string literal.
  private static func isBoundary(_ bytes: [UInt8], _ index: Int) -> Bool {
    guard index > 0 else { return true }
    let previous = bytes[index - 1]
    if !TextBytes.isAlphanumeric(previous), previous != UInt8(ascii: "_") { return true }
    return index > 1 && bytes[index - 2] == UInt8(ascii: "\\")
  }

  private static func shaped(_ bytes: [UInt8], _ index: Int) -> SecretMatch? {
    for shape in SecretShape.byFirstByte[Int(bytes[index])] {
      if let end = shape.end(in: bytes, at: index) {
        return SecretMatch(kind: shape.kind, range: index..<end)
      }
    }
    switch bytes[index] {
    case UInt8(ascii: "e"): return jsonWebToken(bytes, index)
    case UInt8(ascii: "b"), UInt8(ascii: "B"): return authorization(bytes, index)
    default: return nil
    }
  }

  private static let tokenStart = Array("eyJ".utf8)

  /// Three parts of base64url with dots between; the first is a JSON object.
  private static func jsonWebToken(_ bytes: [UInt8], _ start: Int) -> SecretMatch? {
    guard TextBytes.starts(bytes, at: start, with: tokenStart) else { return nil }
    var cursor = start
    var parts = 0
    var partStart = start
    while cursor < bytes.count {
      if TextBytes.Charset.base64URL.contains(bytes[cursor]) {
        cursor += 1
      } else if bytes[cursor] == UInt8(ascii: "."), parts < 2, cursor - partStart >= 8 {
        parts += 1
        cursor += 1
        partStart = cursor
      } else {
        break
      }
      if parts == 0, cursor - start > 512 { return nil }
    }
    // The middle of a token, cut by the end of a line, is still worth hiding.
    guard parts >= 1, cursor - start >= 30 else { return nil }
    return SecretMatch(kind: .jsonWebToken, range: start..<cursor)
  }

  private static let schemes = ["bearer ", "basic "].map { Array($0.utf8) }

  private static func authorization(_ bytes: [UInt8], _ start: Int) -> SecretMatch? {
    for scheme in schemes
    where TextBytes.starts(bytes, at: start, with: scheme, ignoringCase: true) {
      let tokenStart = start + scheme.count
      var end = tokenStart
      while end < bytes.count,
        TextBytes.Charset.dotted.contains(bytes[end]) || TextBytes.isBase64(bytes[end])
          || bytes[end] == UInt8(ascii: "~")
      {
        end += 1
      }
      let value = bytes[tokenStart..<end]
      let makeup = SecretValue.Makeup(value)
      if value.count >= 16, makeup.digits > 0, makeup.changes >= 3, !SecretValue.isLookup(value),
        !SecretValue.isPlaceholder(value)
      {
        return SecretMatch(kind: .authorization, range: tokenStart..<end)
      }
    }
    return nil
  }

  /// The password in `scheme://user:password@host`. - Parameter colon: that of `://`.
  private static func urlPassword(_ bytes: [UInt8], _ colon: Int) -> SecretMatch? {
    guard colon > 1, TextBytes.isAlphanumeric(bytes[colon - 1]), colon + 3 < bytes.count,
      bytes[colon + 1] == UInt8(ascii: "/"), bytes[colon + 2] == UInt8(ascii: "/")
    else { return nil }
    var cursor = colon + 3
    var separator: Int?
    let limit = min(bytes.count, cursor + 512)
    while cursor < limit {
      let byte = bytes[cursor]
      if byte <= 0x20 || byte == UInt8(ascii: "/") || byte == UInt8(ascii: "\"")
        || byte == UInt8(ascii: "'") || byte == UInt8(ascii: "`") || byte == UInt8(ascii: "?")
        || byte == UInt8(ascii: "<")
      {
        return nil
      }
      if byte == UInt8(ascii: ":"), separator == nil { separator = cursor }
      if byte == UInt8(ascii: "@") {
        guard let separator, cursor - separator > 3 else { return nil }
        let range = separator + 1..<cursor
        let value = bytes[range]
        return SecretValue.isLookup(value)
          || SecretValue.isPlaceholder(value) && value.count > 4
            && Set(value).count < 3
          ? nil : SecretMatch(kind: .urlPassword, range: range)
      }
      cursor += 1
    }
    return nil
  }

  private static func assignment(_ bytes: [UInt8], _ index: Int) -> SecretMatch? {
    SecretAssignments.value(in: bytes, at: index).map {
      SecretMatch(kind: .assignedSecret, range: $0)
    }
  }

  /// Where two overlap, the one that names the kind better stays.
  private static func withoutOverlaps(_ found: [SecretMatch]) -> [SecretMatch] {
    var kept: [SecretMatch] = []
    for match in found.sorted(by: precedes) {
      guard let last = kept.last, last.range.upperBound > match.range.lowerBound else {
        kept.append(match)
        continue
      }
      let union = last.range.lowerBound..<max(last.range.upperBound, match.range.upperBound)
      let kind = vagueness(match.kind) < vagueness(last.kind) ? match.kind : last.kind
      kept[kept.count - 1] = SecretMatch(kind: kind, range: union)
    }
    return kept
  }

  private static func precedes(_ a: SecretMatch, _ b: SecretMatch) -> Bool {
    (a.range.lowerBound, -a.range.upperBound) < (b.range.lowerBound, -b.range.upperBound)
  }

  private static func vagueness(_ kind: SecretKind) -> Int {
    switch kind {
    case .encodedBlock: 3
    case .assignedSecret: 2
    case .authorization, .urlPassword: 1
    default: 0
    }
  }
}
