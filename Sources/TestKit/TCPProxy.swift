import NIOCore
import NIOPosix

/// Forwards connections to a port of this machine. While it is told to hold, it forwards nothing
/// and closes nothing, as a network does that has lost the other side.
public final class TCPProxy: Sendable {
  public var port: Int { server.port }
  private let server: SocketServer

  public init(to target: Int, isHeld: @escaping @Sendable () -> Bool) async throws {
    server = try await SocketServer { connection in
      let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
        .connect(host: "127.0.0.1", port: target) { channel in
          channel.eventLoop.makeCompletedFuture {
            try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
          }
        }
      let writer = connection.writer
      try await channel.executeThenClose { inbound, outbound in
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask {
            for try await buffer in inbound {
              try await Self.wait(isHeld)
              try await writer(Array(buffer.readableBytesView))
            }
          }
          while let bytes = try await connection.read() {
            try await Self.wait(isHeld)
            try await outbound.write(ByteBuffer(bytes: bytes))
          }
          group.cancelAll()
        }
      }
    }
  }

  private static func wait(_ isHeld: @Sendable () -> Bool) async throws {
    while isHeld() { try await Task.sleep(for: .milliseconds(5)) }
  }

  public func stop() async { await server.stop() }
}
