import NIOCore
import NIOPosix

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
  private let task: Task<Void, Never>

  /// - Parameter handler: one call for each connection, which is closed when the call returns.
  public init(
    handler: @escaping @Sendable (SocketConnection) async throws -> Void
  ) async throws {
    let listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .serverChannelOption(.backlog, value: 512)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .bind(host: "127.0.0.1", port: 0) { channel in
        channel.eventLoop.makeCompletedFuture {
          try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
        }
      }
    port = listener.channel.localAddress?.port ?? 0
    task = Task {
      try? await listener.executeThenClose { connections in
        await withDiscardingTaskGroup { group in
          do {
            for try await connection in connections {
              group.addTask {
                try? await connection.executeThenClose { inbound, outbound in
                  try await handler(
                    SocketConnection(
                      channel: connection.channel, inbound: inbound, outbound: outbound))
                }
              }
            }
          } catch {}  // the listener was closed
          group.cancelAll()
        }
      }
    }
  }

  deinit { task.cancel() }

  /// Closes the port and every connection.
  public func stop() async {
    task.cancel()
    await task.value
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

  public func write(_ text: String) async throws { try await write(Array(text.utf8)) }

  /// Ends the connection by a reset, as a crashed program's kernel does.
  public func reset() async {
    try? await (channel as? any SocketOptionProvider)?
      .setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
    try? await channel.close().get()
  }

  /// Reads and forgets until the other side closes.
  public func waitForClose() async {
    while let _ = try? await read() {}
  }
}
