import Domain
import WebClient

extension ModelTransport {
  /// Requests by the web client, one attempt each: how often a model is asked again is decided
  /// where the run's budget is known.
  /// - Parameter secret: the headers hold a key, so that no redirect is followed.
  static func web(_ client: WebClient, secret: Bool) -> ModelTransport {
    ModelTransport(
      send: { request, time throws(WireFault) in
        do throws(WebError) {
          let response = try await client.send(request.web(time, secret: secret, streams: false))
          return Response(status: response.status, retryAfter: nil, body: response.body)
        } catch {
          return try Self.response(error)
        }
      },
      stream: { request, time, take throws(WireFault) in
        var events = StreamItems(request.framing)
        let body: WebStream
        do throws(WebError) {
          body = try await client.stream(request.web(time, secret: secret, streams: true))
        } catch {
          try take(.failure(try Self.response(error)))
          return
        }
        var chunks = body.makeAsyncIterator()
        while true {
          let fresh: [StreamItem]
          let ended: Bool
          do throws(WebError) {
            let chunk = try await chunks.next()
            fresh = if let chunk { try events.feed(chunk) } else { events.finish() }
            ended = chunk == nil
          } catch {
            throw WireFault(error)
          }
          for item in fresh { try take(item) }
          if ended { return }
        }
      })
  }

  /// An error status as the answer that it is; anything else as a fault.
  private static func response(_ error: WebError) throws(WireFault) -> Response {
    guard error.code == .status, let status = error.status else { throw WireFault(error) }
    return Response(status: status, retryAfter: error.retryAfter, body: error.excerpt)
  }
}

/// Cuts a body into what a stream reader takes.
private enum StreamItems {
  case events(ServerSentEvents)
  case lines([UInt8])

  private static let longest = 1 << 20

  init(_ framing: WireRequest.Framing) {
    switch framing {
    case .events: self = .events(ServerSentEvents(maxEventBytes: Self.longest))
    case .lines: self = .lines([])
    }
  }

  mutating func feed(_ chunk: some Sequence<UInt8>) throws(WebError)
    -> [ModelTransport.StreamItem]
  {
    switch self {
    case .events(var events):
      let fresh = try events.feed(Array(chunk))
      self = .events(events)
      return fresh.map { .event(name: $0.event, data: $0.data) }
    case .lines(var rest):
      rest += chunk
      var items: [ModelTransport.StreamItem] = []
      var start = 0
      while let end = rest[start...].firstIndex(of: UInt8(ascii: "\n")) {
        items += Self.item(rest[start..<end])
        start = end + 1
      }
      rest.removeFirst(start)
      guard rest.count <= Self.longest else {
        throw WebError(code: .tooLarge, detail: "a line of the stream is too long")
      }
      self = .lines(rest)
      return items
    }
  }

  mutating func finish() -> [ModelTransport.StreamItem] {
    switch self {
    case .events(var events):
      return events.finish().map { .event(name: $0.event, data: $0.data) }
    case .lines(let rest):
      self = .lines([])
      return Self.item(rest[...])
    }
  }

  private static func item(_ line: ArraySlice<UInt8>) -> [ModelTransport.StreamItem] {
    let text = String(decoding: line, as: UTF8.self)
    return text.allSatisfy(\.isWhitespace) ? [] : [.event(name: nil, data: text)]
  }
}

extension WireRequest {
  /// Answers are held to 8 MiB: no model writes more, and a broken server may write for ever.
  fileprivate func web(_ time: Duration, secret: Bool, streams: Bool) -> WebRequest {
    var fields = WebHeaders(headers.map { .init(name: $0.name, value: $0.value) })
    fields.add("content-type", "application/json")
    fields.add("accept", streams && framing == .events ? "text/event-stream" : "application/json")
    return WebRequest(
      method: "POST", url: url, headers: fields, body: body, carriesSecret: secret, deadline: time,
      maxResponseBytes: 8 << 20, retry: .never)
  }
}

extension WireFault {
  fileprivate init(_ error: WebError) {
    self.init(code: .unavailable, detail: error.detail, retryAfter: error.retryAfter)
    switch error.code {
    case .unreachable, .connectionLost, .malformed, .status: retryable = true
    case .timedOut: code = .timedOut
    case .cancelled: code = .cancelled
    case .invalidURL, .redirected, .forbiddenAddress: code = .rejected
    case .tooLarge, .tlsFailed, .budgetSpent: break
    }
  }
}
