/// A run of changed lines with the context around it.
///
/// Holds byte ranges of the diff it came from, so a hunk costs the same however long it is.
/// A start is 1-based; where the count is 0 it names the line *before* the change (0: none).
public struct Hunk: Sendable {
  var source: [UInt8]
  var header: Int
  var headingStart: Int
  var body: Int
  var bodyEnd: Int
  var oldStart32: Int32
  var oldCount32: Int32
  var newStart32: Int32
  var newCount32: Int32
  var positionBase32: Int32
  var notation: Notation

  /// How the header was written, where there is more than one way.
  struct Notation: OptionSet, Sendable {
    let rawValue: UInt8
    /// `-7` for `-7,1`.
    static let omitsOldCount = Notation(rawValue: 1)
    static let omitsNewCount = Notation(rawValue: 2)
    /// Numbers with leading zeros, which cannot be told from their values.
    static let verbatim = Notation(rawValue: 4)
  }

  public var oldStart: Int { Int(oldStart32) }
  public var oldCount: Int { Int(oldCount32) }
  public var newStart: Int { Int(newStart32) }
  public var newCount: Int { Int(newCount32) }
  /// Length of the lines as the diff prints them.
  public var byteCount: ByteCount { ByteCount(bodyEnd - body) }
  /// Lines of the file's diff before this hunk's first line, this `@@` line not counted for the
  /// first hunk: the first line of the file's diff has position 1.
  var positionBase: Int { Int(positionBase32) }

  /// What follows the second `@@`: often the enclosing function. Without the space before it.
  public var heading: String {
    guard headingStart < body else { return "" }
    var bytes = source[headingStart..<body]
    if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
    if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
    if bytes.first == UInt8(ascii: " ") { bytes.removeFirst() }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The lines, read from the diff's bytes at each iteration.
  public var lines: Lines { Lines(hunk: self) }

  /// Position of the hunk's last line, a `\ No newline` line included.
  var lastPosition: Int {
    var reader = lines.makeIterator()
    while let line = reader.nextRaw() { reader.advance(over: line) }
    return reader.position
  }

  /// 0-based index of the first old line that the hunk covers, or before which it inserts.
  var oldIndex: Int { oldCount == 0 ? oldStart : oldStart - 1 }
  var newIndex: Int { newCount == 0 ? newStart : newStart - 1 }
}

/// One line of a hunk.
public struct DiffLine: Sendable, Equatable {
  public enum Kind: Sendable, Hashable { case context, added, removed }

  public var kind: Kind
  /// 1-based; `nil` for an added line.
  public var oldNumber: Int?
  /// 1-based; `nil` for a removed line.
  public var newNumber: Int?
  /// Lines below the file's first `@@` line, with later `@@` lines and `\ No newline` lines
  /// counted: GitHub's `position`.
  public var position: Int
  /// Without the marker and the line feed; a carriage return stays.
  public var bytes: ArraySlice<UInt8>
  /// False where `\ No newline at end of file` follows.
  public var endsWithNewline: Bool

  /// For people: bytes that are not UTF-8 become U+FFFD.
  public var text: String { String(decoding: bytes, as: UTF8.self) }

  public func number(on side: Side) -> Int? { side == .old ? oldNumber : newNumber }
}

extension Hunk {
  /// A line's bytes by offset only: no reference is counted while scanning.
  struct RawLine {
    var kind: DiffLine.Kind
    var start: Int
    var end: Int
    /// An empty context line whose space some mailer or editor took away.
    var lacksMarker: Bool
    /// The `\ No newline` line after this one, with its line feed where it has one.
    var note: Range<Int>?
  }

  public struct Lines: Sequence, Sendable {
    let hunk: Hunk

    public func makeIterator() -> Iterator { Iterator(hunk: hunk) }
    public var underestimatedCount: Int { Swift.max(hunk.oldCount, hunk.newCount) }

    public struct Iterator: IteratorProtocol, Sendable {
      let source: [UInt8]
      let end: Int
      var offset: Int
      var old: Int
      var new: Int
      var position: Int

      init(hunk: Hunk) {
        source = hunk.source
        end = hunk.bodyEnd
        offset = hunk.body
        old = hunk.oldIndex + 1
        new = hunk.newIndex + 1
        position = hunk.positionBase
      }

      public mutating func next() -> DiffLine? {
        guard let raw = nextRaw() else { return nil }
        let line = DiffLine(
          kind: raw.kind, oldNumber: raw.kind == .added ? nil : old,
          newNumber: raw.kind == .removed ? nil : new, position: position + 1,
          bytes: source[raw.start..<raw.end], endsWithNewline: raw.note == nil)
        advance(over: raw)
        return line
      }

      mutating func advance(over raw: RawLine) {
        if raw.kind != .added { old += 1 }
        if raw.kind != .removed { new += 1 }
        position += raw.note == nil ? 1 : 2
      }

      mutating func nextRaw() -> RawLine? {
        guard offset < end else { return nil }
        let start = offset
        let feed = source.indexOfLineFeed(from: start, to: end)
        var raw = RawLine(
          kind: .context, start: start + 1, end: feed, lacksMarker: false, note: nil)
        switch source[start] {
        case UInt8(ascii: "+"): raw.kind = .added
        case UInt8(ascii: "-"): raw.kind = .removed
        case UInt8(ascii: " "): break
        default:
          raw.lacksMarker = true
          raw.start = start
        }
        offset = Swift.min(feed + 1, end)
        if offset < end, source[offset] == UInt8(ascii: "\\") {
          let noteEnd = Swift.min(source.indexOfLineFeed(from: offset, to: end) + 1, end)
          raw.note = offset..<noteEnd
          offset = noteEnd
        }
        return raw
      }
    }
  }
}
