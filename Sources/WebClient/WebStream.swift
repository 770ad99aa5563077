/// An answer whose body is read as it arrives. For one iteration: its chunks are handed out once.
///
/// The request's deadline and size bound hold for the body too. When the iterating task is
/// cancelled, or the last copy of the stream and its iterator is dropped, the connection is closed.
public struct WebStream: AsyncSequence, Sendable {
  public typealias Element = [UInt8]
  public typealias Failure = WebError

  public let status: Int
  public let headers: WebHeaders
  /// Requests that were sent for it.
  public let attempts: Int
  private let exchange: Exchange

  init(_ exchange: Exchange, attempts: Int) {
    status = exchange.head.status
    headers = exchange.head.headers
    self.attempts = attempts
    self.exchange = exchange
  }

  /// Closes the connection now; the iteration ends with `cancelled`.
  public func cancel() { exchange.feed.cancel() }

  public struct AsyncIterator: AsyncIteratorProtocol {
    let exchange: Exchange
    let attempts: Int

    public mutating func next() async throws(WebError) -> [UInt8]? {
      do { return try await exchange.feed.next() } catch { throw error.after(attempts) }
    }

    public mutating func next(
      isolation actor: isolated (any Actor)?
    ) async throws(WebError) -> [UInt8]? {
      do { return try await exchange.feed.next() } catch { throw error.after(attempts) }
    }
  }

  public func makeAsyncIterator() -> AsyncIterator {
    AsyncIterator(exchange: exchange, attempts: attempts)
  }
}

/// One answer under way, and what must live as long as it does.
final class Exchange: Sendable {
  let feed: ResponseFeed
  let head: ResponseFeed.Head
  /// Keeps the connection open where the client itself has been dropped.
  private let pools: ConnectionPools

  init(feed: ResponseFeed, head: ResponseFeed.Head, pools: ConnectionPools) {
    self.feed = feed
    self.head = head
    self.pools = pools
  }

  deinit { feed.cancel() }

  func wholeBody() async throws(WebError) -> [UInt8] {
    var body: [UInt8] = []
    while let chunk = try await feed.next() {
      if body.isEmpty { body = chunk } else { body.append(contentsOf: chunk) }
    }
    return body
  }

  /// The beginning of an error's body. A server that answers 500 may also hang within its
  /// explanation, so that little time is given to it.
  func excerpt() async -> [UInt8] {
    feed.cancel(after: .seconds(1))
    var bytes: [UInt8] = []
    while bytes.count < WebError.excerptLimit, let chunk = try? await feed.next() {
      bytes.append(contentsOf: chunk)
    }
    return Array(bytes.prefix(WebError.excerptLimit))
  }
}
