#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A port of this machine on which nothing listens, and nothing will while this lives. The port of
/// a server that was stopped may soon be another server's.
public final class ClosedPort: Sendable {
  public let port: Int
  private let socket: CInt

  public init() {
    socket = tcpSocket()
    port = Self.bound(socket, to: 0) ?? 0
  }

  /// One that the system gives to nobody by itself: a server that is stopped for a while finds it
  /// free again, whatever connections others make meanwhile.
  public init(forServer: Void) {
    socket = tcpSocket()
    var port: Int?
    while port == nil { port = Self.bound(socket, to: Int.random(in: 15_000..<32_000)) }
    self.port = port ?? 0
  }

  /// - Returns: the port; `nil` where it is another's.
  private static func bound(_ socket: CInt, to port: Int) -> Int? {
    var address = loopback(port: port)
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    return withUnsafeMutablePointer(to: &address) { address in
      address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        guard bind(socket, $0, size) == 0, getsockname(socket, $0, &size) == 0 else { return nil }
        return Int(in_port_t(bigEndian: address.pointee.sin_port))
      }
    }
  }

  deinit { close(socket) }

  public var url: String { "http://127.0.0.1:\(port)" }
}

/// A connection that was made and says nothing. It may still wait to be accepted.
public final class SilentConnection: Sendable {
  private let socket: CInt

  /// Blocks until the kernel of this machine has made it, which needs no other thread.
  public init(port: Int) {
    let socket = tcpSocket()
    var address = loopback(port: port)
    withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        _ = connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    self.socket = socket
  }

  deinit { close(socket) }
}

private func tcpSocket() -> CInt {
  #if canImport(Glibc)
    socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
  #else
    socket(AF_INET, SOCK_STREAM, 0)
  #endif
}

private func loopback(port: Int) -> sockaddr_in {
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_port = in_port_t(truncatingIfNeeded: port).bigEndian
  address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
  return address
}
