import NIOPosix

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Keeps requests whose address somebody else chose away from this machine and its network.
///
/// A name is resolved once, every address it has must be a public one, and the connection is then
/// made to the address that was looked at: a name that changes meanwhile changes nothing. Redirects
/// are looked at alike.
public struct AddressGuard: Sendable {
  /// Names and addresses, each alone or with `:PORT`, in lower case, that may be asked although they
  /// are not public.
  private let allowed: Set<String>
  private let resolve: @Sendable (String) async -> [[UInt8]]
  private let isFit: @Sendable ([UInt8]) -> Bool

  /// - Parameter allowing: hosts of one's own network that may be asked all the same, such as
  ///   `hooks.internal` or `10.0.0.5:8443`.
  public init(allowing: some Sequence<String> = []) {
    self.init(allowing: allowing, resolve: Self.systemAddresses)
  }

  init(
    allowing: some Sequence<String>, resolve: @escaping @Sendable (String) async -> [[UInt8]],
    isFit: @escaping @Sendable ([UInt8]) -> Bool = Self.isPublic
  ) {
    self.isFit = isFit
    allowed = Set(allowing.map { $0.lowercased() })
    self.resolve = resolve
  }

  /// - Returns: the numeric address to connect to; `nil`: as the name says.
  func check(_ address: WebAddress, throughProxy: Bool) async throws(WebError) -> String? {
    if allowed.contains(address.host) || allowed.contains("\(address.host):\(address.port)") {
      return nil
    }
    if let bytes = addressBytes(address.host) {
      guard isFit(bytes) else { throw Self.refusal(address) }
      return nil
    }
    let found = await resolve(address.host)
    // Where a proxy is the way out, names of the world may mean nothing here.
    if found.isEmpty, throughProxy, !Self.isOfThisNetwork(address.host) { return nil }
    guard let first = found.first else {
      throw WebError(
        code: .unreachable, detail: "No connection to \(address.origin): the name is unknown.")
    }
    guard found.allSatisfy(isFit) else { throw Self.refusal(address) }
    return throughProxy ? nil : Self.text(first)
  }

  private static func refusal(_ address: WebAddress) -> WebError {
    WebError(
      code: .forbiddenAddress,
      detail: "\(address.origin) is not an address of the public internet, and such addresses are "
        + "not asked; STET_PRIVATE_HOSTS allows a host by name.")
  }

  /// Names that only a local resolver knows, and numbers that only lenient parsers take for addresses.
  private static func isOfThisNetwork(_ host: String) -> Bool {
    let name = host.hasSuffix(".") ? String(host.dropLast()) : host
    let last = name.split(separator: ".").last.map(String.init) ?? ""
    return !name.contains(".")
      || ["localhost", "local", "internal", "intranet", "lan", "home", "corp", "arpa"]
        .contains(last)
      || last.utf8.allSatisfy { (0x30...0x39).contains($0) }
      || last.hasPrefix("0x")
  }

  /// Whether a numeric address is one of the public internet.
  /// - Parameter bytes: 4 or 16, in network order.
  /// Source: IANA's IPv4 and IPv6 Special-Purpose Address Registries.
  static func isPublic(_ bytes: [UInt8]) -> Bool {
    switch bytes.count {
    case 4: isPublicV4(bytes)
    case 16: isPublicV6(bytes)
    default: false
    }
  }

  private static let reservedV4: [(base: UInt32, bits: UInt32)] = [
    (0x0000_0000, 8), (0x0A00_0000, 8), (0x6440_0000, 10), (0x7F00_0000, 8), (0xA9FE_0000, 16),
    (0xAC10_0000, 12), (0xC000_0000, 24), (0xC000_0200, 24), (0xC058_6300, 24),
    (0xC0A8_0000, 16), (0xC612_0000, 15), (0xC633_6400, 24), (0xCB00_7100, 24),
    (0xE000_0000, 4), (0xF000_0000, 4),
  ]

  private static func isPublicV4(_ bytes: [UInt8]) -> Bool {
    let number = bytes.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    return !reservedV4.contains { (number ^ $0.base) >> (32 - $0.bits) == 0 }
  }

  private static func isPublicV6(_ bytes: [UInt8]) -> Bool {
    // ::ffff:0:0/96 and 64:ff9b::/96 lead to the IPv4 address in them.
    let mapped: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]
    let translated: [UInt8] = [0, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0]
    if bytes.starts(with: mapped) || bytes.starts(with: translated) {
      return isPublicV4(Array(bytes[12...]))
    }
    guard bytes[0] & 0xE0 == 0x20 else { return false }  // 2000::/3, all that is given out
    let first = UInt16(bytes[0]) << 8 | UInt16(bytes[1])
    let second = UInt16(bytes[2]) << 8 | UInt16(bytes[3])
    if first == 0x2001, second < 0x0200 || second == 0x0DB8 { return false }  // Teredo, documents
    if first == 0x2002 { return isPublicV4(Array(bytes[2..<6])) }  // 6to4
    if first == 0x3FFF, second < 0x1000 { return false }  // documents
    return true
  }

  // MARK: - Names

  /// Waits on a thread that may wait.
  private static let systemAddresses: @Sendable (String) async -> [[UInt8]] = { host in
    let found = try? await NIOThreadPool.singleton.runIfActive { lookUp(host) }
    return found ?? []
  }

  private static func lookUp(_ host: String) -> [[UInt8]] {
    var hints = addrinfo()
    hints.ai_family = AF_UNSPEC
    #if canImport(Glibc)
      hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
    #else
      hints.ai_socktype = SOCK_STREAM
    #endif
    var list: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(host, nil, &hints, &list) == 0 else { return [] }
    defer { freeaddrinfo(list) }
    var found: [[UInt8]] = []
    var next = list
    while let entry = next {
      next = entry.pointee.ai_next
      guard let address = entry.pointee.ai_addr else { continue }
      switch entry.pointee.ai_family {
      case AF_INET:
        address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { pointer in
          withUnsafeBytes(of: pointer.pointee.sin_addr) { found.append(Array($0)) }
        }
      case AF_INET6:
        address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { pointer in
          withUnsafeBytes(of: pointer.pointee.sin6_addr) { found.append(Array($0)) }
        }
      default: break
      }
    }
    return found
  }

  static func text(_ bytes: [UInt8]) -> String? {
    var buffer = [CChar](repeating: 0, count: 64)
    let family = bytes.count == 4 ? AF_INET : AF_INET6
    guard inet_ntop(family, bytes, &buffer, socklen_t(buffer.count)) != nil else { return nil }
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
