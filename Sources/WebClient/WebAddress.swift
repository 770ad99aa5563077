/// An absolute `http` or `https` URL, taken apart strictly: whatever two parsers could read
/// differently (user information, backslashes, spaces, control and non-ASCII characters) is refused,
/// so that the host that was checked is the host that is asked.
struct WebAddress: Sendable, Equatable {
  /// `http` or `https`.
  var scheme: String
  /// Lower case; an IPv6 address without its brackets.
  var host: String
  var port: Int
  /// Path and query, beginning with `/`.
  var target: String

  var isSecure: Bool { scheme == "https" }

  /// `scheme://host:port` without a default port: safe to print.
  var origin: String {
    let name = host.utf8.contains(0x3A) ? "[\(host)]" : host
    return port == (isSecure ? 443 : 80) ? "\(scheme)://\(name)" : "\(scheme)://\(name):\(port)"
  }

  var url: String { origin + target }

  /// The origin and the path, without the query, which may hold a key.
  var printable: String { origin + target.prefix { $0 != "?" } }

  func sameOrigin(as other: Self) -> Bool { origin == other.origin }

  init(_ text: String) throws(WebError) {
    let bytes = Array(text.utf8)
    guard bytes.count <= 16 << 10 else { throw Self.invalid("is longer than 16 KB") }
    guard bytes.allSatisfy({ (0x21...0x7E).contains($0) && $0 != 0x5C }) else {
      throw Self.invalid("holds a space, a backslash or a character outside ASCII")
    }
    guard let colon = bytes.firstIndex(of: 0x3A), bytes[colon...].starts(with: "://".utf8) else {
      throw Self.invalid("does not begin with http:// or https://")
    }
    scheme = String(decoding: bytes[..<colon].map(lower), as: UTF8.self)
    guard scheme == "http" || scheme == "https" else {
      throw Self.invalid("does not begin with http:// or https://")
    }
    let rest = bytes[(colon + 3)...]
    let end = rest.firstIndex { $0 == 0x2F || $0 == 0x3F || $0 == 0x23 } ?? rest.endIndex
    (host, port) = try Self.authority(rest[..<end], defaultPort: scheme == "https" ? 443 : 80)
    let tail = rest[end...].prefix { $0 != 0x23 }
    target = (tail.first == 0x2F ? "" : "/") + String(decoding: tail, as: UTF8.self)
  }

  private static func authority(
    _ bytes: ArraySlice<UInt8>, defaultPort: Int
  ) throws(WebError) -> (String, Int) {
    guard !bytes.contains(0x40) else {
      throw invalid("holds a user name or password; send them in a header")
    }
    let host: ArraySlice<UInt8>
    var rest: ArraySlice<UInt8>
    if bytes.first == 0x5B {
      guard let close = bytes.firstIndex(of: 0x5D),
        bytes[bytes.startIndex + 1..<close].contains(0x3A)
      else { throw invalid("has a broken IPv6 address") }
      host = bytes[(bytes.startIndex + 1)..<close]
      rest = bytes[(close + 1)...]
      guard host.allSatisfy({ isHex($0) || $0 == 0x3A || $0 == 0x2E }) else {
        throw invalid("has a broken IPv6 address")
      }
    } else {
      host = bytes.prefix { $0 != 0x3A }
      rest = bytes[host.endIndex...]
      guard !host.isEmpty, host.count <= 253,
        host.allSatisfy({ isAlphanumeric($0) || $0 == 0x2D || $0 == 0x2E || $0 == 0x5F })
      else { throw invalid("has no valid host name") }
    }
    var port = defaultPort
    if rest.first == 0x3A {
      rest = rest.dropFirst()
      guard (1...5).contains(rest.count), rest.allSatisfy({ (0x30...0x39).contains($0) }),
        let number = Int(String(decoding: rest, as: UTF8.self)), (1...65_535).contains(number)
      else { throw invalid("has no valid port") }
      port = number
    } else if !rest.isEmpty {
      throw invalid("has no valid host name")
    }
    return (String(decoding: host.map(lower), as: UTF8.self), port)
  }

  /// What a `Location` header means from here. Source: RFC 3986, 5.2, without the removal of `..`,
  /// which the server does for itself.
  func resolving(_ location: String) throws(WebError) -> WebAddress {
    let bytes = Array(location.utf8)
    if let colon = bytes.firstIndex(of: 0x3A),
      colon < bytes.firstIndex(where: { $0 == 0x2F || $0 == 0x3F || $0 == 0x23 }) ?? bytes.endIndex
    {
      return try WebAddress(location)
    }
    if location.hasPrefix("//") { return try WebAddress("\(scheme):\(location)") }
    if location.hasPrefix("/") { return try WebAddress(origin + location) }
    let path = target.prefix { $0 != "?" }
    if location.isEmpty || location.hasPrefix("#") { return try WebAddress(url) }
    if location.hasPrefix("?") { return try WebAddress(origin + path + location) }
    let folder = path.lastIndex(of: "/").map { path[...$0] } ?? "/"
    return try WebAddress(origin + folder + location)
  }

  private static func invalid(_ what: String) -> WebError {
    WebError(code: .invalidURL, detail: "The URL \(what).")
  }
}

func isHex(_ byte: UInt8) -> Bool {
  (0x30...0x39).contains(byte) || (0x61...0x66).contains(lower(byte))
}

func isAlphanumeric(_ byte: UInt8) -> Bool {
  (0x30...0x39).contains(byte) || (0x61...0x7A).contains(lower(byte))
}
