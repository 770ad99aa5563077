/// One event of a stream of type `text/event-stream`.
public struct ServerSentEvent: Sendable, Equatable {
  /// `message` when the server names none.
  public var event: String
  /// The `data` lines, joined by a line feed. Bytes that are not UTF-8 become U+FFFD.
  public var data: String
  /// The last id that the stream gave, in this event or before it.
  public var id: String?
  /// The time to wait before a reconnection, where this event sets one.
  public var retry: Duration?

  public init(event: String = "message", data: String, id: String? = nil, retry: Duration? = nil) {
    self.event = event
    self.data = data
    self.id = id
    self.retry = retry
  }
}

/// Turns chunks of bytes, cut anywhere, into events. Works on bytes, so that a chunk which ends
/// within a character or between CR and LF is as good as any other.
/// - Complexity: O(bytes). Memory is bounded by `maxEventBytes`.
/// - Source: WHATWG HTML, "Server-sent events", 9.2.5 and 9.2.6.
public struct ServerSentEvents: Sendable {
  private var line: [UInt8] = []
  private var data: [UInt8] = []
  private var hasData = false
  private var event = ""
  private var lastID: String?
  private var retry: Duration?
  private var afterCarriageReturn = false
  /// Only the first line may begin with a byte order mark.
  private var atStart = true
  private let maxEventBytes: Int

  public init(maxEventBytes: Int = 4 << 20) { self.maxEventBytes = maxEventBytes }

  /// - Returns: the events that this chunk completes.
  /// - Throws: `tooLarge` when one event exceeds the bound; the parser is of no use afterwards.
  public mutating func feed(_ bytes: some Sequence<UInt8>) throws(WebError) -> [ServerSentEvent] {
    var events: [ServerSentEvent] = []
    for byte in bytes {
      if afterCarriageReturn {
        afterCarriageReturn = false
        if byte == 0x0A { continue }
      }
      if byte == 0x0A || byte == 0x0D {
        afterCarriageReturn = byte == 0x0D
        if let event = endLine() { events.append(event) }
      } else {
        line.append(byte)
        guard line.count + data.count <= maxEventBytes else {
          throw WebError(
            code: .tooLarge,
            detail: "One event of the stream is larger than \(maxEventBytes) bytes.")
        }
      }
    }
    return events
  }

  /// Ends the stream. The standard drops an event without its closing empty line; servers exist
  /// that leave the line out after their last event, so it is given back here, and a caller finds a
  /// cut stream by what its vendor sends last.
  public mutating func finish() -> [ServerSentEvent] {
    var events: [ServerSentEvent] = []
    if !line.isEmpty, let event = endLine() { events.append(event) }
    if let event = dispatch() { events.append(event) }
    let fresh = ServerSentEvents(maxEventBytes: maxEventBytes)
    self = fresh
    return events
  }

  private mutating func endLine() -> ServerSentEvent? {
    var bytes = line[...]
    if atStart {
      atStart = false
      if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes = bytes.dropFirst(3) }
    }
    defer { line.removeAll(keepingCapacity: line.capacity <= 64 << 10) }
    guard !bytes.isEmpty else { return dispatch() }
    let colon = bytes.firstIndex(of: 0x3A) ?? bytes.endIndex
    var value = bytes[colon...].dropFirst()
    if value.first == 0x20 { value = value.dropFirst() }
    switch String(decoding: bytes[..<colon], as: UTF8.self) {
    case "data":
      if hasData { data.append(0x0A) }
      hasData = true
      data.append(contentsOf: value)
    case "event": event = String(decoding: value, as: UTF8.self)
    case "id": if !value.contains(0) { lastID = String(decoding: value, as: UTF8.self) }
    case "retry":
      if !value.isEmpty, value.count <= 12, value.allSatisfy({ (0x30...0x39).contains($0) }),
        let milliseconds = Int64(String(decoding: value, as: UTF8.self))
      {
        retry = .milliseconds(milliseconds)
      }
    default: break  // a comment, which begins with the colon, or a field from the future
    }
    return nil
  }

  private mutating func dispatch() -> ServerSentEvent? {
    defer {
      data.removeAll(keepingCapacity: data.capacity <= 64 << 10)
      hasData = false
      event = ""
      retry = nil
    }
    guard hasData else { return nil }
    return ServerSentEvent(
      event: event.isEmpty ? "message" : event, data: String(decoding: data, as: UTF8.self),
      id: lastID, retry: retry)
  }
}
