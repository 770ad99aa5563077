import Domain

/// The answer to one GET request, its body still coming.
public struct HTTPGetAnswer: Sendable {
  public var status: Int
  /// Names in any case.
  public var headers: [(name: String, value: String)]
  /// The next bytes of the body, `nil` after the last. Called one at a time; nothing is read ahead
  /// of it beyond what the connection buffers.
  public var next: @Sendable () async throws -> [UInt8]?

  public init(
    status: Int, headers: [(name: String, value: String)],
    next: @escaping @Sendable () async throws -> [UInt8]?
  ) {
    self.status = status
    self.headers = headers
    self.next = next
  }

  func header(_ name: String) -> String? {
    headers.first { $0.name.lowercased() == name }?.value
  }
}

/// Sends one GET request, without following redirects and without retries of its own.
public typealias HTTPGet =
  @Sendable (_ address: String, _ headers: [(name: String, value: String)]) async throws ->
  HTTPGetAnswer

/// How patient a download is.
public struct DownloadPace: Sendable, Hashable {
  /// The longest silence, before the headers and between two pieces of the body.
  public var stall: Duration
  /// Attempts in a row that bring no new byte before the source is given up.
  public var fruitlessAttempts: Int
  /// Wait after the first of these; doubled each time.
  public var backOff: Duration

  public init(
    stall: Duration = .seconds(60), fruitlessAttempts: Int = 4, backOff: Duration = .seconds(1)
  ) {
    self.stall = stall
    self.fruitlessAttempts = fruitlessAttempts
    self.backOff = backOff
  }
}

/// Brings one file in over HTTP, as often as the connection breaks from where it broke, and never
/// joins bytes of two versions: a range is asked for only with `If-Range` and the version's own
/// mark. Source: RFC 9110, sections 13.1.5 and 14.
struct FileDownload {
  var address: String
  var source: String
  var size: Int
  var fetch: HTTPGet
  var pace: DownloadPace

  /// Why an attempt ended before the last byte.
  private enum Interruption: Error {
    /// Trying again may help.
    case broken(String)
    /// It cannot.
    case hopeless(String)
  }

  func run(
    into part: PartFile, progress: @escaping @Sendable (PullProgress) -> Void
  ) async throws(LocalModelError) {
    var fruitless = 0
    var wait = pace.backOff
    while true {
      let before = part.count
      do {
        try await attempt(part, progress)
        return
      } catch let error as LocalModelError {
        throw error
      } catch Interruption.hopeless(let reason) {
        throw LocalModelError(.downloadFailed, reason)
      } catch is CancellationError {
        throw interrupted
      } catch {
        if Task.isCancelled { throw interrupted }
        var reason = "\(error)"
        if case Interruption.broken(let text) = error { reason = text }
        if part.count > before {
          fruitless = 0
          wait = pace.backOff
        } else {
          fruitless += 1
        }
        if fruitless >= pace.fruitlessAttempts {
          throw LocalModelError(
            .downloadFailed, "Given up after \(fruitless) attempts without progress: \(reason).")
        }
        do {
          try await Task.sleep(for: wait)
        } catch {
          throw interrupted
        }
        wait = min(wait * 2, .seconds(30))
      }
    }
  }

  private var interrupted: LocalModelError {
    LocalModelError(.cancelled, "The download was interrupted; the next pull goes on from here.")
  }

  private func attempt(
    _ part: PartFile, _ progress: @escaping @Sendable (PullProgress) -> Void
  ) async throws {
    var headers: [(name: String, value: String)] = [("accept-encoding", "identity")]
    let known = part.origin?.mark ?? ""
    if part.count == size { return }
    if part.count > 0, !known.isEmpty {
      headers.append(("range", "bytes=\(part.count)-"))
      headers.append(("if-range", known))
    } else if part.count > 0 {
      try part.restart()
    }
    let response = try await follow(address, headers)
    switch response.status {
    case 200:
      try part.restart()
      try checkLength(response.header("content-length").flatMap { Int($0) }, from: 0)
    case 206:
      try checkRange(response.header("content-range"), from: part)
    case 416:
      try part.restart()
      throw Interruption.broken("the server has no such range")
    case 408, 425, 429, 500...599:
      throw Interruption.broken("the server answered \(response.status)")
    default:
      throw Interruption.hopeless("The server answered \(response.status).")
    }
    try part.note(.init(source: source, mark: mark(of: response), size: nil))

    var told = part.count
    while let bytes = try await patiently(response.next) {
      guard try bytes.withUnsafeBytes({ try part.append($0) }) else {
        part.discard()
        throw Interruption.hopeless("It gave more bytes than the model has; they were deleted.")
      }
      if part.count - told >= 256 << 10 || part.count == size {
        told = part.count
        progress(.transferred(ByteCount(part.count), of: ByteCount(size)))
      }
    }
    if part.count < size {
      throw Interruption.broken("the connection ended at byte \(part.count) of \(size)")
    }
  }

  /// A name for this version of the file that `If-Range` takes: a strong ETag, else a date.
  private func mark(of response: HTTPGetAnswer) -> String {
    if let tag = response.header("etag"), tag.hasPrefix("\"") { return tag }
    return response.header("last-modified") ?? ""
  }

  private func checkLength(_ length: Int?, from start: Int) throws {
    guard let length, start + length != size else { return }
    throw Interruption.hopeless("It has \(start + length) bytes where \(size) are right.")
  }

  /// `bytes 100-199/200`
  private func checkRange(_ range: String?, from part: PartFile) throws {
    let words = (range ?? "").split { $0 == " " || $0 == "-" || $0 == "/" }
    guard words.count == 4, words[0].lowercased() == "bytes", Int(words[1]) == part.count else {
      try part.restart()
      throw Interruption.broken("the server sent another range than the one asked for")
    }
    if let total = Int(words[3]), total != size {
      throw Interruption.hopeless("It has \(total) bytes where \(size) are right.")
    }
  }

  /// Follows up to five redirects: file hosts send one on to their store, with the range kept.
  private func follow(
    _ address: String, _ headers: [(name: String, value: String)]
  ) async throws -> HTTPGetAnswer {
    var address = address
    for _ in 0...5 {
      let target = address
      let response = try await patiently { try await fetch(target, headers) }
      guard [301, 302, 303, 307, 308].contains(response.status) else { return response }
      guard let location = response.header("location") else {
        throw Interruption.hopeless("The server sent a redirect that leads nowhere.")
      }
      let next = resolve(location, against: address)
      if address.hasPrefix("https://"), !next.hasPrefix("https://") {
        throw Interruption.hopeless("The server sent a redirect to an unprotected address.")
      }
      address = next
    }
    throw Interruption.hopeless("The server sent more than five redirects.")
  }

  private func resolve(_ location: String, against base: String) -> String {
    if location.hasPrefix("http://") || location.hasPrefix("https://") { return location }
    let scheme = base.prefix { $0 != ":" }
    if location.hasPrefix("//") { return scheme + ":" + location }
    let afterScheme = base.dropFirst(scheme.count + 3)
    let host = afterScheme.prefix { $0 != "/" }
    let root = scheme + "://" + host
    if location.hasPrefix("/") { return root + location }
    let path = afterScheme.dropFirst(host.count)
    let folder = path.lastIndex(of: "/").map { path[...$0] } ?? "/"
    return root + folder + location
  }

  private func patiently<Value: Sendable>(
    _ work: @escaping @Sendable () async throws -> Value
  ) async throws -> Value {
    try await within(pace.stall, else: Interruption.broken("nothing came for \(pace.stall)"), work)
  }
}

/// Runs `work`, and cancels it and throws `late` when it takes longer than `limit`.
func within<Value: Sendable>(
  _ limit: Duration, else late: any Error, _ work: @escaping @Sendable () async throws -> Value
) async throws -> Value {
  try await withThrowingTaskGroup(of: Value.self) { group in
    group.addTask { try await work() }
    group.addTask {
      try await Task.sleep(for: limit)
      throw late
    }
    defer { group.cancelAll() }
    guard let value = try await group.next() else { throw CancellationError() }
    return value
  }
}
