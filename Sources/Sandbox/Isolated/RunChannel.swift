import Domain
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// One message of a run socket: a byte for its kind, four for the length, big-endian, the payload.
struct Frame: Sendable, Equatable {
  enum Kind: UInt8, Sendable {
    case ready = 0x52  // R
    case output = 0x6F  // o
    case error = 0x65  // e
    case cell = 0x56  // V
    case file = 0x46  // F
    case result = 0x5A  // Z
    case refusal = 0x58  // X
    case task = 0x54  // T
    case code = 0x43  // C
    case interrupt = 0x49  // I
    case kill = 0x4B  // K
  }

  var kind: Kind
  var payload: [UInt8]

  var bytes: [UInt8] {
    var bytes: [UInt8] = [kind.rawValue]
    bytes.reserveCapacity(payload.count + 5)
    withUnsafeBytes(of: UInt32(payload.count).bigEndian) { bytes.append(contentsOf: $0) }
    bytes += payload
    return bytes
  }
}

/// Our end of a run socket. Frames that came wait here to be taken, by one taker at a time.
final class RunChannel: Attended {
  /// A frame that says it is longer comes from no warden of ours.
  static let longestFrame = 256 << 20
  /// With so many bytes untaken the socket is read no further, until some are taken.
  static let mostWaiting = 32 << 20

  private struct State {
    var received: [UInt8] = []
    var frames: [Frame] = []
    var firstFrame = 0
    var waitingBytes = 0
    var taker: CheckedContinuation<Frame?, Never>?
    var unsent: [UInt8] = []
    var sent = 0
    var deadline: ContinuousClock.Instant?
    var hasExpired = false
    var isCut = false
    var hasEnded = false

    /// The frame is not kept beside the one who takes it, however many come after.
    mutating func takeFirst() -> Frame? {
      guard firstFrame < frames.count else { return nil }
      let frame = frames[firstFrame]
      frames[firstFrame].payload = []
      firstFrame += 1
      waitingBytes -= frame.payload.count
      if firstFrame == frames.count {
        frames.removeAll(keepingCapacity: true)
        firstFrame = 0
      }
      return frame
    }
  }

  private let socket: Descriptor
  private let thread: SocketThread
  private let state = Mutex(State())
  /// What it keeps alive: a nursery is ended once no run of it is left.
  private let owner: (any Sendable)?

  init(_ socket: Descriptor, thread: SocketThread, owner: (any Sendable)? = nil) {
    self.socket = socket
    self.thread = thread
    self.owner = owner
    thread.add(self)
  }

  /// Whether the other end still stands, as far as is known.
  var isOpen: Bool { state.withLock { !$0.hasEnded } }
  /// Whether the deadline passed while something was awaited.
  var hasExpired: Bool { state.withLock { $0.hasExpired } }

  /// The next frame; `nil` where there will be none.
  func next() async -> Frame? {
    var wasFull = false
    let frame = await withCheckedContinuation { taker in
      let (frame, isOver, full): (Frame?, Bool, Bool) = state.withLock { state in
        let full = state.waitingBytes > Self.mostWaiting
        if let frame = state.takeFirst() { return (frame, false, full) }
        if state.hasEnded || state.taker != nil { return (nil, true, full) }
        state.taker = taker
        return (nil, false, full)
      }
      wasFull = full
      if frame != nil || isOver { taker.resume(returning: frame) }
    }
    if wasFull { thread.ring() }
    return frame
  }

  func send(_ kind: Frame.Kind, _ payload: [UInt8] = [], deadline: Duration? = nil) {
    let frame = Frame(kind: kind, payload: payload).bytes
    let mustRing = state.withLock { state in
      guard !state.hasEnded else { return false }
      if let deadline { state.deadline = .now + deadline }
      state.unsent += frame
      flush(&state)
      return deadline != nil || !state.unsent.isEmpty
    }
    if mustRing { thread.ring() }
  }

  /// Sets when the other end is given up; `nil` waits for ever.
  func wait(_ limit: Duration?) {
    state.withLock { $0.deadline = limit.map { .now + $0 } }
    // A look too many, where nothing is waited for any more, costs less than waking the thread.
    if limit != nil { thread.ring() }
  }

  /// As `wait`, but only where nothing has come yet.
  func waitForFirst(_ limit: Duration) {
    let mustRing = state.withLock { state in
      guard state.firstFrame == state.frames.count else { return false }
      state.deadline = .now + limit
      return true
    }
    if mustRing { thread.ring() }
  }

  /// Whose run it is; `nil` where it has a process of its own.
  var nursery: NurseryProcess? { owner as? NurseryProcess }

  /// What the process of the other end last said on standard error.
  var lastLine: String {
    switch owner {
    case let nursery as NurseryProcess: nursery.lastLine
    case let process as SandboxProcess: process.errors.lastLine
    default: ""
    }
  }

  /// Ends it from our side, which kills what runs at the other.
  func cut() {
    state.withLock { state in
      state.isCut = true
      if !state.hasEnded { _ = shutdown(socket.number, Self.bothWays) }
    }
    thread.ring()
  }

  // MARK: - On the thread

  var descriptor: CInt { socket.number }

  var interest: Int16 {
    state.withLock { state in
      // One that is given up is seen to its end, whatever waits.
      let isFull = state.waitingBytes > Self.mostWaiting && !state.isCut && !state.hasExpired
      let reading = isFull ? 0 : POLLIN
      return Int16(reading) | Int16(state.unsent.isEmpty ? 0 : POLLOUT)
    }
  }

  var deadline: ContinuousClock.Instant? { state.withLock { $0.deadline } }

  func expire() {
    state.withLock { state in
      state.deadline = nil
      state.hasExpired = true
      if !state.hasEnded { _ = shutdown(socket.number, Self.bothWays) }
    }
  }

  func attend() -> Bool {
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    var goesOn = true
    state.withLock { state in
      guard !state.isCut else {
        goesOn = false
        return
      }
      flush(&state)
      // Not without end, so that one that floods does not keep the others waiting.
      for _ in 0..<16 {
        let count = read(socket.number, &buffer, buffer.count)
        if count > 0 {
          state.received.append(contentsOf: buffer[..<count])
          if count < buffer.count { break }
        } else if count < 0, errno == EAGAIN || errno == EINTR {
          break
        } else {
          goesOn = false
          break
        }
      }
      if !unpack(&state) { goesOn = false }
    }
    deliver()
    return goesOn
  }

  func leave() {
    let taker = state.withLock { state in
      state.hasEnded = true
      state.deadline = nil
      defer { state.taker = nil }
      return state.taker
    }
    taker?.resume(returning: nil)
  }

  private func deliver() {
    let delivery: (CheckedContinuation<Frame?, Never>, Frame)? = state.withLock { state in
      guard let taker = state.taker, let frame = state.takeFirst() else { return nil }
      state.taker = nil
      return (taker, frame)
    }
    delivery?.0.resume(returning: delivery?.1)
  }

  /// - Returns: `false` where what came is no frame.
  private func unpack(_ state: inout State) -> Bool {
    var start = 0
    while state.received.count - start >= 5 {
      let length = state.received[start + 1..<start + 5].reduce(0) { $0 << 8 | Int($1) }
      guard let kind = Frame.Kind(rawValue: state.received[start]), length <= Self.longestFrame
      else { return false }
      guard state.received.count - start - 5 >= length else { break }
      state.frames.append(
        Frame(kind: kind, payload: Array(state.received[start + 5..<start + 5 + length])))
      state.waitingBytes += length
      start += 5 + length
    }
    if start > 0 { state.received.removeFirst(start) }
    return true
  }

  private func flush(_ state: inout State) {
    while state.sent < state.unsent.count {
      let count = state.unsent.withUnsafeBytes { bytes in
        write(socket.number, bytes.baseAddress?.advanced(by: state.sent), bytes.count - state.sent)
      }
      guard count > 0 else {
        // Whoever does not read any more is seen to have ended when it is read from.
        if count < 0, errno != EAGAIN, errno != EINTR { break }
        return
      }
      state.sent += count
    }
    state.unsent = []
    state.sent = 0
  }

  private static var bothWays: CInt {
    #if canImport(Darwin)
      SHUT_RDWR
    #else
      CInt(SHUT_RDWR)
    #endif
  }
}

/// Watches the other end of a socket or pipe and keeps the last bytes that came from it.
final class Listener: Attended {
  private static let most = 4_096
  private let source: Descriptor
  private let state = Mutex((tail: [UInt8](), hasEnded: false))

  init(_ source: Descriptor, thread: SocketThread) {
    self.source = source
    source.makeNonBlocking()
    thread.add(self)
  }

  var isOpen: Bool { state.withLock { !$0.hasEnded } }
  /// The last line, for a user to read.
  var lastLine: String {
    let tail = state.withLock { $0.tail }
    return String(decoding: tail, as: UTF8.self).split(whereSeparator: \.isNewline).last
      .map(String.init) ?? ""
  }

  var descriptor: CInt { source.number }
  let interest = Int16(POLLIN)
  var deadline: ContinuousClock.Instant? { nil }
  func expire() {}

  func attend() -> Bool {
    var buffer = [UInt8](repeating: 0, count: 4_096)
    let count = read(source.number, &buffer, buffer.count)
    guard count > 0 else { return count < 0 && (errno == EAGAIN || errno == EINTR) }
    state.withLock { state in
      state.tail.append(contentsOf: buffer[..<count])
      if state.tail.count > Self.most { state.tail.removeFirst(state.tail.count - Self.most) }
    }
    return true
  }

  func leave() { state.withLock { $0.hasEnded = true } }
}
