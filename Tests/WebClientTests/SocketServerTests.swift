import TestKit
import Testing
import WebClient

/// The server of these tests must not end the process that it is to test.
@Suite("The tests' own server")
struct SocketServerTests {
  @Test("may be stopped or dropped at the moment connections come in")
  func stopping() async throws {
    let client = WebClient(configuration: WebClientConfiguration(userAgent: "stet/test"))
    for round in 0..<150 {
      var server: SocketServer? = try await SocketServer { connection in
        _ = try await connection.read()
      }
      let url = "http://127.0.0.1:\(server?.port ?? 0)/"
      await withTaskGroup(of: Void.self) { group in
        for _ in 0..<8 {
          group.addTask {
            // Lost, refused or cancelled: all that counts is that nothing traps.
            _ = try? await client.send(WebRequest(url: url, deadline: .seconds(60)))
          }
        }
        for _ in 0..<(round % 16) { await Task.yield() }
        if round.isMultiple(of: 2) { await server?.stop() }
        server = nil
      }
    }
    await client.shutdown()
  }
}
