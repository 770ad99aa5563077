import Synchronization
import TestKit
import Testing
import WebClient

@Suite("Streams")
struct StreamTests {
  private let client = WebClient(configuration: WebClientConfiguration(userAgent: "stet/test"))

  @Test("hand over each piece when it comes, and events from them, cut within a character")
  func events() async throws {
    let bytes = Array("data: Grüße 🦊\n\ndata: [DONE]\n\n".utf8)
    let parts = bytes.map { FaultReply.Part.bytes([$0]) }
    try await FaultServer.with { _ in
      FaultReply(headers: [("Content-Type", "text/event-stream")], parts: parts, framing: .chunked)
    } _: { server in
      let stream = try await client.stream(WebRequest(url: server.url, deadline: .seconds(120)))
      #expect(stream.status == 200)
      #expect(stream.headers["content-type"] == "text/event-stream")
      var parser = ServerSentEvents()
      var data: [String] = []
      for try await chunk in stream { data += try parser.feed(chunk).map(\.data) }
      #expect(data == ["Grüße 🦊", "[DONE]"])
    }
  }

  @Test("that are cut in the middle of a character give what came, then the loss")
  func cut() async throws {
    let half = Array(Array("data: 🦊".utf8).dropLast(2))
    try await FaultServer.with { _ in
      FaultReply(parts: [.bytes(half), .cut], framing: .chunked)
    } _: { server in
      let stream = try await client.stream(
        WebRequest(url: server.url, deadline: .seconds(120), retry: RetryPolicy(attempts: 3)))
      var received: [UInt8] = []
      let error = await #expect(throws: WebError.self) {
        for try await chunk in stream { received += chunk }
      }
      #expect(error?.code == .connectionLost)
      #expect(received == half)
      #expect(server.requests.count == 1, "nothing may be repeated once a stream has begun")
    }
  }

  @Test("end at the total deadline however lively they are")
  func deadline() async throws {
    try await FaultServer.with { _ in
      FaultReply(parts: [.forever([0x2E], every: .milliseconds(10))], framing: .chunked)
    } _: { server in
      // A machine under load may not see the head within the time: the same end, only earlier.
      let error = await #expect(throws: WebError.self) {
        for try await _ in try await client.stream(
          WebRequest(url: server.url, deadline: .milliseconds(400)))
        {}
      }
      #expect(error?.code == .timedOut)
      await server.waitUntilOpen(atMost: 0)
    }
  }

  @Test("end at their bound")
  func bound() async throws {
    try await FaultServer.with { _ in
      FaultReply(
        parts: [.forever([UInt8](repeating: 1, count: 999), every: .zero)], framing: .chunked)
    } _: { server in
      let stream = try await client.stream(
        WebRequest(url: server.url, deadline: .seconds(120), maxResponseBytes: 100_000))
      var count = 0
      let error = await #expect(throws: WebError.self) {
        for try await chunk in stream { count += chunk.count }
      }
      #expect(error?.code == .tooLarge)
      #expect(count <= 100_000)
    }
  }

  @Test("hold the server back while nobody reads, and lose nothing by it")
  func backPressure() async throws {
    let size = 128 << 20
    let sent = Mutex(0)
    let server = try await SocketServer { connection in
      _ = try await connection.read()
      try await connection.write("HTTP/1.1 200 OK\r\nContent-Length: \(size)\r\n\r\n")
      let block = [UInt8](repeating: 7, count: 64 << 10)
      while sent.withLock({ $0 }) < size {
        try await connection.write(block)
        sent.withLock { $0 += block.count }
      }
      await connection.waitForClose()
    }
    let stream = try await client.stream(
      WebRequest(
        url: "http://127.0.0.1:\(server.port)/", deadline: .seconds(300), maxResponseBytes: size))
    // Until the server stands still. On a slow machine that may be too early, which passes.
    var last = -1
    while sent.withLock({ $0 }) != last {
      last = sent.withLock { $0 }
      try await Task.sleep(for: .milliseconds(50))
    }
    #expect(
      last < size / 2, "the kernel's buffers hold up to 40 megabytes, the client a quarter of one")
    var count = 0
    for try await chunk in stream { count += chunk.count }
    #expect(count == size)
    await server.stop()
  }

  @Test("close their connection when they are dropped")
  func dropped() async throws {
    try await FaultServer.with { _ in
      FaultReply(parts: [.bytes([1]), .hang], framing: .chunked)
    } _: { server in
      func readOne() async throws {
        for try await _ in try await client.stream(
          WebRequest(url: server.url, deadline: .seconds(300)))
        { break }
      }
      try await readOne()
      await server.waitUntilOpen(atMost: 0)
      _ = try await client.stream(WebRequest(url: server.url, deadline: .seconds(300)))
      await server.waitUntilOpen(atMost: 0)
      #expect(server.requests.count == 2)
    }
  }

  @Test("close their connection when the reading task is cancelled")
  func cancelled() async throws {
    try await FaultServer.with { _ in
      FaultReply(parts: [.bytes([1]), .hang], framing: .chunked)
    } _: { server in
      let stream = try await client.stream(WebRequest(url: server.url, deadline: .seconds(300)))
      let reader = Task { for try await _ in stream {} }
      reader.cancel()
      let error = await #expect(throws: WebError.self) { try await reader.value }
      #expect(error?.code == .cancelled)
      await server.waitUntilOpen(atMost: 0)
    }
  }

  @Test("are repeated until their head is good, and fail as a call does")
  func heads() async throws {
    try await FaultServer.with { request in
      switch request.path {
      case "/late": request.number == 1 ? .text("", status: 503) : .stream(["x"])
      default: .json(#"{"error":"no such model"}"#, status: 404)
      }
    } _: { server in
      let stream = try await client.stream(
        WebRequest(
          url: server.url + "/late", deadline: .seconds(120),
          retry: RetryPolicy(attempts: 2, base: .milliseconds(1))))
      #expect(stream.attempts == 2)
      let error = await #expect(throws: WebError.self) {
        _ = try await client.stream(WebRequest(url: server.url + "/gone", deadline: .seconds(120)))
      }
      #expect(error?.status == 404)
      #expect(error?.excerpt == Array(#"{"error":"no such model"}"#.utf8))
    }
  }
}
