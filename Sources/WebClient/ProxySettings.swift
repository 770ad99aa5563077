/// Which requests go through a proxy, as the environment says it for every program.
///
/// Read are `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`; the spelling in lower case wins.
/// `HTTP_PROXY` in upper case is left alone where `REQUEST_METHOD` is set, because there a client
/// of a CGI program chooses its value by a header named `Proxy`. Requests to this machine itself
/// (`localhost`, 127.0.0.0/8, ::1) never take a proxy.
public struct ProxySettings: Sendable, Equatable {
  public static let none = ProxySettings(environment: [:])

  struct Proxy: Sendable, Hashable {
    enum Kind: Sendable { case http, socks }
    var kind: Kind
    var host: String
    var port: Int
    var user: String?
    var password: String?
  }

  enum Choice: Sendable, Equatable {
    case direct
    case proxy(Proxy)
    case unusable(String)
  }

  private var secure: Choice
  private var plain: Choice
  private var exceptions: [Exception]

  public init(environment: [String: String]) {
    func value(_ name: String) -> (name: String, text: String)? {
      for spelling in [name.lowercased(), name] {
        if spelling == "HTTP_PROXY", environment["REQUEST_METHOD"] != nil { continue }
        if let text = environment[spelling], !text.isEmpty { return (spelling, text) }
      }
      return nil
    }
    func choice(_ name: String) -> Choice {
      guard let setting = value(name) ?? value("ALL_PROXY") else { return .direct }
      return Self.parse(setting.text, name: setting.name)
    }
    secure = choice("HTTPS_PROXY")
    plain = choice("HTTP_PROXY")
    exceptions = (value("NO_PROXY")?.text ?? "").utf8
      .split { $0 == 0x2C || $0 == 0x20 || $0 == 0x09 }
      .compactMap { Exception(String(decoding: $0, as: UTF8.self).lowercased()) }
  }

  /// What is wrong with the settings, a sentence each; empty when they can be used.
  public var problems: [String] {
    var found: [String] = []
    for case .unusable(let problem) in [secure, plain] where !found.contains(problem) {
      found.append(problem)
    }
    return found
  }

  func choice(for address: WebAddress) -> Choice {
    let bytes = addressBytes(address.host)
    let isLoopback =
      address.host == "localhost" || address.host.hasSuffix(".localhost")
      || bytes?.count == 4 && bytes?.first == 127
      || bytes == [UInt8](repeating: 0, count: 15) + [1]
    if isLoopback || exceptions.contains(where: { $0.matches(address, bytes) }) { return .direct }
    return address.isSecure ? secure : plain
  }

  private static func parse(_ text: String, name: String) -> Choice {
    var rest = Array(text.utf8)[...]
    var scheme = "http"
    if let colon = rest.firstIndex(of: 0x3A), rest[colon...].starts(with: "://".utf8) {
      scheme = String(decoding: rest[..<colon].map(lower), as: UTF8.self)
      rest = rest[(colon + 3)...]
    }
    var user: String?
    var password: String?
    rest = rest.prefix { $0 != 0x2F && $0 != 0x3F && $0 != 0x23 }
    if let at = rest.lastIndex(of: 0x40) {
      let parts = rest[..<at].split(
        separator: 0x3A, maxSplits: 1, omittingEmptySubsequences: false)
      user = parts.first.map(percentDecoded)
      password = parts.count > 1 ? percentDecoded(parts[1]) : nil
      rest = rest[(at + 1)...]
    }
    let kind: Proxy.Kind
    let standardPort: Int
    switch scheme {
    case "http": (kind, standardPort) = (.http, 1080)
    case "socks", "socks5", "socks5h": (kind, standardPort) = (.socks, 1080)
    default:
      return .unusable("\(name) has a scheme other than http:// and socks5://; set one of these.")
    }
    if kind == .socks && user != nil {
      return .unusable("\(name) has a password, which is not supported for a SOCKS proxy.")
    }
    // A proxy is reached by host and port alone, so the strict parser of URLs can read them.
    guard let address = try? WebAddress("http://" + String(decoding: rest, as: UTF8.self)) else {
      return .unusable("\(name) has no valid host and port; write it as http://host:port.")
    }
    let hasPort = rest.last != 0x5D && rest.split(separator: 0x5D).last?.contains(0x3A) == true
    return .proxy(
      Proxy(
        kind: kind, host: address.host, port: hasPort ? address.port : standardPort, user: user,
        password: password))
  }

  private static func percentDecoded(_ bytes: ArraySlice<UInt8>) -> String {
    var result: [UInt8] = []
    var rest = bytes
    while let byte = rest.popFirst() {
      if byte == 0x25, rest.count >= 2, rest.prefix(2).allSatisfy(isHex),
        let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
      {
        result.append(value)
        rest = rest.dropFirst(2)
      } else {
        result.append(byte)
      }
    }
    return String(decoding: result, as: UTF8.self)
  }
}

/// One entry of `NO_PROXY`.
private struct Exception: Sendable, Equatable {
  private enum Rule: Sendable, Equatable {
    case everything
    case suffix(String)
    case network(prefix: [UInt8], bits: Int)
  }

  private var rule: Rule
  private var port: Int?

  /// - Parameter text: in lower case: `*`, `example.com`, `.example.com`, `*.example.com`, an
  ///   address, a network such as `10.0.0.0/8`; any but a network also with `:port`.
  init?(_ text: String) {
    if text == "*" {
      rule = .everything
      return
    }
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    if parts.count == 2 {
      guard let prefix = addressBytes(Self.unbracketed(parts[0])), let bits = Int(parts[1]),
        (0...prefix.count * 8).contains(bits)
      else { return nil }
      rule = .network(prefix: prefix, bits: bits)
      return
    }
    var name = text[...]
    if addressBytes(text) == nil, let colon = name.lastIndex(of: ":"),
      let number = Int(name[name.index(after: colon)...])
    {
      port = number
      name = name[..<colon]
    }
    let plain = Self.unbracketed(name)
    if let bytes = addressBytes(plain) {
      rule = .network(prefix: bytes, bits: bytes.count * 8)
      return
    }
    let suffix = plain.drop { $0 == "*" }.drop { $0 == "." }
    guard !suffix.isEmpty else { return nil }
    rule = .suffix(String(suffix))
  }

  func matches(_ address: WebAddress, _ bytes: [UInt8]?) -> Bool {
    if let port, port != address.port { return false }
    switch rule {
    case .everything: return true
    case .suffix(let suffix):
      let host = address.host.hasSuffix(".") ? String(address.host.dropLast()) : address.host
      return host == suffix || host.hasSuffix("." + suffix)
    case .network(let prefix, let bits):
      guard let bytes, bytes.count == prefix.count else { return false }
      for index in 0..<bytes.count {
        let used = min(8, max(0, bits - index * 8))
        let mask = UInt8(truncatingIfNeeded: 0xFF << (8 - used))
        if bytes[index] & mask != prefix[index] & mask { return false }
      }
      return true
    }
  }

  private static func unbracketed(_ text: Substring) -> String {
    text.hasPrefix("[") && text.hasSuffix("]") ? String(text.dropFirst().dropLast()) : String(text)
  }
}
