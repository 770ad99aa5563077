import NIOCore
import NIOPosix
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A server of bare bytes on a port of this machine, for tests that need a peer with bad manners.
public final class SocketServer: Sendable {
  public let port: Int
  private let listener: any Channel
  private let connections = Connections()

  /// - Parameters:
  ///   - port: 0 picks a free one.
  ///   - handler: one call for each connection, which is closed when the call returns.
  public init(
    port: Int = 0, handler: @escaping @Sendable (SocketConnection) async throws -> Void
  ) async throws {
    listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .serverChannelOption(.backlog, value: 512)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .childChannelInitializer { [connections] channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(
            ConnectionStarter(connections: connections, handler: handler))
        }
      }
      .bind(host: "127.0.0.1", port: port).get()
    self.port = listener.localAddress?.port ?? 0
  }

  deinit {
    listener.close(promise: nil)
    _ = connections.end()
  }

  /// Closes the port and every connection.
  public func stop() async {
    try? await listener.close().get()
    for task in connections.end() { await task.value }
  }
}

/// The tasks that serve the connections of one server.
private final class Connections: Sendable {
  private struct State {
    var hasEnded = false
    var started = 0
    var tasks: [Int: Task<Void, Never>] = [:]
  }

  private let state = Mutex(State())

  func start(_ body: @escaping @Sendable () async -> Void) {
    state.withLock { state in
      state.started += 1
      let number = state.started
      // It waits for this lock before it forgets itself.
      let task = Task {
        await body()
        self.state.withLock { _ = $0.tasks.removeValue(forKey: number) }
      }
      // One that was accepted while the port was being closed is closed too.
      if state.hasEnded { task.cancel() }
      state.tasks[number] = task
    }
  }

  func end() -> [Task<Void, Never>] {
    let tasks = state.withLock { state in
      state.hasEnded = true
      return Array(state.tasks.values)
    }
    for task in tasks { task.cancel() }
    return tasks
  }
}

/// Gives each connection to a task of its own as soon as it is open.
///
/// NIO's sequence of accepted connections would drop those that nobody has taken when the server is
/// stopped, and an open connection that is dropped ends the process.
private final class ConnectionStarter: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private let connections: Connections
  private let handler: @Sendable (SocketConnection) async throws -> Void

  init(
    connections: Connections, handler: @escaping @Sendable (SocketConnection) async throws -> Void
  ) {
    self.connections = connections
    self.handler = handler
  }

  func channelActive(context: ChannelHandlerContext) {
    let channel = context.channel
    let wrapped = try? NIOAsyncChannel<ByteBuffer, ByteBuffer>(
      wrappingChannelSynchronously: channel)
    context.fireChannelActive()
    guard let wrapped else { return channel.close(promise: nil) }
    connections.start { [handler] in
      try? await wrapped.executeThenClose { inbound, outbound in
        try await handler(SocketConnection(channel: channel, inbound: inbound, outbound: outbound))
      }
    }
  }
}

/// The server's end of one connection. Used by one task.
public final class SocketConnection {
  private let channel: any Channel
  private var iterator: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
  private let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
  private var unread: [UInt8] = []

  init(
    channel: any Channel, inbound: NIOAsyncChannelInboundStream<ByteBuffer>,
    outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
  ) {
    self.channel = channel
    iterator = inbound.makeAsyncIterator()
    self.outbound = outbound
  }

  /// The next bytes; `nil` when the other side has closed.
  public func read() async throws -> [UInt8]? {
    if !unread.isEmpty {
      defer { unread = [] }
      return unread
    }
    guard let buffer = try await iterator.next() else { return nil }
    return Array(buffer.readableBytesView)
  }

  /// Puts bytes back that belong to what comes next.
  public func unread(_ bytes: some Sequence<UInt8>) { unread = Array(bytes) + unread }

  public func write(_ bytes: [UInt8]) async throws {
    try await outbound.write(ByteBuffer(bytes: bytes))
  }

  /// Writes from another task, while this one reads.
  public var writer: @Sendable ([UInt8]) async throws -> Void {
    { [outbound] bytes in try await outbound.write(ByteBuffer(bytes: bytes)) }
  }

  public func write(_ text: String) async throws { try await write(Array(text.utf8)) }

  /// Ends the connection by a reset, as a crashed program's kernel does.
  public func reset() async {
    try? await (channel as? any SocketOptionProvider)?
      .setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
    try? await channel.close().get()
  }

  /// Reads and forgets until the other side closes.
  public func waitForClose() async {
    while (try? await read()) != nil {}
  }
}
