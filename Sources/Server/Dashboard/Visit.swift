import Domain
import Hummingbird

/// Somebody who looks at the dashboard.
struct Visit: Sendable {
  var caller: Caller
  /// The token's name; `nil` without a session.
  var name: String?
  /// `nil` where nobody had to sign in.
  var session: Sessions.Session?
  /// What its forms are bound to; `nil` where it may send none, such as a program with a token in
  /// its header, which has the API for that.
  var formsOf: String?

  func may(_ scope: APIToken.Scope) -> Bool {
    formsOf != nil && (caller.scope.map { $0 >= scope } ?? false)
  }
}

/// Where a request comes from, as far as a browser says.
struct OriginCheck: Sendable {
  private let publicOrigin: String?

  /// - Parameter publicURL: where the settings name one; else only the request's own Host counts.
  init(publicURL: String?) { publicOrigin = publicURL.flatMap(Self.origin) }

  /// - Returns: why a form is not taken; `nil` where a page of this server sent it.
  func refusal(_ head: HTTPRequest) -> String? {
    if let site = head.headerFields.first("sec-fetch-site"), site != "same-origin" {
      return "a page of another site sent it"
    }
    guard let text = head.headerFields.first("origin") else {
      return "it does not say which page sent it (its Origin header is missing)"
    }
    guard let origin = Self.origin(text) else { return "a page of another site sent it" }
    if origin == publicOrigin { return nil }
    let scheme = String(origin.prefix { $0 != ":" })
    // The browser sends both, and a page chooses neither.
    if let host = head.authority, Self.origin("\(scheme)://\(host)") == origin { return nil }
    return "a page of another site sent it"
  }

  /// `http://name:port` in lower case, always with its port.
  static func origin(_ text: String) -> String? {
    let parts = text.lowercased().split(separator: "://", maxSplits: 1)
    guard parts.count == 2, parts[0] == "http" || parts[0] == "https" else { return nil }
    let place = String(parts[1].prefix { $0 != "/" })
    guard let authority = Loopback.Authority(place) else { return nil }
    let end = place.hasSuffix("]") ? "" : place.split(separator: ":").last.map(String.init) ?? ""
    let isGiven = UInt16(end) != nil && place.contains(":")
    let port = isGiven ? authority.port : parts[0] == "https" ? 443 : 80
    return "\(parts[0])://\(authority.name):\(port)"
  }
}
