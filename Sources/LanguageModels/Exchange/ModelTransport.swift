/// Sends one request, once; the seam between the wire formats and the web client.
struct ModelTransport: Sendable {
  struct Response: Sendable {
    var status: Int
    var retryAfter: Duration?
    var body: [UInt8]
  }

  /// One event of a stream, or the whole body of an answer that is no success.
  enum StreamItem: Sendable {
    case event(name: String?, data: String)
    case failure(Response)
  }

  /// - Throws: `WireFault` with `.unavailable`, `.timedOut` or `.cancelled`.
  var send: @Sendable (WireRequest, Duration) async throws(WireFault) -> Response
  /// Gives each item to the closure, in order, until the body ends.
  var stream:
    @Sendable (
      WireRequest, Duration, (StreamItem) throws(WireFault) -> Void
    ) async throws(WireFault) -> Void
}
