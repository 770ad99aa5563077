import Domain

/// A server that takes mail: `smtp://[USER:PASSWORD@]HOST[:PORT]`, or `smtps://` where TLS comes
/// before the first word.
public struct MailServer: Sendable, Equatable {
  /// Whether mail may go where nobody keeps others from reading it.
  public enum Protection: String, Sendable, CaseIterable {
    case required
    /// TLS where the server offers it: for a relay on this machine.
    case optional
  }

  public var isTLS: Bool
  public var host: String
  public var port: Int
  public var user: String?
  public var password: String?

  /// - Returns: `nil` for another form. User and password are percent-decoded.
  public init?(_ text: String) {
    let bytes = Array(text.utf8)
    guard bytes.count <= 2_000, bytes.allSatisfy({ (0x21...0x7E).contains($0) && $0 != 0x5C })
    else {
      return nil
    }
    let lowered = text.prefix(8).lowercased()
    let rest: Substring
    if lowered.hasPrefix("smtps://") {
      (isTLS, rest) = (true, text.dropFirst(8))
    } else if lowered.hasPrefix("smtp://") {
      (isTLS, rest) = (false, text.dropFirst(7))
    } else {
      return nil
    }
    let whole = rest.hasSuffix("/") ? rest.dropLast() : rest
    guard !whole.contains(where: { "/?#".contains($0) }) else { return nil }
    var place = whole
    if let at = whole.lastIndex(of: "@") {
      place = whole[whole.index(after: at)...]
      let parts = whole[..<at].split(
        separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2, let user = Self.decoded(parts[0]), !user.isEmpty,
        let password = Self.decoded(parts[1])
      else { return nil }
      (self.user, self.password) = (user, password)
    }
    guard let (host, port) = Self.hostAndPort(place) else { return nil }
    self.host = host
    self.port = port ?? (isTLS ? 465 : user == nil ? 25 : 587)
  }

  private static func hostAndPort(_ text: Substring) -> (String, Int?)? {
    var (host, port): (Substring, Substring?) = (text, nil)
    if text.first == "[" {
      guard let end = text.firstIndex(of: "]") else { return nil }
      host = text[text.index(after: text.startIndex)..<end]
      let rest = text[text.index(after: end)...]
      guard rest.isEmpty || rest.first == ":", host.contains(":"),
        host.utf8.allSatisfy({ isHex($0) || $0 == 0x3A || $0 == 0x2E })
      else { return nil }
      port = rest.isEmpty ? nil : rest.dropFirst()
    } else {
      if let colon = text.firstIndex(of: ":") {
        host = text[..<colon]
        port = text[text.index(after: colon)...]
      }
      guard !host.isEmpty, host.utf8.count <= 253,
        host.utf8.allSatisfy({
          (0x30...0x39).contains($0) || (0x61...0x7A).contains($0 | 0x20) || $0 == 0x2D
            || $0 == 0x2E || $0 == 0x5F
        })
      else { return nil }
    }
    guard let port else { return (String(host), nil) }
    guard (1...5).contains(port.utf8.count), port.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      let number = Int(port), (1...65_535).contains(number)
    else { return nil }
    return (String(host), number)
  }

  private static func isHex(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte | 0x20)
  }

  /// - Returns: `nil` where an escape is broken, or holds a control character.
  private static func decoded(_ text: Substring) -> String? {
    var result: [UInt8] = []
    var bytes = text.utf8.makeIterator()
    while let byte = bytes.next() {
      guard byte == 0x25 else {
        result.append(byte)
        continue
      }
      guard let high = bytes.next(), let low = bytes.next(), isHex(high), isHex(low),
        let value = UInt8(String(decoding: [high, low], as: UTF8.self), radix: 16)
      else { return nil }
      result.append(value)
    }
    guard result.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else { return nil }
    return String(validating: result, as: UTF8.self)
  }

  /// As it may be shown.
  public var shown: String {
    "\(isTLS ? "smtps" : "smtp")://\(host.contains(":") ? "[\(host)]" : host):\(port)"
  }

  public var isLoopback: Bool {
    host == "localhost" || host == "::1"
      || host.hasPrefix("127.") && host.split(separator: ".").count == 4
  }
}
