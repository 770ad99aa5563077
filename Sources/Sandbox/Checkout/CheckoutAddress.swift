import Domain

/// Where a checkout comes from, after it was looked at: git itself would take `ext::COMMAND`, an
/// option or another machine's path for a remote.
struct CheckoutAddress: Sendable, Hashable {
  /// What git may use, for `GIT_ALLOW_PROTOCOL`.
  let transport: String
  /// What git is given.
  let text: String
  var isLocal: Bool { transport == "file" }

  /// - Parameter plainHosts: hosts that may be reached by `http`, beside this machine itself.
  init(_ remote: String, plainHosts: Set<String>) throws(WorkspaceError) {
    let isPlain = remote.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != 0x5C }
    if remote.hasPrefix("/") {
      guard !remote.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }),
        !remote.split(separator: "/").contains("..")
      else { throw Self.refused("it is no plain path") }
      (transport, text) = ("file", remote)
      return
    }
    guard isPlain, let (scheme, rest) = Self.split(remote) else {
      throw Self.refused("it is neither an https address nor an absolute path")
    }
    let parts = rest.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, let host = Self.host(parts[0]) else {
      throw Self.refused("its host is missing, or a user name stands in it")
    }
    guard !parts[1].contains(where: { "?#@:".contains($0) }),
      !parts[1].split(separator: "/", omittingEmptySubsequences: false)
        .contains(where: { $0.isEmpty || $0 == "." || $0 == ".." })
    else { throw Self.refused("its path is not that of a repository") }
    guard scheme == "https" || Self.isLoopback(host) || plainHosts.contains(host) else {
      throw Self.refused("http would show the token to the network: use https")
    }
    (transport, text) = (scheme, remote)
  }

  private static func split(_ remote: String) -> (scheme: String, rest: Substring)? {
    for scheme in ["https", "http"] where remote.lowercased().hasPrefix(scheme + "://") {
      return (scheme, remote.dropFirst(scheme.count + 3))
    }
    return nil
  }

  /// Without its port; `nil` where the authority is not a bare host.
  private static func host(_ authority: Substring) -> String? {
    guard !authority.contains("@"), !authority.isEmpty else { return nil }
    if authority.hasPrefix("[") {
      guard let end = authority.firstIndex(of: "]") else { return nil }
      return String(authority[...end]).lowercased()
    }
    let halves = authority.split(separator: ":", omittingEmptySubsequences: false)
    guard halves.count <= 2, let name = halves.first, !name.isEmpty,
      halves.dropFirst().allSatisfy({ port in UInt16(port) != nil })
    else { return nil }
    return name.lowercased()
  }

  private static func isLoopback(_ host: String) -> Bool {
    if host == "localhost" || host == "[::1]" { return true }
    let parts = host.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
  }

  private static func refused(_ why: String) -> WorkspaceError {
    WorkspaceError(code: .failed, detail: "the repository's address cannot be used: \(why).")
  }
}
