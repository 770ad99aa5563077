import Domain

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A descriptor that is closed with its last owner, and that no program started here inherits.
final class Descriptor: Sendable {
  let number: CInt

  init(owning number: CInt) {
    self.number = number
  }

  deinit { close(number) }

  func makeNonBlocking() {
    _ = fcntl(number, F_SETFL, fcntl(number, F_GETFL) | O_NONBLOCK)
  }
}

enum SocketPair {
  /// Two connected stream sockets; ours never waits.
  static func make() throws(SandboxError) -> (ours: Descriptor, theirs: Descriptor) {
    var ends: [CInt] = [-1, -1]
    #if canImport(Darwin)
      let kind = SOCK_STREAM
    #else
      // In one call, because another thread may start a program between two.
      let kind = CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
    #endif
    guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { throw .noDescriptors }
    #if canImport(Darwin)
      for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    #endif
    let pair = (ours: Descriptor(owning: ends[0]), theirs: Descriptor(owning: ends[1]))
    pair.ours.makeNonBlocking()
    return pair
  }
}

extension CInt {
  /// Sends one byte that carries a descriptor. - Returns: whether it was taken.
  ///
  /// The C macros that lay such a message out are not seen by Swift: a header, padded to the size of
  /// a word, and the number after it. Source: cmsg(3).
  func passes(_ descriptor: CInt) -> Bool {
    #if canImport(Darwin)
      let word = MemoryLayout<UInt32>.size
    #else
      let word = MemoryLayout<Int>.size
    #endif
    func padded(_ size: Int) -> Int { (size + word - 1) / word * word }
    let header = padded(MemoryLayout<cmsghdr>.size)
    let size = header + padded(MemoryLayout<CInt>.size)
    return withUnsafeTemporaryAllocation(byteCount: size, alignment: 16) { control in
      control.initializeMemory(as: UInt8.self, repeating: 0)
      var head = cmsghdr()
      head.cmsg_len = .init(header + MemoryLayout<CInt>.size)
      head.cmsg_level = SOL_SOCKET
      head.cmsg_type = CInt(Self.rights)
      control.storeBytes(of: head, as: cmsghdr.self)
      control.storeBytes(of: descriptor, toByteOffset: header, as: CInt.self)
      var byte: UInt8 = 1
      return withUnsafeMutablePointer(to: &byte) { byte in
        var vector = iovec(iov_base: UnsafeMutableRawPointer(byte), iov_len: 1)
        return withUnsafeMutablePointer(to: &vector) { vector in
          var message = msghdr()
          message.msg_iov = vector
          message.msg_iovlen = 1
          message.msg_control = control.baseAddress
          message.msg_controllen = .init(size)
          return sendmsg(self, &message, 0) == 1
        }
      }
    }
  }

  private static var rights: Int {
    #if canImport(Darwin)
      Int(SCM_RIGHTS)
    #else
      1  // SCM_RIGHTS, an enumeration of C that differs between its libraries.
    #endif
  }
}

extension SandboxError {
  static var noDescriptors: Self {
    Self(
      code: .unavailable,
      detail: "No socket could be made for the sandbox: \(String(cString: strerror(errno))).")
  }

  static var shutDown: Self {
    Self(code: .unavailable, detail: "The sandbox has been shut down.")
  }

  static var cancelled: Self {
    Self(code: .cancelled, detail: "The run was stopped because its result is no longer wanted.")
  }
}
