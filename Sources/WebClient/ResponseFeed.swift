import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import Synchronization

/// Receives one answer on the event loop and hands it, piece by piece, to the task that reads it.
/// The event loop is held back while more than `highWater` bytes wait.
final class ResponseFeed: HTTPClientResponseDelegate {
  typealias Response = Void
  typealias Piece = Result<[UInt8]?, WebError>

  struct Head: Sendable {
    var status: Int
    var headers: WebHeaders
  }

  private struct State {
    var head: Head?
    var headWaiter: CheckedContinuation<Result<Head, WebError>, Never>?
    var pieces: [[UInt8]] = []
    var waitingBytes = 0
    var received = 0
    var pieceWaiter: CheckedContinuation<Piece, Never>?
    /// Fulfilled when the waiting bytes have been read.
    var drained: EventLoopPromise<Void>?
    var end: Result<Void, WebError>?
    var task: HTTPClient.Task<Void>?
  }

  private static let highWater = 256 << 10

  private let origin: String
  private let maxBytes: Int
  private let state = Mutex(State())

  init(origin: String, maxBytes: Int) {
    self.origin = origin
    self.maxBytes = maxBytes
  }

  /// Called once, right after the request was started.
  func attach(_ task: HTTPClient.Task<Void>) {
    let isOver = state.withLock { state in
      state.task = task
      return state.end != nil
    }
    if isOver { task.cancel() }
    // A request that fails before it is scheduled is not told to the delegate.
    task.futureResult.whenFailure { self.finish(.failure(self.explain($0))) }
  }

  // MARK: the reader's side

  func head() async throws(WebError) -> Head {
    let result = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let ready: Result<Head, WebError>? = state.withLock { state in
          if let head = state.head { return .success(head) }
          if case .failure(let error)? = state.end { return .failure(error) }
          state.headWaiter = continuation
          return nil
        }
        if let ready { continuation.resume(returning: ready) }
      }
    } onCancel: {
      cancel()
    }
    return try result.get()
  }

  /// The next bytes; `nil` at the end. For one reader at a time.
  func next() async throws(WebError) -> [UInt8]? {
    let piece: Piece = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let (ready, drained): (Piece?, EventLoopPromise<Void>?) = state.withLock { state in
          if !state.pieces.isEmpty {
            let piece = state.pieces.removeFirst()
            state.waitingBytes -= piece.count
            let drained = state.waitingBytes < Self.highWater ? state.drained : nil
            if drained != nil { state.drained = nil }
            return (.success(piece), drained)
          }
          switch state.end {
          case .success?: return (.success(nil), nil)
          case .failure(let error)?: return (.failure(error), nil)
          case nil:
            // Two readers at once are a mistake of the caller; the first is let go, not left hanging.
            let other = state.pieceWaiter
            state.pieceWaiter = continuation
            other?.resume(returning: .success(nil))
            return (nil, nil)
          }
        }
        drained?.succeed(())
        if let ready { continuation.resume(returning: ready) }
      }
    } onCancel: {
      cancel()
    }
    return try piece.get()
  }

  /// Closes the connection unless the answer is complete.
  func cancel() {
    finish(.failure(WebError(code: .cancelled, detail: "The request to \(origin) was cancelled.")))
    state.withLock { $0.task }?.cancel()
  }

  func cancel(after time: Duration) {
    guard let task = state.withLock({ $0.task }) else { return cancel() }
    task.eventLoop.scheduleTask(in: TimeAmount(time)) { [weak self] in self?.cancel() }
  }

  // MARK: the event loop's side

  func didReceiveHead(
    task: HTTPClient.Task<Void>, _ head: HTTPResponseHead
  ) -> EventLoopFuture<Void> {
    let value = Head(
      status: Int(head.status.code),
      headers: WebHeaders(head.headers.map { .init(name: $0.name, value: $0.value) }))
    let waiter = state.withLock { state in
      state.head = value
      defer { state.headWaiter = nil }
      return state.headWaiter
    }
    waiter?.resume(returning: .success(value))
    return task.eventLoop.makeSucceededVoidFuture()
  }

  func didReceiveBodyPart(
    task: HTTPClient.Task<Void>, _ buffer: ByteBuffer
  ) -> EventLoopFuture<Void> {
    let bytes = Array(buffer.readableBytesView)
    let isTooLarge = state.withLock { state in
      state.received += bytes.count
      return state.received > maxBytes
    }
    if isTooLarge {
      let error = WebError(
        code: .tooLarge, detail: "The answer of \(origin) is larger than \(maxBytes) bytes.")
      finish(.failure(error))
      return task.eventLoop.makeFailedFuture(error)
    }
    let (waiter, promise) = state.withLock {
      state -> (CheckedContinuation<Piece, Never>?, EventLoopPromise<Void>?) in
      guard state.end == nil else { return (nil, nil) }
      if let waiter = state.pieceWaiter {
        state.pieceWaiter = nil
        return (waiter, nil)
      }
      state.pieces.append(bytes)
      state.waitingBytes += bytes.count
      if state.waitingBytes >= Self.highWater {
        state.drained = task.eventLoop.makePromise(of: Void.self)
      }
      return (nil, state.drained)
    }
    waiter?.resume(returning: .success(bytes))
    return promise?.futureResult ?? task.eventLoop.makeSucceededVoidFuture()
  }

  func didFinishRequest(task: HTTPClient.Task<Void>) throws {
    finish(.success(()))
  }

  func didReceiveError(task: HTTPClient.Task<Void>, _ error: any Error) {
    finish(.failure(explain(error)))
  }

  /// The first end counts: what a cancellation or a bound causes afterwards is only its echo.
  private func finish(_ end: Result<Void, WebError>) {
    let wake = state.withLock { state -> (@Sendable () -> Void)? in
      guard state.end == nil else { return nil }
      state.end = end
      let (head, piece, drained) = (state.headWaiter, state.pieceWaiter, state.drained)
      state.headWaiter = nil
      state.pieceWaiter = nil
      state.drained = nil
      return {
        switch end {
        case .success: piece?.resume(returning: .success(nil))
        case .failure(let error):
          head?.resume(returning: .failure(error))
          piece?.resume(returning: .failure(error))
        }
        drained?.succeed(())
      }
    }
    wake?()
  }

  private func explain(_ error: any Error) -> WebError {
    WebError(explaining: error, origin: origin)
  }
}
