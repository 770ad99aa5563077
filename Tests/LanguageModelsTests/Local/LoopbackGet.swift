import Foundation
import LanguageModels
import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// One GET request over a plain socket, for tests: bytes come as the server sends them, until it
/// closes or its announced length is reached.
enum LoopbackGet {
  struct Failure: Error { var reason: String }

  static let send: HTTPGet = { address, headers in
    let connection = try Connection(address)
    let head = try await connection.ask(headers)
    return HTTPGetAnswer(status: head.status, headers: head.headers) { try await connection.next() }
  }

  private final class Connection: Sendable {
    let handle: CInt
    let path: String
    let state = Mutex<(rest: [UInt8], left: Int?)>(([], nil))

    init(_ address: String) throws {
      guard let url = URL(string: address), let port = url.port else {
        throw Failure(reason: "address \(address)")
      }
      path = url.path
      handle = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
      var place = sockaddr_in()
      place.sin_family = sa_family_t(AF_INET)
      place.sin_port = UInt16(port).bigEndian
      place.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
      let handle = handle
      let result = withUnsafePointer(to: &place) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          connect(handle, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }
      guard result == 0 else { throw Failure(reason: "connection refused") }
    }

    deinit { close(handle) }

    func ask(_ headers: [(name: String, value: String)]) async throws -> (
      status: Int, headers: [(name: String, value: String)]
    ) {
      var text = "GET \(path) HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n"
      for header in headers { text += "\(header.name): \(header.value)\r\n" }
      let bytes = Array("\(text)\r\n".utf8)
      _ = Glibc.send(handle, bytes, bytes.count, CInt(MSG_NOSIGNAL))
      var received: [UInt8] = []
      while true {
        guard let more = try await receive() else { throw Failure(reason: "closed") }
        received += more
        guard let end = String(decoding: received, as: UTF8.self).range(of: "\r\n\r\n") else {
          continue
        }
        let head = String(decoding: received, as: UTF8.self)[..<end.lowerBound]
        var lines = head.components(separatedBy: "\r\n")
        let status = Int(lines.removeFirst().split(separator: " ")[1]) ?? 0
        let fields = lines.compactMap { line in
          line.firstIndex(of: ":").map { colon in
            (
              name: String(line[..<colon]),
              value: line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
            )
          }
        }
        let length = fields.first { $0.name.lowercased() == "content-length" }
        let body = Array(received[(head.utf8.count + 4)...])
        state.withLock { $0 = (body, length.flatMap { Int($0.value) }) }
        return (status, fields)
      }
    }

    func next() async throws -> [UInt8]? {
      let held = state.withLock { state in
        let rest = state.rest
        state.rest = []
        return (rest: rest, left: state.left)
      }
      if held.left == 0 { return nil }
      let more = held.rest.isEmpty ? try await receive() : held.rest
      guard let more else {
        if held.left ?? 0 > 0 { throw Failure(reason: "the connection was cut") }
        return nil
      }
      state.withLock { $0.left = $0.left.map { $0 - more.count } }
      return more
    }

    private func receive() async throws -> [UInt8]? {
      try await withTaskCancellationHandler {
        try await withCheckedThrowingContinuation { done in
          Thread.detachNewThread { [handle] in
            var buffer = [UInt8](repeating: 0, count: 16_384)
            let count = recv(handle, &buffer, buffer.count, 0)
            if count < 0 {
              done.resume(throwing: Failure(reason: "reset"))
            } else {
              done.resume(returning: count == 0 ? nil : Array(buffer[..<count]))
            }
          }
        }
      } onCancel: {
        shutdown(handle, CInt(SHUT_RDWR))
      }
    }
  }
}
