import TestKit
import Testing
import WebClient

/// How the client meets servers that misbehave. Every deadline is short, and nothing here waits
/// longer than one.
@Suite("Faults of a server")
struct FaultTests {
  private let client = WebClient(configuration: WebClientConfiguration(userAgent: "stet/test"))

  private func failure(
    of request: WebRequest, from handler: @escaping FaultServer.Handler
  ) async throws -> WebError? {
    try await FaultServer.with(handler) { server in
      var request = request
      request.url = server.url + request.url
      return await #expect(throws: WebError.self) { try await client.send(request) }
    }
  }

  @Test("none: the request arrives as it was meant")
  func plain() async throws {
    try await FaultServer.with { request in
      .json(#"{"got":"\#(request.text)"}"#, headers: [("X-One", "a"), ("x-one", "b")])
    } _: { server in
      let response = try await client.send(
        WebRequest(
          method: "POST", url: server.url + "/v1/chat?x=%20y", headers: ["Content-Type": "text/x"],
          body: Array("hällo".utf8)))
      #expect(response.status == 200)
      #expect(response.body == Array(#"{"got":"hällo"}"#.utf8))
      #expect(response.headers["content-TYPE"] == "application/json")
      #expect(response.headers.values(of: "X-ONE") == ["a", "b"])
      let request = try #require(server.requests.first)
      #expect(request.method == "POST")
      #expect(request.path == "/v1/chat?x=%20y")
      #expect(request.header("user-agent") == "stet/test")
      #expect(request.header("content-type") == "text/x")
      #expect(request.header("accept-encoding") == nil)
      #expect(request.body == Array("hällo".utf8))
    }
  }

  @Test("a 200 that holds an error is an answer: its vendor's adapter must read it")
  func errorWithinSuccess() async throws {
    try await FaultServer.with { _ in
      .json(#"{"error":{"code":500}}"#)
    } _: { server in
      let response = try await client.send(
        WebRequest(url: server.url, retry: RetryPolicy(attempts: 3)))
      #expect(response.body == Array(#"{"error":{"code":500}}"#.utf8))
      #expect(server.requests.count == 1)
    }
  }

  @Test("a slow drip ends at the total deadline")
  func slowDrip() async throws {
    let error = try await failure(of: WebRequest(url: "/", deadline: .milliseconds(400))) { _ in
      FaultReply(parts: [.forever([0x2E], every: .milliseconds(20))], framing: .chunked)
    }
    #expect(error?.code == .timedOut)
    #expect(error?.attempts == 1)
  }

  @Test("an endless body ends at its bound, and the connection with it")
  func endlessBody() async throws {
    try await FaultServer.with { _ in
      FaultReply(
        parts: [.forever([UInt8](repeating: 0x78, count: 16_384), every: .zero)],
        framing: .chunked)
    } _: { server in
      let error = await #expect(throws: WebError.self) {
        try await client.send(
          WebRequest(
            url: server.url, deadline: .seconds(120), maxResponseBytes: 1 << 20,
            retry: RetryPolicy(attempts: 3)))
      }
      #expect(error?.code == .tooLarge)
      #expect(server.requests.count == 1)
      await server.waitUntilOpen(atMost: 0)
    }
  }

  @Test("the bound is exact", arguments: [(100, true), (99, false)])
  func exactBound(limit: Int, fits: Bool) async throws {
    try await FaultServer.with { _ in
      .text(String(repeating: "x", count: 100))
    } _: { server in
      let response = try? await client.send(WebRequest(url: server.url, maxResponseBytes: limit))
      #expect((response?.body.count == 100) == fits)
    }
  }

  @Test("no answer at all ends at the deadline")
  func noAnswer() async throws {
    let error = try await failure(
      of: WebRequest(url: "/", deadline: .milliseconds(300), retry: RetryPolicy(attempts: 3))
    ) { _ in FaultReply(parts: [.hang], framing: .raw) }
    #expect(error?.code == .timedOut)
  }

  @Test("silence ends at the idle time, and may be tried again")
  func idle() async throws {
    let client = WebClient(
      configuration: WebClientConfiguration(
        userAgent: "stet/test", idleTimeout: .milliseconds(300)))
    try await FaultServer.with { request in
      request.number == 1 ? FaultReply(parts: [.hang], framing: .raw) : .text("awake")
    } _: { server in
      // On a machine under load a lively answer can be too late as well, and more than once.
      let response = try await client.send(
        WebRequest(
          url: server.url, deadline: .seconds(120),
          retry: RetryPolicy(attempts: 100, base: .milliseconds(1), cap: .milliseconds(10))))
      #expect(response.attempts >= 2)
      #expect(response.body == Array("awake".utf8))
    }
  }

  @Test("a closed port is unreachable at once, as often as the policy says")
  func closedPort() async throws {
    let closed = ClosedPort()
    let error = await #expect(throws: WebError.self) {
      try await client.send(
        WebRequest(
          url: closed.url, deadline: .seconds(120),
          retry: RetryPolicy(attempts: 3, base: .milliseconds(1))
        )
      )
    }
    #expect(error?.code == .unreachable)
    #expect(error?.attempts == 3)
  }

  @Test("an unknown name is unreachable")
  func unknownName() async throws {
    let error = await #expect(throws: WebError.self) {
      try await client.send(WebRequest(url: "http://nobody.invalid/", deadline: .seconds(10)))
    }
    #expect(error?.code == .unreachable || error?.code == .timedOut)
  }

  @Test(
    "a body that is cut is a lost connection, not a short answer",
    arguments: [
      FaultReply(parts: [.bytes(Array("half".utf8)), .cut], framing: .declared(100)),
      FaultReply(parts: [.bytes(Array("half".utf8)), .cut], framing: .chunked),
      FaultReply(parts: [.bytes(Array("half".utf8)), .reset], framing: .chunked),
      FaultReply(parts: [.cut], framing: .raw),
      FaultReply(parts: [.bytes(Array("HTTP/1.1 200 O".utf8)), .cut], framing: .raw),
    ])
  func cut(reply: FaultReply) async throws {
    try await FaultServer.with { request in
      request.number == 1 ? reply : .text("whole")
    } _: { server in
      let error = await #expect(throws: WebError.self) {
        try await client.send(WebRequest(url: server.url, deadline: .seconds(120)))
      }
      #expect(error?.code == .connectionLost)
      let response = try await client.send(WebRequest(url: server.url, deadline: .seconds(120)))
      #expect(response.body == Array("whole".utf8))
    }
  }

  @Test("a cut body is asked for again where the request may be repeated")
  func cutAndRepeated() async throws {
    try await FaultServer.with { request in
      request.number == 1
        ? FaultReply(parts: [.bytes([0x61]), .cut], framing: .declared(10)) : .text("whole")
    } _: { server in
      let response = try await client.send(
        WebRequest(
          url: server.url, deadline: .seconds(120),
          retry: RetryPolicy(attempts: 2, base: .milliseconds(1))))
      #expect(response.body == Array("whole".utf8))
      #expect(response.attempts == 2)
    }
  }

  @Test(
    "what is not HTTP is malformed and not tried again",
    arguments: [
      "SSH-2.0-OpenSSH_9.6\r\n", "\u{0}\u{1}\u{2}garbage\r\n\r\n", "HTTP/1.1 abc\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: -4\r\n\r\n",
    ])
  func garbage(text: String) async throws {
    let error = try await failure(
      of: WebRequest(url: "/", deadline: .seconds(120), retry: RetryPolicy(attempts: 3))
    ) { _ in .raw(text) }
    #expect(error?.code == .malformed)
    #expect(error?.attempts == 1)
  }

  @Test("a flood of headers is refused")
  func headerFlood() async throws {
    let error = try await failure(of: WebRequest(url: "/", deadline: .seconds(120))) { _ in
      FaultReply(headers: (0..<20_000).map { ("X-\($0)", String(repeating: "y", count: 50)) })
    }
    #expect(error?.code == .malformed)
  }

  @Test("compressed bytes stay as they are, so that none can explode")
  func noDecompression() async throws {
    try await FaultServer.with { _ in
      FaultReply(headers: [("Content-Encoding", "gzip")], parts: [.bytes([0x1F, 0x8B, 8, 0])])
    } _: { server in
      let response = try await client.send(WebRequest(url: server.url))
      #expect(response.body == [0x1F, 0x8B, 8, 0])
    }
  }

  @Test("a server that hangs within the body of its error does not take the deadline with it")
  func hangingError() async throws {
    try await FaultServer.with { request in
      request.number == 1
        ? FaultReply(status: 500, parts: [.bytes([0x61]), .hang], framing: .chunked) : .text("ok")
    } _: { server in
      let response = try await client.send(
        WebRequest(
          url: server.url, deadline: .seconds(120),
          retry: RetryPolicy(attempts: 2, base: .milliseconds(1))))
      #expect(response.attempts == 2)
    }
  }

  @Test("a kept connection that the server has closed is replaced")
  func keepAlive() async throws {
    try await FaultServer.with { request in
      var reply = FaultReply.text("\(request.connection)")
      reply.closesAfter = request.number == 2
      return reply
    } _: { server in
      var connections: [String] = []
      for _ in 0..<4 {
        let response = try await client.send(
          WebRequest(
            url: server.url, deadline: .seconds(120),
            retry: RetryPolicy(attempts: 3, base: .milliseconds(1))))
        connections.append(String(decoding: response.body, as: UTF8.self))
        if connections.count == 2 { await server.waitUntilOpen(atMost: 0) }
      }
      #expect(connections == ["1", "1", "2", "2"])
    }
  }

  @Test("cancellation ends the call and closes the connection")
  func cancellation() async throws {
    try await FaultServer.with { _ in
      FaultReply(parts: [.hang], framing: .chunked)
    } _: { server in
      let call = Task {
        try await client.send(WebRequest(url: server.url, deadline: .seconds(300)))
      }
      while server.requests.isEmpty { try await Task.sleep(for: .milliseconds(2)) }
      call.cancel()
      let error = await #expect(throws: WebError.self) { try await call.value }
      #expect(error?.code == .cancelled)
      await server.waitUntilOpen(atMost: 0)
    }
  }

  @Test("a shut down client says so, and ends what is under way")
  func shutdown() async throws {
    let client = WebClient(configuration: WebClientConfiguration(userAgent: "stet/test"))
    try await FaultServer.with { _ in
      FaultReply(parts: [.hang], framing: .chunked)
    } _: { server in
      let call = Task {
        try await client.send(WebRequest(url: server.url, deadline: .seconds(300)))
      }
      while server.requests.isEmpty { try await Task.sleep(for: .milliseconds(2)) }
      await client.shutdown()
      let first = await #expect(throws: WebError.self) { try await call.value }
      #expect(first?.code == .cancelled)
      let second = await #expect(throws: WebError.self) {
        try await client.send(WebRequest(url: server.url))
      }
      #expect(second?.code == .cancelled)
      await client.shutdown()
    }
  }

  @Test("a client may be dropped before, after and during its requests")
  func dropped() async throws {
    _ = WebClient(configuration: WebClientConfiguration(userAgent: "stet/test"))
    try await FaultServer.with { _ in
      .stream(["a", "b"], pause: .milliseconds(30))
    } _: { server in
      var short: WebClient? = WebClient(configuration: WebClientConfiguration(userAgent: "x"))
      let stream = try await short?.stream(WebRequest(url: server.url, deadline: .seconds(120)))
      short = nil
      var body: [UInt8] = []
      for try await chunk in try #require(stream) { body += chunk }
      #expect(body == Array("ab".utf8))
    }
  }

  @Test(
    "a URL that two parsers could read differently is refused, and its secret not repeated",
    arguments: [
      "", "example.com", "ftp://example.com/", "file:///etc/passwd", "http://", "http:///x",
      "http://user:hunter2@example.com/", "http://example.com:0/", "http://example.com:99999/",
      "http://exa mple.com/", "http://example.com\\@evil.test/", "http://ex\u{e4}mple.com/",
      "http://[::1/", "http://[zz]/", "http://example.com/\r\nX: y?hunter2",
    ])
  func badURL(url: String) async {
    let error = await #expect(throws: WebError.self) {
      try await client.send(WebRequest(url: url, deadline: .seconds(5)))
    }
    #expect(error?.code == .invalidURL)
    #expect(error?.detail.contains("hunter2") == false)
  }

  @Test("a header that would begin another one is refused, and its value not repeated")
  func badHeader() async throws {
    try await FaultServer.with { _ in
      .text("")
    } _: { server in
      let error = await #expect(throws: WebError.self) {
        try await client.send(
          WebRequest(url: server.url, headers: ["X-Key": "hunter2\r\nX-Evil: 1"]))
      }
      #expect(error?.code == .invalidURL)
      #expect(error?.detail.contains("hunter2") == false)
      #expect(server.requests.isEmpty)
    }
  }
}
