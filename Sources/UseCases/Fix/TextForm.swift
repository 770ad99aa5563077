/// The outer form of a text, which a model does not keep: byte order mark, line ends, and the empty
/// lines and newlines at both its ends. Lone carriage returns are content.
struct TextForm: Sendable {
  private enum End: Sendable { case none, lineFeed, both }

  private struct Line: Sendable {
    var content: ArraySlice<UInt8>
    var end: End
  }

  private static let mark: [UInt8] = [0xEF, 0xBB, 0xBF]

  private let hasMark: Bool
  private let head: [Line]
  private let core: [Line]
  private let tail: [Line]
  private let usual: End
  /// The text as a model is shown it: line feeds alone, none at either end.
  let plain: String

  init(_ text: String) {
    let bytes = Array(text.utf8)
    hasMark = bytes.starts(with: Self.mark)
    let lines = Self.lines(bytes[(hasMark ? 3 : 0)...])
    let first = lines.firstIndex { !$0.content.isEmpty } ?? lines.endIndex
    let last = (lines.lastIndex { !$0.content.isEmpty } ?? first - 1) + 1
    head = Array(lines[..<first])
    core = Array(lines[first..<last])
    tail = Array(lines[last...])
    let crlf = lines.count { $0.end == .both }
    usual = crlf > lines.count { $0.end == .lineFeed } ? .both : .lineFeed
    var shown: [UInt8] = []
    for (index, line) in core.enumerated() {
      if index > 0 { shown.append(UInt8(ascii: "\n")) }
      shown += line.content
    }
    plain = String(decoding: shown, as: UTF8.self)
  }

  /// `text` in the form of the original: lines that stood there keep their ends, new ones get the
  /// usual.
  func restored(_ text: String) -> String {
    var bytes = Array(text.utf8)[...]
    if bytes.starts(with: Self.mark) { bytes = bytes.dropFirst(3) }
    var lines = Self.lines(bytes)[...]
    while let line = lines.first, line.content.isEmpty { lines.removeFirst() }
    while let line = lines.last, line.content.isEmpty { lines.removeLast() }

    var output = hasMark ? Self.mark : []
    for line in head { Self.write(line.content, line.end, to: &output) }
    let ends = ends(of: lines.map(\.content))
    for (line, end) in zip(lines, ends) { Self.write(line.content, end, to: &output) }
    for line in tail { Self.write(line.content, line.end, to: &output) }
    return String(decoding: output, as: UTF8.self)
  }

  private func ends(of lines: [ArraySlice<UInt8>]) -> [End] {
    let shorter = min(lines.count, core.count)
    var before = 0
    while before < shorter, lines[before] == core[before].content { before += 1 }
    var after = 0
    while after < shorter - before,
      lines[lines.count - 1 - after] == core[core.count - 1 - after].content
    {
      after += 1
    }
    // Between the two, a line that stood there keeps its end, wherever it moved to.
    var standing: [ArraySlice<UInt8>: End] = [:]
    for line in core[before..<(core.count - after)] { standing[line.content] = line.end }
    return lines.indices.map { index in
      if index == lines.count - 1 { return core.last?.end ?? .none }
      let end: End? =
        if index < before {
          core[index].end
        } else if index >= lines.count - after {
          core[core.count - (lines.count - index)].end
        } else {
          standing[lines[index]]
        }
      guard let end, end != .none else { return usual }
      return end
    }
  }

  private static func lines(_ bytes: ArraySlice<UInt8>) -> [Line] {
    var lines: [Line] = []
    var start = bytes.startIndex
    while start < bytes.endIndex {
      guard let feed = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) else {
        lines.append(Line(content: bytes[start...], end: .none))
        break
      }
      let both = feed > start && bytes[feed - 1] == UInt8(ascii: "\r")
      lines.append(
        Line(content: bytes[start..<(both ? feed - 1 : feed)], end: both ? .both : .lineFeed))
      start = feed + 1
    }
    return lines
  }

  private static func write(_ content: ArraySlice<UInt8>, _ end: End, to output: inout [UInt8]) {
    output += content
    switch end {
    case .none: break
    case .lineFeed: output.append(UInt8(ascii: "\n"))
    case .both: output += [UInt8(ascii: "\r"), UInt8(ascii: "\n")]
    }
  }
}
