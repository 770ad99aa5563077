/// Reads a diff in one pass over its bytes. Everything it keeps is an offset.
struct DiffParser {
  let bytes: [UInt8]
  /// `bytes`' own storage; valid while `parse` runs.
  let base: UnsafePointer<UInt8>
  let count: Int
  var files: [FileDiff] = []
  /// Where the bytes begin that no section has claimed yet.
  var unclaimed = 0

  static func parse(_ bytes: [UInt8]) throws(DiffError) -> ([FileDiff], Range<Int>) {
    try bytes.withUnsafeBufferPointer {
      (buffer) throws(DiffError) -> ([FileDiff], Range<Int>) in
      guard let base = buffer.baseAddress, !buffer.isEmpty else { return ([], 0..<0) }
      var parser = DiffParser(bytes: bytes, base: base, count: buffer.count)
      try parser.parseSections()
      guard !parser.files.isEmpty else {
        throw DiffError(
          code: .notADiff, offset: 0, detail: "the input holds no diff; give it one in git's format"
        )
      }
      return (parser.files, parser.unclaimed..<buffer.count)
    }
  }

  init(bytes: [UInt8], base: UnsafePointer<UInt8>, count: Int) {
    self.bytes = bytes
    self.base = base
    self.count = count
  }

  private mutating func parseSections() throws(DiffError) {
    var offset = starts(0, "\u{FEFF}") ? 3 : 0
    while offset < count {
      switch base[offset] {
      case UInt8(ascii: "d"):
        if starts(offset, "diff --git "), let next = try gitSection(at: offset) {
          offset = next
          continue
        }
        try refuseCombined(at: offset)
      case UInt8(ascii: "-"):
        if isPlainHeader(at: offset) {
          offset = try plainSection(at: offset)
          continue
        }
      case UInt8(ascii: "@"):
        if starts(offset, "@@ -"), try hunkHeader(at: offset, throwing: false) != nil {
          throw DiffError(
            code: .malformedHeader, offset: offset,
            detail: "a hunk stands here with no file header before it")
        }
        if starts(offset, "@@@ -") { throw combined(at: offset) }
      case UInt8(ascii: "B"):
        if starts(offset, "Binary files "), let next = plainBinary(at: offset) {
          offset = next
          continue
        }
      case UInt8(ascii: "S"):
        if starts(offset, "Submodule "), let next = submoduleSummary(at: offset) {
          offset = next
          continue
        }
      default: break
      }
      offset = lineEnd(offset) + 1
    }
    markTypeChanges()
  }

  private mutating func markTypeChanges() {
    for index in files.indices.dropFirst() {
      guard files[index - 1].status == .deleted, files[index].status == .added,
        files[index - 1].oldPath == files[index].newPath,
        let old = files[index - 1].oldMode, let new = files[index].newMode, old.kind != new.kind
      else { continue }
      files[index - 1].isTypeChange = true
      files[index].isTypeChange = true
      // To a forge both sections are one file, so positions run on through the second.
      guard let shift = files[index - 1].hunks.last?.lastPosition else { continue }
      for hunk in files[index].hunks.indices {
        files[index].hunks[hunk].positionBase32 += Int32(clamping: shift + 1)
      }
    }
  }

  private func refuseCombined(at offset: Int) throws(DiffError) {
    guard starts(offset, "diff --cc ") || starts(offset, "diff --combined ") else { return }
    let next = lineEnd(offset) + 1
    guard
      next >= count || starts(next, "index ") || starts(next, "mode ")
        || starts(next, "new file mode ") || starts(next, "deleted file mode ")
        || starts(next, "--- ") || starts(next, "Binary ") || starts(next, "similarity ")
    else { return }
    throw combined(at: offset)
  }

  private func combined(at offset: Int) -> DiffError {
    DiffError(
      code: .combinedDiff, offset: offset,
      detail: "a combined diff of a merge stands here; give a diff against one parent")
  }

  /// Ends a section at `end`: its preamble is all that came since the last one.
  mutating func add(_ file: FileDiff, from start: Int, to end: Int) {
    var file = file
    file.source = bytes
    file.preamble = unclaimed..<start
    unclaimed = end
    files.append(file)
  }
}

extension DiffParser {
  /// Offset of the line feed that ends the line at `offset`, or the end of the input.
  @inline(__always)
  func lineEnd(_ offset: Int) -> Int { base.indexOfLineFeed(from: offset, to: count) }

  @inline(__always)
  func starts(_ offset: Int, _ text: StaticString) -> Bool {
    let length = text.utf8CodeUnitCount
    guard offset + length <= count else { return false }
    let start = text.utf8Start
    for index in 0..<length where base[offset + index] != start[index] { return false }
    return true
  }

  /// The line from `offset`, without its line feed and a carriage return before that.
  func content(from offset: Int, lineEnd: Int) -> ArraySlice<UInt8> {
    var end = lineEnd
    if end > offset, base[end - 1] == UInt8(ascii: "\r") { end -= 1 }
    return bytes[min(offset, end)..<end]
  }

  func malformed(_ code: DiffError.Code, _ offset: Int, _ detail: String) -> DiffError {
    DiffError(code: code, offset: offset, detail: detail)
  }

  func truncated(_ what: String) -> DiffError {
    DiffError(code: .truncated, offset: count, detail: "the input ends \(what)")
  }
}
