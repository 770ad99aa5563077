import Domain
import WebClient

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
  var web: WebClient
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
        if let error = error as? WebError {
          if [.invalidURL, .redirected, .tlsFailed].contains(error.code) {
            throw LocalModelError(.downloadFailed, error.detail)
          }
          reason = error.detail
        }
        if part.count > before {
          fruitless = 0
          wait = pace.backOff
        } else {
          fruitless += 1
        }
        if fruitless >= pace.fruitlessAttempts {
          throw LocalModelError(
            .downloadFailed, "Given up after \(fruitless) attempts without progress: \(reason)")
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
    var headers: WebHeaders = ["Accept-Encoding": "identity"]
    let known = part.origin?.mark ?? ""
    if part.count == size { return }
    if part.count > 0, !known.isEmpty {
      headers["Range"] = "bytes=\(part.count)-"
      headers["If-Range"] = known
    } else if part.count > 0 {
      try part.restart()
    }
    // Redirects are followed beneath: file hosts send one on to their store, with the range kept.
    let request = WebRequest(
      url: address, headers: headers, deadline: .seconds(86_400), maxResponseBytes: .max,
      acceptsErrorStatus: true)
    let web = web
    let response = try await patiently { try await web.stream(request) }
    switch response.status {
    case 200:
      try part.restart()
      try checkLength(response.headers["content-length"].flatMap { Int($0) }, from: 0)
    case 206:
      try checkRange(response.headers["content-range"], from: part)
    case 416:
      try part.restart()
      throw Interruption.broken("the server has no such range.")
    case 408, 425, 429, 500...599:
      throw Interruption.broken("the server answered \(response.status).")
    default:
      throw Interruption.hopeless("The server answered \(response.status).")
    }
    try part.note(.init(source: source, mark: mark(of: response), size: nil))

    var told = part.count
    while let bytes = try await patiently({
      // Each iterator goes on where the last one stopped: the stream hands out a chunk once.
      var chunks = response.makeAsyncIterator()
      return try await chunks.next()
    }) {
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
      throw Interruption.broken("the connection ended at byte \(part.count) of \(size).")
    }
  }

  /// A name for this version of the file that `If-Range` takes: a strong ETag, else a date.
  private func mark(of response: WebStream) -> String {
    if let tag = response.headers["etag"], tag.hasPrefix("\"") { return tag }
    return response.headers["last-modified"] ?? ""
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
      throw Interruption.broken("the server sent another range than the one asked for.")
    }
    if let total = Int(words[3]), total != size {
      throw Interruption.hopeless("It has \(total) bytes where \(size) are right.")
    }
  }

  private func patiently<Value: Sendable>(
    _ work: @escaping @Sendable () async throws -> Value
  ) async throws -> Value {
    try await within(pace.stall, else: Interruption.broken("nothing came for \(pace.stall)."), work)
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
