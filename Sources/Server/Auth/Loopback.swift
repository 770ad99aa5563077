import Hummingbird

/// Who may ask while no token exists: programs of this machine, and neither a tunnel nor a web page.
enum Loopback {
  /// - Returns: why the request is not answered without a token; `nil` where it is.
  static func refusal(head: HTTPRequest, peer: String) -> String? {
    guard isLoopback(address: peer) else { return "it came from another machine" }
    guard let host = Authority(head.authority ?? "") else {
      return "its Host header is missing or is no name and port"
    }
    guard isLoopback(name: host.name) else { return "its Host is not this machine" }
    if let field = head.headerFields.first(where: { isForwarding($0.name.canonicalName) }) {
      return "it was forwarded, as its header \(field.name.canonicalName) says"
    }
    if let origin = head.headerFields.first("origin") {
      guard origin.hasPrefix("http://"), let from = Authority(String(origin.dropFirst(7))),
        from == host
      else { return "its Origin is another site" }
    }
    if let site = head.headerFields.first("sec-fetch-site"),
      site != "same-origin", site != "none"
    {
      return "a page of another site sent it, as Sec-Fetch-Site says"
    }
    return nil
  }

  /// 127.0.0.0/8, `::1`, `localhost`.
  static func isLoopback(name: String) -> Bool {
    let name = name.lowercased()
    return name == "localhost" || isLoopback(address: name)
  }

  static func isLoopback(address: String) -> Bool {
    if address == "::1" { return true }
    let plain = address.hasPrefix("::ffff:") ? String(address.dropFirst(7)) : address
    let parts = plain.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4 && parts[0] == "127"
      && parts.allSatisfy { part in
        part.utf8.allSatisfy { $0 &- 0x30 < 10 } && UInt8(part) != nil
      }
  }

  /// - Parameter name: in lower case.
  private static func isForwarding(_ name: String) -> Bool {
    name.hasPrefix("x-forwarded") || name.hasPrefix("cf-") || name.hasPrefix("fly-")
      || forwarding.contains(name)
  }

  private static let forwarding: Set<String> = [
    "forwarded", "via", "x-real-ip", "x-original-host", "x-original-forwarded-for",
    "x-client-ip", "x-cluster-client-ip", "true-client-ip", "cdn-loop", "x-envoy-external-address",
    "tailscale-user-login", "ngrok-trace-id",
  ]

  /// A host and a port as `Host` and `Origin` write them.
  struct Authority: Equatable {
    /// Lower case, without brackets.
    var name: String
    var port: Int

    init?(_ text: String) {
      var rest = text.lowercased()[...]
      if rest.hasPrefix("[") {
        guard let end = rest.firstIndex(of: "]") else { return nil }
        name = String(rest[rest.index(after: rest.startIndex)..<end])
        rest = rest[rest.index(after: end)...]
      } else {
        let end = rest.firstIndex(of: ":") ?? rest.endIndex
        name = String(rest[..<end])
        rest = rest[end...]
      }
      guard !name.isEmpty else { return nil }
      if rest.isEmpty {
        port = 80
      } else {
        guard rest.hasPrefix(":"), let number = UInt16(rest.dropFirst()) else { return nil }
        port = Int(number)
      }
    }
  }
}
