/// A glob over paths of a repository, read as git reads a line of `.gitignore`.
///
/// `*` and `?` stop at a slash, `[a-z]` and `[!a-z]` are one byte, `**/` is any number of folders,
/// a final `/**` all that lies in a folder. A pattern without a slash, or with one only at its end,
/// matches at any depth; one with a slash is anchored at the root. What matches a folder matches
/// everything beneath it; a final slash asks for a folder. A backslash takes the next byte as it is.
/// Source: gitignore(5), "Pattern format".
public struct PathPattern: Sendable, Hashable {
  /// Why a pattern cannot be read.
  public struct Malformed: Error, Sendable, Equatable, CustomStringConvertible {
    public var pattern: String
    /// One sentence: what is wrong and what to write instead.
    public var description: String
  }

  private enum Step: Sendable, Hashable {
    case byte(UInt8)
    case any
    case oneOf(ranges: [ClosedRange<UInt8>], inverted: Bool)
    /// Any bytes without a slash.
    case star
    /// Any bytes.
    case deep
    /// Nothing, or any bytes that end with a slash. Takes the two states `entry` and `loop`.
    case foldersEntry
    case foldersLoop
  }

  /// As it was written.
  public let text: String
  private let steps: [Step]
  private let foldersOnly: Bool

  public static let longest = 1024

  public init(_ text: String) throws(Malformed) {
    var bytes = Array(text.utf8)
    self.text = text
    func malformed(_ why: String) -> Malformed {
      Malformed(pattern: text, description: "the pattern '\(text.prefix(80))' \(why)")
    }
    guard bytes.count <= Self.longest else {
      throw malformed("has more than \(Self.longest) bytes; write a shorter one")
    }
    if bytes.first == UInt8(ascii: "!") {
      throw malformed(
        "begins with '!', which is not supported; list what is wanted under include instead")
    }
    foldersOnly = bytes.last == UInt8(ascii: "/")
    if foldersOnly { bytes.removeLast() }
    guard !bytes.isEmpty, bytes != [UInt8(ascii: "/")] else {
      throw malformed("is empty; write a path or a glob such as 'src/**/*.py'")
    }
    let anchored = bytes.contains(UInt8(ascii: "/"))
    if bytes.first == UInt8(ascii: "/") { bytes.removeFirst() }
    var steps: [Step] = anchored ? [] : [.foldersEntry, .foldersLoop]
    var index = 0
    while index < bytes.count {
      let byte = bytes[index]
      switch byte {
      case UInt8(ascii: "*"):
        let start = index
        while index < bytes.count, bytes[index] == UInt8(ascii: "*") { index += 1 }
        let atStart = start == 0 || bytes[start - 1] == UInt8(ascii: "/")
        if index - start >= 2, atStart, index == bytes.count {
          // `a/**` wants something in the folder; `**` alone is everything.
          steps += start == 0 ? [.deep] : [.any, .deep]
        } else if index - start == 2, atStart, bytes[index] == UInt8(ascii: "/") {
          steps += [.foldersEntry, .foldersLoop]
          index += 1
        } else {
          steps.append(.star)
        }
      case UInt8(ascii: "?"):
        steps.append(.any)
        index += 1
      case UInt8(ascii: "["):
        guard let (set, next) = Self.set(in: bytes, at: index) else {
          throw malformed("has a '[' without its ']'; close it or write '\\['")
        }
        steps.append(set)
        index = next
      case UInt8(ascii: "\\"):
        guard index + 1 < bytes.count else {
          throw malformed("ends with a backslash; take it away or write it twice")
        }
        steps.append(.byte(bytes[index + 1]))
        index += 2
      default:
        steps.append(.byte(byte))
        index += 1
      }
    }
    self.steps = steps
  }

  private static func set(in bytes: [UInt8], at start: Int) -> (Step, Int)? {
    var index = start + 1
    var inverted = false
    if index < bytes.count, bytes[index] == UInt8(ascii: "!") || bytes[index] == UInt8(ascii: "^") {
      inverted = true
      index += 1
    }
    var ranges: [ClosedRange<UInt8>] = []
    let first = index
    while index < bytes.count {
      var low = bytes[index]
      if low == UInt8(ascii: "]"), index > first {
        return (.oneOf(ranges: ranges, inverted: inverted), index + 1)
      }
      if low == UInt8(ascii: "\\"), index + 1 < bytes.count {
        index += 1
        low = bytes[index]
      }
      if index + 2 < bytes.count, bytes[index + 1] == UInt8(ascii: "-"),
        bytes[index + 2] != UInt8(ascii: "]")
      {
        let high = bytes[index + 2]
        if low <= high { ranges.append(low...high) }
        index += 3
      } else {
        ranges.append(low...low)
        index += 1
      }
    }
    return nil
  }

  /// Whether the file at `path` is meant, by itself or by a folder that it lies in.
  /// - Complexity: O(bytes of path × bytes of pattern), whatever the pattern.
  public func matches(_ path: SourcePath) -> Bool {
    let slash = UInt8(ascii: "/")
    var states = [Bool](repeating: false, count: steps.count + 1)
    states[0] = true
    spread(&states)
    var next = states
    for byte in path.bytes {
      if byte == slash, states[steps.count] { return true }
      for index in next.indices { next[index] = false }
      for (index, step) in steps.enumerated() where states[index] {
        switch step {
        case .byte(let wanted): if byte == wanted { next[index + 1] = true }
        case .any: if byte != slash { next[index + 1] = true }
        case .oneOf(let ranges, let inverted):
          if byte != slash, ranges.contains(where: { $0.contains(byte) }) != inverted {
            next[index + 1] = true
          }
        case .star: if byte != slash { next[index] = true }
        case .deep: next[index] = true
        case .foldersEntry: break
        case .foldersLoop:
          next[index] = true
          if byte == slash { next[index + 1] = true }
        }
      }
      swap(&states, &next)
      spread(&states)
    }
    return states[steps.count] && !foldersOnly
  }

  /// Adds the states that are reached without a byte.
  private func spread(_ states: inout [Bool]) {
    for (index, step) in steps.enumerated() where states[index] {
      switch step {
      case .star, .deep: states[index + 1] = true
      case .foldersEntry:
        states[index + 1] = true
        states[index + 2] = true
      default: break
      }
    }
  }

  /// Without a wildcard: it names one path, or one name at any depth.
  public var isLiteral: Bool {
    steps.allSatisfy {
      switch $0 {
      case .byte, .foldersEntry, .foldersLoop: true
      default: false
      }
    }
  }
}
