import Domain
import Foundation
import Hummingbird
import NIOCore
import Synchronization

extension ServerContext {
  /// Reads a body of at most `limit` bytes within `deadline`, however it is sent.
  func read(
    _ request: Request, limit: Int, deadline: Duration
  ) async throws -> [UInt8] {
    let tooLarge = Problem(.tooLarge, "The body is larger than the \(limit) bytes that are taken.")
    let declared = request.headers[.contentLength].flatMap(Int.init)
    if let declared, declared > limit { throw tooLarge }

    let expired = Expiry()
    let timer = channel.eventLoop.scheduleTask(in: TimeAmount(deadline)) { [channel] in
      expired.set()
      // Ends the wait for further bytes; the answer can still be written.
      channel.close(mode: .input, promise: nil)
    }
    defer { timer.cancel() }

    let slow = Problem(
      .tooSlow, "The body did not come whole within \(deadline.components.seconds) seconds.")
    var bytes: [UInt8] = []
    bytes.reserveCapacity(min(declared ?? 0, 1 << 16))
    do {
      for try await buffer in request.body {
        guard bytes.count + buffer.readableBytes <= limit else { throw tooLarge }
        // As the bytes come, not as they are declared: a claim alone takes nothing from others.
        guard share?.take(buffer.readableBytes) ?? true else { throw Self.tooManyBodies }
        bytes.append(contentsOf: buffer.readableBytesView)
      }
    } catch let problem as Problem {
      throw problem
    } catch {
      throw expired.isSet
        ? slow : Problem(.malformed, "The body broke off or is not framed as HTTP says.")
    }
    if expired.isSet { throw slow }
    if let declared, declared != bytes.count {
      throw Problem(.malformed, "The body broke off: \(bytes.count) of \(declared) bytes came.")
    }
    body.finish()
    return bytes
  }

  private static let tooManyBodies = Problem(
    .unavailable, "Too many large bodies come at the same time. Try again soon.",
    headers: ["Retry-After": "10"])
}

extension RequestBody {
  /// For the body that Hummingbird gives to what runs while the client is there. Nobody reads it,
  /// as the request's was read before; its source never sees an end then, and traps when it goes
  /// before the last who could read. One iterator that was made and dropped is the end of it.
  func letGo() { _ = makeAsyncIterator() }
}

private final class Expiry: Sendable {
  private let flag = Mutex(false)
  var isSet: Bool { flag.withLock { $0 } }
  func set() { flag.withLock { $0 = true } }
}

extension Request {
  /// Whether bytes follow the head.
  var hasBody: Bool {
    if let length = headers[.contentLength] { return length != "0" }
    return headers[.transferEncoding] != nil
  }

  /// Only `application/json` is taken, which no form of a web page can send.
  func requireJSON(otherwise advice: String = "") throws {
    let value = headers.first("content-type") ?? ""
    let parts = value.split(separator: ";").map {
      $0.trimmingCharacters(in: .whitespaces).lowercased()
    }
    let isJSON = parts.first == Answer.jsonType
    let isUTF8 = parts.dropFirst().allSatisfy {
      !$0.hasPrefix("charset=") || $0 == "charset=utf-8" || $0 == "charset=\"utf-8\""
    }
    guard isJSON, isUTF8 else {
      throw Problem(
        .unsupportedType,
        "The body has to be `application/json` in UTF-8\(value.isEmpty ? ", and no content type was given" : "")."
          + advice,
        headers: ["Accept-Post": Answer.jsonType])
    }
  }
}
