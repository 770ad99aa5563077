import Foundation
import NIOCore
import NIOPosix

/// A connection whose bytes the test writes itself, good manners or not.
struct RawConnection {
  let channel: any Channel
  private let chunks: AsyncStream<[UInt8]>

  init(port: Int, host: String = "127.0.0.1") async throws {
    let (chunks, continuation) = AsyncStream.makeStream(of: [UInt8].self)
    channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(Collector(continuation))
        }
      }
      .connect(host: host, port: port).get()
    self.chunks = chunks
  }

  func send(_ text: String) async throws { try await send(Array(text.utf8)) }

  func send(_ bytes: [UInt8]) async throws {
    try await channel.writeAndFlush(ByteBuffer(bytes: bytes))
  }

  func close() async { try? await channel.close() }

  /// Everything up to the end of the connection, or what came until the time was over.
  func rest(within limit: Duration = .seconds(10)) async -> [UInt8] {
    let end = channel.eventLoop.scheduleTask(in: TimeAmount(limit)) { [channel] in
      channel.close(promise: nil)
    }
    defer { end.cancel() }
    var bytes: [UInt8] = []
    for await chunk in chunks { bytes += chunk }
    return bytes
  }

  /// One answer that says how long it is.
  func response(within limit: Duration = .seconds(10), isHead: Bool = false) async throws
    -> RawResponse
  {
    let end = channel.eventLoop.scheduleTask(in: TimeAmount(limit)) { [channel] in
      channel.close(promise: nil)
    }
    defer { end.cancel() }
    var bytes: [UInt8] = []
    for await chunk in chunks {
      bytes += chunk
      if let response = RawResponse(bytes, isHead: isHead), response.isWhole { return response }
    }
    guard let response = RawResponse(bytes, isHead: isHead) else {
      throw NoAnswer(got: String(decoding: bytes, as: UTF8.self))
    }
    return response
  }

  /// Reads until the text was seen.
  func read(until text: String, within limit: Duration = .seconds(10)) async throws -> String {
    let end = channel.eventLoop.scheduleTask(in: TimeAmount(limit)) { [channel] in
      channel.close(promise: nil)
    }
    defer { end.cancel() }
    var bytes: [UInt8] = []
    for await chunk in chunks {
      bytes += chunk
      let seen = String(decoding: bytes, as: UTF8.self)
      if seen.contains(text) { return seen }
    }
    throw NoAnswer(got: String(decoding: bytes, as: UTF8.self))
  }
}

struct NoAnswer: Error { var got: String }

private final class Collector: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  private let continuation: AsyncStream<[UInt8]>.Continuation

  init(_ continuation: AsyncStream<[UInt8]>.Continuation) { self.continuation = continuation }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    continuation.yield(Array(unwrapInboundIn(data).readableBytesView))
  }

  func channelInactive(context: ChannelHandlerContext) { continuation.finish() }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }
}

struct RawResponse {
  var status: Int
  /// By lower-case name.
  var headers: [String: String]
  private(set) var setCookies: [String] = []
  var body: [UInt8]
  private let length: Int?

  var isWhole: Bool { length.map { body.count >= $0 } ?? false }
  var text: String { String(decoding: body, as: UTF8.self) }

  init?(_ bytes: [UInt8], isHead: Bool = false) {
    let mark = Array("\r\n\r\n".utf8)
    guard let end = bytes.indices.first(where: { bytes[$0...].starts(with: mark) }) else {
      return nil
    }
    let head = String(decoding: bytes[..<end], as: UTF8.self)
    let lines = head.split(separator: "\r\n")
    guard let first = lines.first, let code = first.split(separator: " ").dropFirst().first,
      let status = Int(code)
    else { return nil }
    self.status = status
    headers = [:]
    for line in lines.dropFirst() {
      let parts = line.split(separator: ":", maxSplits: 1)
      guard parts.count == 2 else { continue }
      if parts[0].lowercased() == "set-cookie" {
        setCookies.append(parts[1].trimmingCharacters(in: .whitespaces))
      }
      headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces)
    }
    body = Array(bytes[(end + mark.count)...])
    length = isHead ? 0 : headers["content-length"].flatMap { Int($0) }
  }
}
