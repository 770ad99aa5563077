import Foundation
import Synchronization
import WebClient

#if canImport(Glibc)
  import Glibc
#endif

/// A file server on a loopback socket that keeps HTTP's rules on ranges, or breaks them as told.
final class FileHost: Sendable {
  /// What one answer does.
  enum Conduct: Sendable {
    case proper
    /// Announces everything and closes the connection after so many bytes of the body.
    case cut(after: Int)
    /// Sends so many bytes of the body and then nothing, until the other side gives up.
    case silent(after: Int)
    /// Gives the whole file whatever range is asked for.
    case ignoresRanges
    case status(Int)
    case redirect(String)
    /// Answers a range with another one.
    case wrongRange
    /// Leaves the length out, so that only the end of the connection ends the body.
    case noLength
  }

  struct Request: Sendable {
    var path: String
    var headers: [String: String]
  }

  private struct State {
    var body: [UInt8]
    var tag: String?
    var conducts: [Conduct] = []
    var requests: [Request] = []
  }

  let port: Int
  private let listener: CInt
  private let state: Mutex<State>

  init(_ body: [UInt8], tag: String? = "\"v1\"") throws {
    state = Mutex(State(body: body, tag: tag))
    listener = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let handle = listener
    let ready = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(handle, $0, length) == 0 && listen(handle, 16) == 0
          && getsockname(handle, $0, &length) == 0
      }
    }
    guard ready else { throw POSIXError(.EADDRNOTAVAIL) }
    port = Int(UInt16(bigEndian: address.sin_port))
    Thread.detachNewThread { [self] in accept() }
  }

  deinit { close(listener) }

  var address: String { "http://127.0.0.1:\(port)" }
  var requests: [Request] { state.withLock { $0.requests } }

  /// What the next answers do, in order; after them all are proper.
  func plan(_ conducts: Conduct...) { state.withLock { $0.conducts += conducts } }
  func change(to body: [UInt8], tag: String?) {
    state.withLock {
      $0.body = body
      $0.tag = tag
    }
  }
  func stop() { shutdown(listener, CInt(SHUT_RDWR)) }

  private func accept() {
    while true {
      let connection = Glibc.accept(listener, nil, nil)
      guard connection >= 0 else { return }
      Thread.detachNewThread { [self] in
        answer(connection)
        close(connection)
      }
    }
  }

  private func answer(_ connection: CInt) {
    guard let request = readRequest(connection) else { return }
    let (body, tag, conduct) = state.withLock { state in
      state.requests.append(request)
      return (
        state.body, state.tag, state.conducts.isEmpty ? .proper : state.conducts.removeFirst()
      )
    }
    switch conduct {
    case .status(let code):
      write(connection, Array("HTTP/1.1 \(code) No\r\ncontent-length: 0\r\n\r\n".utf8))
      return
    case .redirect(let target):
      write(
        connection,
        Array("HTTP/1.1 302 Found\r\nlocation: \(target)\r\ncontent-length: 0\r\n\r\n".utf8))
      return
    default: break
    }

    var head = "content-type: application/octet-stream\r\nconnection: close\r\n"
    if let tag { head += "etag: \(tag)\r\n" }
    var start = 0
    if let range = request.headers["range"], range.hasPrefix("bytes="),
      request.headers["if-range"] == nil || request.headers["if-range"] == tag
    {
      start = Int(range.dropFirst(6).dropLast()) ?? 0
    }
    if case .ignoresRanges = conduct { start = 0 }
    if start >= body.count, start > 0 {
      write(connection, Array("HTTP/1.1 416 No\r\ncontent-length: 0\r\n\r\n".utf8))
      return
    }
    if case .wrongRange = conduct { start += 1 }
    var rest = Array(body[start...])
    if start > 0 {
      head =
        "HTTP/1.1 206 Partial\r\n\(head)content-range: bytes \(start)-\(body.count - 1)/\(body.count)\r\n"
    } else {
      head = "HTTP/1.1 200 OK\r\n" + head
    }
    if case .noLength = conduct {} else { head += "content-length: \(rest.count)\r\n" }
    write(connection, Array("\(head)\r\n".utf8))
    switch conduct {
    case .cut(let count): rest = Array(rest.prefix(count))
    case .silent(let count):
      write(connection, Array(rest.prefix(count)))
      // Returns when the other side closes.
      var byte: UInt8 = 0
      _ = recv(connection, &byte, 1, 0)
      return
    default: break
    }
    write(connection, rest)
  }

  private func readRequest(_ connection: CInt) -> Request? {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = recv(connection, &buffer, buffer.count, 0)
      guard count > 0 else { return nil }
      bytes += buffer[..<count]
      let text = String(decoding: bytes, as: UTF8.self)
      guard text.contains("\r\n\r\n") else { continue }
      var lines = text.components(separatedBy: "\r\n")
      let path = lines.removeFirst().split(separator: " ").dropFirst().first.map(String.init)
      var headers: [String: String] = [:]
      for line in lines {
        guard let colon = line.firstIndex(of: ":") else { continue }
        headers[line[..<colon].lowercased()] = line[line.index(after: colon)...]
          .trimmingCharacters(in: .whitespaces)
      }
      return Request(path: path ?? "", headers: headers)
    }
  }

  private func write(_ connection: CInt, _ bytes: [UInt8]) {
    var sent = 0
    while sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes {
        send(connection, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL))
      }
      if count <= 0 { return }
      sent += count
    }
  }
}

/// A folder of its own for one test, gone with the test.
final class TemporaryFolder: Sendable {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "stet-local-" + UUID().uuidString
    try FileManager.default.createDirectory(
      atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  @discardableResult
  func write(_ name: String, _ text: String, executable: Bool = false) throws -> String {
    let place = path + "/" + name
    try Data(text.utf8).write(to: URL(fileURLWithPath: place))
    if executable {
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: place)
    }
    return place
  }
}

extension WebClient {
  /// One for all tests of this folder.
  static let forTests = WebClient(configuration: WebClientConfiguration(userAgent: "stet-tests"))
}
