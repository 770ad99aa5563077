extension DiffParser {
  struct HunkHeader {
    var oldStart: Int32 = 0
    var oldCount: Int32 = 1
    var newStart: Int32 = 0
    var newCount: Int32 = 1
    var notation: Hunk.Notation = []
    /// Offset after the second `@@`.
    var headingStart = 0
  }

  /// Reads every hunk of a section, which has at least one.
  /// - Returns: the offset after the last.
  func hunks(at start: Int, into file: inout FileDiff, sectionStart: Int) throws(DiffError) -> Int {
    var offset = start
    var oldEnd = 0
    var newEnd = 0
    var position = 0
    while starts(offset, "@@ -") {
      guard let header = try hunkHeader(at: offset, throwing: true) else { break }
      let body = lineEnd(header.headingStart) + 1
      guard body <= count else { throw truncated("inside a hunk header") }
      var hunk = Hunk(
        source: bytes, header: offset, headingStart: header.headingStart, body: body,
        bodyEnd: body, oldStart32: header.oldStart, oldCount32: header.oldCount,
        newStart32: header.newStart, newCount32: header.newCount,
        positionBase32: 0, notation: header.notation)
      guard hunk.oldIndex >= oldEnd, hunk.newIndex >= newEnd else {
        throw malformed(.malformedHunk, offset, "this hunk begins before the last one ends")
      }
      if !file.hunks.isEmpty { position += 1 }
      hunk.positionBase32 = Int32(clamping: position)
      let tally = try hunkBody(at: body, oldCount: hunk.oldCount, newCount: hunk.newCount)
      hunk.bodyEnd = tally.end
      file.additions += tally.added
      file.deletions += tally.removed
      position += tally.lines
      oldEnd = hunk.oldIndex + hunk.oldCount
      newEnd = hunk.newIndex + hunk.newCount
      file.hunks.append(hunk)
      offset = tally.end
    }
    if file.hunks.isEmpty {
      let rest = "@@ -"
      if offset >= count || rest.utf8.starts(with: bytes[offset..<count]) {
        throw truncated("before the first hunk of a file")
      }
      throw malformed(.malformedHunk, offset, "a hunk header \"@@ -l,n +l,n @@\" should stand here")
    }
    try refuseSurplus(at: offset)
    return offset
  }

  /// A line right after a hunk that reads like one of its lines: the header's counts are wrong.
  private func refuseSurplus(at offset: Int) throws(DiffError) {
    guard offset < count else { return }
    switch base[offset] {
    case UInt8(ascii: "-"):
      // A mail's signature or the boundary of its parts may follow.
      if starts(offset, "--") { return }
    case UInt8(ascii: " "), UInt8(ascii: "+"), UInt8(ascii: "\\"): break
    default: return
    }
    throw malformed(
      .malformedHunk, offset, "the hunk before has more lines than its header says")
  }

  /// - Returns: `nil`, where `throwing` is false, for a line that only begins like a header.
  func hunkHeader(at start: Int, throwing: Bool) throws(DiffError) -> HunkHeader? {
    var header = HunkHeader()
    var offset = start + 4
    if let old = range(at: &offset, &header, .omitsOldCount), starts(offset, " +") {
      offset += 2
      if let new = range(at: &offset, &header, .omitsNewCount), starts(offset, " @@") {
        (header.oldStart, header.oldCount) = old
        (header.newStart, header.newCount) = new
        header.headingStart = offset + 3
        if (old.start > 0 || old.count == 0) && (new.start > 0 || new.count == 0) { return header }
      }
    }
    guard throwing else { return nil }
    if lineEnd(start) == count { throw truncated("inside a hunk header") }
    throw malformed(
      .malformedHunk, start, "this hunk header is not of the form \"@@ -l,n +l,n @@\"")
  }

  private func range(at offset: inout Int, _ header: inout HunkHeader, _ omitted: Hunk.Notation)
    -> (start: Int32, count: Int32)?
  {
    guard let start = number(at: &offset, &header) else { return nil }
    guard starts(offset, ",") else {
      header.notation.insert(omitted)
      return (start, 1)
    }
    offset += 1
    guard let count = number(at: &offset, &header) else { return nil }
    return (start, count)
  }

  private func number(at offset: inout Int, _ header: inout HunkHeader) -> Int32? {
    let first = offset
    var value = 0
    while offset < count, case let digit = base[offset] &- 0x30, digit < 10 {
      value = value * 10 + Int(digit)
      guard value < Int(Int32.max) else { return nil }
      offset += 1
    }
    guard offset > first else { return nil }
    if base[first] == 0x30, offset > first + 1 { header.notation.insert(.verbatim) }
    return Int32(value)
  }

  struct BodyTally {
    var end: Int
    var lines = 0
    var added = 0
    var removed = 0
  }

  /// Walks a hunk's lines by the header's counts, so that nothing in them is taken for a header.
  func hunkBody(at start: Int, oldCount: Int, newCount: Int) throws(DiffError) -> BodyTally {
    var tally = BodyTally(end: start)
    var offset = start
    var old = oldCount
    var new = newCount
    while old > 0 || new > 0 {
      guard offset < count else { throw truncated("inside a hunk") }
      let first = base[offset]
      switch first {
      case UInt8(ascii: " "), UInt8(ascii: "\n"), UInt8(ascii: "\r"):
        if first == UInt8(ascii: "\r"), !starts(offset, "\r\n") {
          throw malformed(.malformedHunk, offset, "a line of a hunk begins with ' ', '+' or '-'")
        }
        old -= 1
        new -= 1
      case UInt8(ascii: "+"):
        new -= 1
        tally.added += 1
      case UInt8(ascii: "-"):
        old -= 1
        tally.removed += 1
      default:
        throw malformed(.malformedHunk, offset, "a line of a hunk begins with ' ', '+' or '-'")
      }
      guard old >= 0, new >= 0 else {
        throw malformed(.malformedHunk, offset, "this hunk has more lines than its header says")
      }
      let end = lineEnd(offset)
      guard end < count else { throw truncated("inside a line of a hunk") }
      offset = end + 1
      tally.lines += 1
      if offset < count, base[offset] == UInt8(ascii: "\\") {
        let endsOld = first != UInt8(ascii: "+")
        let endsNew = first != UInt8(ascii: "-")
        guard starts(offset, "\\ "), !endsOld || old == 0, !endsNew || new == 0 else {
          if offset + 1 == count { throw truncated("inside a hunk") }
          throw malformed(
            .malformedHunk, offset, "only a file's last line can be without a line feed")
        }
        offset = min(lineEnd(offset) + 1, count)
        tally.lines += 1
      }
    }
    tally.end = offset
    return tally
  }
}
