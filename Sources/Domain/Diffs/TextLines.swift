/// Why a line range could not be replaced.
public struct LineRangeError: Error, Sendable, Equatable, CustomStringConvertible {
  public var range: ClosedRange<Int>
  /// How many lines the text has.
  public var lineCount: Int

  public var description: String {
    "lines \(range.lowerBound) to \(range.upperBound) are not all in a text of \(lineCount) lines"
  }
}

/// A text as lines that end in a line feed (the last perhaps without). Bytes are kept as they are.
public struct TextLines: Sendable {
  public let bytes: [UInt8]
  /// Where each line begins, and last where the text ends.
  let starts: [Int]

  public init(_ bytes: [UInt8]) {
    self.bytes = bytes
    var starts = [0]
    var offset = 0
    while offset < bytes.count {
      offset = Swift.min(bytes.indexOfLineFeed(from: offset, to: bytes.count) + 1, bytes.count)
      starts.append(offset)
    }
    self.starts = starts
  }

  public var count: Int { starts.count - 1 }

  /// A line by its 1-based number, its line feed included; `nil` outside the text.
  public func line(_ number: Int) -> ArraySlice<UInt8>? {
    guard number >= 1, number <= count else { return nil }
    return self[number - 1]
  }

  /// By 0-based index, which must be inside the text.
  subscript(index: Int) -> ArraySlice<UInt8> { bytes[starts[index]..<starts[index + 1]] }

  /// The text with lines `range` (1-based) replaced; an empty replacement deletes them.
  ///
  /// The replacement's last line is ended as the line before it was: with a line feed unless the
  /// text ends there without one. Where the replaced lines all end in CRLF and the replacement
  /// holds no carriage return, it is given CRLF too, so that a suggestion does not mix endings.
  public func replacing(_ range: ClosedRange<Int>, with replacement: [UInt8])
    throws(LineRangeError) -> [UInt8]
  {
    guard range.lowerBound >= 1, range.upperBound <= count else {
      throw LineRangeError(range: range, lineCount: count)
    }
    let start = starts[range.lowerBound - 1]
    let end = starts[range.upperBound]
    var middle = replacement
    if !middle.isEmpty {
      if middle.last != UInt8(ascii: "\n") { middle.append(UInt8(ascii: "\n")) }
      if usesCRLF(range), !middle.contains(UInt8(ascii: "\r")) {
        middle = middle.flatMap { $0 == UInt8(ascii: "\n") ? [UInt8(ascii: "\r"), $0] : [$0] }
      }
      if end == bytes.count, bytes.last != UInt8(ascii: "\n") {
        middle.removeLast()
        if middle.last == UInt8(ascii: "\r") { middle.removeLast() }
      }
    }
    return bytes[..<start] + middle + bytes[end...]
  }

  private func usesCRLF(_ range: ClosedRange<Int>) -> Bool {
    let ended = range.filter { line($0)?.last == UInt8(ascii: "\n") }
    return !ended.isEmpty
      && ended.allSatisfy { line($0)?.suffix(2).first == UInt8(ascii: "\r") }
  }
}
