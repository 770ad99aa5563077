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
        var events = ServerSentEvents(maxEventBytes: 1 << 20)
        let body: WebStream
        do throws(WebError) {
          body = try await client.stream(request.web(time, secret: secret, streams: true))
        } catch {
          try take(.failure(try Self.response(error)))
          return
        }
        var chunks = body.makeAsyncIterator()
        while true {
          let fresh: [ServerSentEvent]
          let ended: Bool
          do throws(WebError) {
            let chunk = try await chunks.next()
            fresh = if let chunk { try events.feed(chunk) } else { events.finish() }
            ended = chunk == nil
          } catch {
            throw WireFault(error)
          }
          for event in fresh { try take(.event(name: event.event, data: event.data)) }
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

extension WireRequest {
  /// Answers are held to 8 MiB: no model writes more, and a broken server may write for ever.
  fileprivate func web(_ time: Duration, secret: Bool, streams: Bool) -> WebRequest {
    var fields = WebHeaders(headers.map { .init(name: $0.name, value: $0.value) })
    fields.add("content-type", "application/json")
    fields.add("accept", streams ? "text/event-stream" : "application/json")
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
    case .invalidURL, .redirected: code = .rejected
    case .tooLarge, .tlsFailed, .budgetSpent: break
    }
  }
}
