import Hummingbird

/// The dashboard's cookies: no script reads them, no other site sends them along, and where the
/// public address is one of TLS they go over TLS alone.
struct Cookies: Sendable {
  let isSecure: Bool

  /// With this prefix no other host of the domain, and nothing without TLS, can set it.
  /// Source: RFC 6265bis, section 4.1.3.2.
  private func full(_ name: String) -> String { isSecure ? "__Host-stet_\(name)" : "stet_\(name)" }

  var session: String { full("session") }
  /// Of somebody who is about to sign in.
  var visit: String { full("visit") }

  func value(_ name: String, in head: HTTPRequest) -> String? {
    for field in head.headerFields where field.name == .cookie {
      for pair in field.value.utf8.prefix(8_192).split(separator: UInt8(ascii: ";")) {
        let text = String(Substring(pair)).trimmingPrefix(while: \.isWhitespace)
        guard text.hasPrefix(name + "=") else { continue }
        return String(text.dropFirst(name.count + 1))
      }
    }
    return nil
  }

  /// - Parameter seconds: zero takes it away.
  func set(_ name: String, _ value: String, seconds: Int, in response: inout Response) {
    let secure = isSecure ? "; Secure" : ""
    response.headers.append(
      HTTPFields.Element(
        name: .setCookie,
        value: "\(name)=\(value); Path=/; Max-Age=\(max(0, seconds)); HttpOnly; SameSite=Strict"
          + secure))
  }
}
