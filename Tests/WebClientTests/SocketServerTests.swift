import TestKit
import Testing

/// The server of these tests must not end the process that it is to test.
@Suite("The tests' own server")
struct SocketServerTests {
  @Test("may be stopped or dropped at the moment connections come in")
  func stopping() async throws {
    for round in 0..<150 {
      var server: SocketServer? = try await SocketServer { connection in
        _ = try await connection.read()
      }
      let port = try #require(server?.port)
      // Made, and perhaps not accepted yet. None is made later: the port may be another's by then.
      let connections = (0..<8).map { _ in SilentConnection(port: port) }
      if round.isMultiple(of: 2) { await server?.stop() }
      server = nil
      withExtendedLifetime(connections) {}
    }
  }
}
