import NIOCore

/// Closes a connection whose client reads nothing of what is written to it for so long, which would
/// hold its answer, and a stop of the server, for ever.
final class WriteDeadline: ChannelOutboundHandler, RemovableChannelHandler {
  typealias OutboundIn = NIOAny

  private let deadline: TimeAmount
  private var pending = 0
  private var completed = 0
  private var timer: Scheduled<Void>?

  init(_ deadline: TimeAmount) { self.deadline = deadline }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    let promise = promise ?? context.eventLoop.makePromise(of: Void.self)
    pending += 1
    promise.futureResult.assumeIsolated().whenComplete { _ in
      self.pending -= 1
      self.completed += 1
      guard self.pending == 0 else { return }
      self.timer?.cancel()
      self.timer = nil
    }
    // Before the write: one that completes at once finds the timer, and ends it.
    if timer == nil { watch(context) }
    context.write(data, promise: promise)
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    timer?.cancel()
    timer = nil
  }

  /// A large part that is taken slowly is progress too: its bytes grow fewer.
  private func watch(_ context: ChannelHandlerContext) {
    let before = (completed, Self.buffered(context.channel))
    timer = context.eventLoop.assumeIsolated().scheduleTask(in: deadline) {
      self.timer = nil
      guard self.pending > 0 else { return }
      if (self.completed, Self.buffered(context.channel)) == before {
        context.close(promise: nil)
      } else {
        self.watch(context)
      }
    }
  }

  private static func buffered(_ channel: any Channel) -> Int {
    guard let options = channel.syncOptions else { return 0 }
    return (try? options.getOption(.bufferedWritableBytes)) ?? 0
  }
}
