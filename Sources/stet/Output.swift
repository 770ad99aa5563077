#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Why text could not be written.
enum OutputError: Error, Sendable, Equatable {
  /// Whoever read the other end has gone, as `head` does.
  case closed
  case failed(String)
}

/// One of the two standard streams. It writes at once and whole, and tells when it cannot.
///
/// Results go to `results`; progress, warnings and errors go to `notes`.
struct Output: Sendable {
  static let results = Output(descriptor: STDOUT_FILENO)
  static let notes = Output(descriptor: STDERR_FILENO)

  let descriptor: Int32

  func write(_ text: String) throws(OutputError) {
    var text = text
    let code = text.withUTF8 { Self.writeAll(UnsafeRawBufferPointer($0), to: descriptor) }
    switch code {
    case 0: return
    case EPIPE: throw .closed
    default: throw .failed(String(cString: strerror(code)))
    }
  }

  func line(_ text: String) throws(OutputError) { try write(text + "\n") }

  /// For what is worth nothing to a reader who has gone.
  func tell(_ text: String) { try? write(text + "\n") }

  /// - Returns: 0, or the `errno` of the first write that failed.
  static func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Int32 {
    var offset = 0
    while offset < bytes.count {
      let rest = UnsafeRawBufferPointer(rebasing: bytes[offset...])
      #if canImport(Darwin)
        let count = Darwin.write(descriptor, rest.baseAddress, rest.count)
      #elseif canImport(Musl)
        let count = Musl.write(descriptor, rest.baseAddress, rest.count)
      #else
        let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
      #endif
      if count >= 0 {
        offset += count
      } else if errno == EAGAIN {
        var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        poll(&waiting, 1, -1)
      } else if errno != EINTR {
        return errno
      }
    }
    return 0
  }
}

/// What the streams are joined to, and so how much decoration they take.
struct Terminal: Sendable {
  /// Results go to a person who sees colours.
  var colour: Bool
  /// A person watches standard error, so progress may be shown.
  var progress: Bool

  /// Source: no-color.org; `TERM=dumb` is a terminal without control sequences.
  init(environment: [String: String]) {
    let plain = environment["TERM"] == "dumb"
    colour = isatty(STDOUT_FILENO) == 1 && !plain && (environment["NO_COLOR"] ?? "").isEmpty
    progress = isatty(STDERR_FILENO) == 1 && !plain
  }

  /// Columns of the terminal that results go to; `nil` where there is none.
  var width: Int? {
    guard isatty(STDOUT_FILENO) == 1 else { return nil }
    var size = winsize()
    guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
    return Int(size.ws_col)
  }

  enum Style: String, Sendable {
    case bold = "1"
    case faint = "2"
    case red = "31"
    case green = "32"
    case yellow = "33"
    case blue = "34"
  }

  func styled(_ text: String, _ style: Style) -> String {
    colour ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
  }
}
