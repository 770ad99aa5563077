/// A look at addresses that is strict enough for settings. It reads bytes and resolves nothing.
enum WebAddress {
  struct Parts: Equatable {
    var scheme: String
    /// Without brackets, in lower case.
    var host: String
    var port: Int?
    var hasPassword: Bool
  }

  /// - Returns: `nil` where it is not `http://` or `https://` with a host.
  static func parts(_ text: String) -> Parts? {
    guard let mark = text.range(ofText: "://") else { return nil }
    let scheme = text[..<mark.lowerBound].lowercased()
    guard scheme == "http" || scheme == "https",
      !text.unicodeScalars.contains(where: { $0.value <= 0x20 || $0.value == 0x7F })
    else { return nil }
    var authority = text[mark.upperBound...].prefix { $0 != "/" && $0 != "?" && $0 != "#" }
    var hasPassword = false
    if let at = authority.lastIndex(of: "@") {
      hasPassword = true
      authority = authority[authority.index(after: at)...]
    }
    guard let (host, port) = hostAndPort(authority) else { return nil }
    return Parts(scheme: scheme, host: host, port: port, hasPassword: hasPassword)
  }

  /// `host`, `host:port`, `[::1]:port`.
  static func hostAndPort(_ text: Substring) -> (host: String, port: Int?)? {
    var host = text
    var port: Int?
    if text.first == "[" {
      guard let end = text.firstIndex(of: "]") else { return nil }
      host = text[text.index(after: text.startIndex)..<end]
      let rest = text[text.index(after: end)...]
      guard rest.isEmpty || rest.first == ":" else { return nil }
      if !rest.isEmpty {
        port = portNumber(rest.dropFirst())
        if port == nil { return nil }
      }
      guard host.utf8.allSatisfy({ $0.isHexDigit || $0 == 0x3A || $0 == 0x2E }) else { return nil }
    } else {
      if let colon = text.lastIndex(of: ":") {
        host = text[..<colon]
        port = portNumber(text[text.index(after: colon)...])
        if port == nil { return nil }
      }
      guard
        host.utf8.allSatisfy({ byte in
          byte.isHexDigit || (0x61...0x7A).contains(byte | 0x20) || byte == 0x2D || byte == 0x2E
            || byte == 0x5F || byte >= 0x80
        })
      else { return nil }
    }
    return host.isEmpty ? nil : (host.lowercased(), port)
  }

  private static func portNumber(_ text: Substring) -> Int? {
    guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      let number = Int(text), (1...65535).contains(number)
    else { return nil }
    return number
  }

  /// Whether a request to this host stays on the machine.
  static func isLoopback(_ host: String) -> Bool {
    if host == "localhost" || host == "::1" { return true }
    let parts = host.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
  }

  /// The text with what stands before an `@` of an address masked.
  /// Addresses may stand in a list, without a scheme, and with slashes in the password: in each item
  /// all up to the last `@` is masked.
  static func withoutPassword(_ text: String) -> String {
    text.split(separator: ",", omittingEmptySubsequences: false).map { part in
      let item = String(part)
      guard let at = item.lastIndex(of: "@") else { return item }
      let scheme = item.range(ofText: "://").map { item[..<$0.upperBound] } ?? ""
      return scheme + "********" + item[at...]
    }.joined(separator: ",")
  }
}

extension UInt8 {
  fileprivate var isHexDigit: Bool {
    (0x30...0x39).contains(self) || (0x61...0x66).contains(self | 0x20)
  }
}

extension String {
  /// The first place of `needle`, by bytes.
  fileprivate func range(ofText needle: String) -> Range<String.Index>? {
    let bytes = Array(needle.utf8)
    var start = utf8.startIndex
    while let end = utf8.index(start, offsetBy: bytes.count, limitedBy: utf8.endIndex) {
      if utf8[start..<end].elementsEqual(bytes) { return start..<end }
      start = utf8.index(after: start)
    }
    return nil
  }
}
