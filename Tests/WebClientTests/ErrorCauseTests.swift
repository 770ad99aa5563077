import NIOCore
import Testing

@testable import WebClient

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// `unreachable` lets a caller send a change once more, so it must mean that nothing was sent.
@Suite("Causes of errors")
struct ErrorCauseTests {
  @Test(
    "an error of a connection that stood is never called unreachable",
    arguments: [
      ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, ENETDOWN, EHOSTDOWN, EADDRNOTAVAIL, ECONNRESET, EPIPE,
    ])
  func lost(number: CInt) {
    let error = WebError(
      explaining: IOError(errnoCode: number, reason: "read"), origin: "http://host")
    #expect(error.code == .connectionLost)
    #expect(error.detail == "The connection to http://host was lost.")
  }

  @Test("a connection that was never made is")
  func unreachable() {
    let refused = IOError(errnoCode: ECONNREFUSED, reason: "connect")
    let late = ChannelError.connectTimeout(.seconds(1))
    for error in [refused, late] as [any Error] {
      #expect(WebError(explaining: error, origin: "http://host").code == .unreachable)
    }
  }
}
