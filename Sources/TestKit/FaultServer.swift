import Synchronization

/// A request as it arrived.
public struct ReceivedRequest: Sendable {
  public var method: String
  /// Path and query as on the wire; the whole URL where a proxy was asked.
  public var path: String
  public var headers: [(name: String, value: String)]
  public var body: [UInt8]
  /// Which connection brought it, from 1, and which request of the server it is, from 1.
  public var connection: Int
  public var number: Int

  public func header(_ name: String) -> String? {
    headers.first { $0.name.lowercased() == name.lowercased() }?.value
  }

  public var text: String { String(decoding: body, as: UTF8.self) }
}

/// An answer, well-behaved or not.
public struct FaultReply: Sendable {
  public enum Part: Sendable {
    case bytes([UInt8])
    /// Silence.
    case pause(Duration)
    /// The bytes again and again until the other side closes.
    case forever([UInt8], every: Duration)
    /// Silence until the other side closes.
    case hang
    /// Ends the connection here, by a close.
    case cut
    /// Ends the connection here, by a reset.
    case reset
  }

  public enum Framing: Sendable {
    /// Content-Length over all `.bytes`.
    case length
    /// Content-Length as given, whatever follows.
    case declared(Int)
    case chunked
    /// No length: the body ends with the connection.
    case untilClose
    /// The parts are the whole answer: no status line and no headers are written.
    case raw
  }

  public var status: Int
  public var headers: [(name: String, value: String)]
  public var parts: [Part]
  public var framing: Framing
  /// Close the connection after this answer without having said so.
  public var closesAfter: Bool

  public init(
    status: Int = 200, headers: [(name: String, value: String)] = [], parts: [Part] = [],
    framing: Framing = .length, closesAfter: Bool = false
  ) {
    self.status = status
    self.headers = headers
    self.parts = parts
    self.framing = framing
    self.closesAfter = closesAfter
  }

  /// A whole body.
  public static func text(
    _ body: String, status: Int = 200, type: String = "text/plain",
    headers: [(name: String, value: String)] = []
  ) -> Self {
    Self(
      status: status, headers: [("Content-Type", type)] + headers,
      parts: [.bytes(Array(body.utf8))])
  }

  public static func json(
    _ body: String, status: Int = 200, headers: [(name: String, value: String)] = []
  ) -> Self {
    .text(body, status: status, type: "application/json", headers: headers)
  }

  /// A body piece by piece, each one a chunk of its own.
  public static func stream(
    _ pieces: [String], type: String = "text/event-stream", pause: Duration? = nil
  ) -> Self {
    var parts: [Part] = []
    for piece in pieces {
      if let pause { parts.append(.pause(pause)) }
      parts.append(.bytes(Array(piece.utf8)))
    }
    return Self(headers: [("Content-Type", type)], parts: parts, framing: .chunked)
  }

  /// Bytes in the place of HTTP.
  public static func raw(_ text: String) -> Self {
    Self(parts: [.bytes(Array(text.utf8)), .cut], framing: .raw)
  }
}

/// An HTTP/1.1 server on a socket of this machine whose every answer is a closure's choice.
/// It keeps connections alive and remembers what it was asked.
public final class FaultServer: Sendable {
  public typealias Handler = @Sendable (ReceivedRequest) async -> FaultReply

  private final class Record: Sendable {
    struct State {
      var requests: [ReceivedRequest] = []
      var connections = 0
      var open = 0
      var waiters: [(open: Int, continuation: CheckedContinuation<Void, Never>)] = []
    }

    let state = Mutex(State())

    func changeOpen(by change: Int) {
      let woken = state.withLock { state in
        state.open += change
        let open = state.open
        defer { state.waiters.removeAll { open <= $0.open } }
        return state.waiters.filter { open <= $0.open }
      }
      for waiter in woken { waiter.continuation.resume() }
    }
  }

  private let socket: SocketServer
  private let record: Record

  public init(port: Int = 0, _ handler: @escaping Handler) async throws {
    let record = Record()
    self.record = record
    socket = try await SocketServer(port: port) { connection in
      let number = record.state.withLock { state in
        state.connections += 1
        return state.connections
      }
      record.changeOpen(by: 1)
      defer { record.changeOpen(by: -1) }
      while var request = try await Self.readRequest(connection) {
        request.connection = number
        request.number = record.state.withLock { state in
          request.number = state.requests.count + 1
          state.requests.append(request)
          return request.number
        }
        let reply = await handler(request)
        guard try await Self.write(reply, to: connection, isHead: request.method == "HEAD") else {
          return
        }
      }
    }
  }

  public var port: Int { socket.port }
  /// `http://127.0.0.1:PORT`, without a closing slash.
  public var url: String { "http://127.0.0.1:\(port)" }
  public var requests: [ReceivedRequest] { record.state.withLock { $0.requests } }
  public var connections: Int { record.state.withLock { $0.connections } }
  public var openConnections: Int { record.state.withLock { $0.open } }

  /// Returns when at most so many connections are open. It has no time limit of its own.
  public func waitUntilOpen(atMost count: Int) async {
    await withCheckedContinuation { continuation in
      let isThere = record.state.withLock { state in
        if state.open <= count { return true }
        state.waiters.append((count, continuation))
        return false
      }
      if isThere { continuation.resume() }
    }
  }

  public func stop() async { await socket.stop() }

  /// Starts a server, runs `body` with it and stops it, whatever `body` does.
  public static func with<Value: Sendable>(
    _ handler: @escaping Handler, _ body: (FaultServer) async throws -> Value
  ) async throws -> Value {
    let server = try await FaultServer(handler)
    do {
      let value = try await body(server)
      await server.stop()
      return value
    } catch {
      await server.stop()
      throw error
    }
  }

  // MARK: the wire

  private static func readRequest(_ connection: SocketConnection) async throws -> ReceivedRequest? {
    var bytes: [UInt8] = []
    var end: Int?
    while end == nil {
      guard let more = try await connection.read() else { return nil }
      let from = max(0, bytes.count - 3)
      bytes += more
      end = endOfHead(bytes, from: from)
    }
    guard let end else { return nil }
    let lines = String(decoding: bytes[..<end], as: UTF8.self).split(
      separator: "\r\n", omittingEmptySubsequences: true)
    let words = lines.first?.split(separator: " ") ?? []
    guard words.count >= 2 else { return nil }
    var request = ReceivedRequest(
      method: String(words[0]), path: String(words[1]), headers: [], body: [], connection: 0,
      number: 0)
    for line in lines.dropFirst() {
      let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2 else { continue }
      request.headers.append((String(parts[0]), String(parts[1].drop { $0 == " " })))
    }
    var body = Array(bytes[end...])
    if request.header("transfer-encoding")?.lowercased() == "chunked" {
      connection.unread(body)
      guard let whole = try await readChunks(connection) else { return nil }
      request.body = whole
      return request
    }
    let length = request.header("content-length").flatMap { Int($0) } ?? 0
    while body.count < length {
      guard let more = try await connection.read() else { return nil }
      body += more
    }
    request.body = Array(body.prefix(length))
    connection.unread(body.dropFirst(length))
    return request
  }

  /// A chunked body without trailers. Source: RFC 9112, section 7.1.
  private static func readChunks(_ connection: SocketConnection) async throws -> [UInt8]? {
    var body: [UInt8] = []
    var unread: [UInt8] = []
    while true {
      guard let line = unread.firstIndex(of: 10) else {
        guard let more = try await connection.read() else { return nil }
        unread += more
        continue
      }
      let digits = String(decoding: unread[..<line], as: UTF8.self).prefix { $0.isHexDigit }
      guard let size = Int(digits, radix: 16) else { return nil }
      unread.removeFirst(line + 1)
      // The chunk and the line break behind it.
      while unread.count < size + 2 {
        guard let more = try await connection.read() else { return nil }
        unread += more
      }
      body += unread[..<size]
      unread.removeFirst(size + 2)
      if size == 0 {
        connection.unread(unread)
        return body
      }
    }
  }

  private static func endOfHead(_ bytes: [UInt8], from start: Int) -> Int? {
    var index = start
    while index + 4 <= bytes.count {
      if bytes[index] == 13, bytes[index + 1] == 10, bytes[index + 2] == 13, bytes[index + 3] == 10
      {
        return index + 4
      }
      index += 1
    }
    return nil
  }

  /// - Returns: whether the connection can carry a further request.
  private static func write(
    _ reply: FaultReply, to connection: SocketConnection, isHead: Bool
  ) async throws -> Bool {
    var isChunked = false
    if case .raw = reply.framing {
    } else {
      var head = "HTTP/1.1 \(reply.status) Status\r\n"
      for header in reply.headers { head += "\(header.name): \(header.value)\r\n" }
      switch reply.framing {
      case .length:
        let length = reply.parts.reduce(0) { sum, part in
          if case .bytes(let bytes) = part { return sum + bytes.count }
          return sum
        }
        head += "Content-Length: \(length)\r\n"
      case .declared(let length): head += "Content-Length: \(length)\r\n"
      case .chunked:
        isChunked = true
        head += "Transfer-Encoding: chunked\r\n"
      case .untilClose: head += "Connection: close\r\n"
      case .raw: break
      }
      try await connection.write(head + "\r\n")
    }
    if isHead { return true }
    func send(_ bytes: [UInt8]) async throws {
      guard !bytes.isEmpty else { return }
      if isChunked {
        try await connection.write(
          Array("\(String(bytes.count, radix: 16))\r\n".utf8) + bytes + [13, 10])
      } else {
        try await connection.write(bytes)
      }
    }
    for part in reply.parts {
      switch part {
      case .bytes(let bytes): try await send(bytes)
      case .pause(let time): try await Task.sleep(for: time)
      case .forever(let bytes, let time):
        while true {
          try await send(bytes)
          if time > .zero { try await Task.sleep(for: time) }
        }
      case .hang:
        await connection.waitForClose()
        return false
      case .cut: return false
      case .reset:
        await connection.reset()
        return false
      }
    }
    if isChunked { try await connection.write("0\r\n\r\n") }
    if case .untilClose = reply.framing { return false }
    return !reply.closesAfter
  }
}
