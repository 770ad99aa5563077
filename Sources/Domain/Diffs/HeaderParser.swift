/// The lines between `diff --git` and the first hunk.
private struct GitHeader {
  var file = FileDiff(status: .modified)
  var from: [UInt8]?
  var to: [UInt8]?
  var hasLines = false
}

extension DiffParser {
  /// Reads the section whose `diff --git` line stands at `start`.
  /// - Returns: the offset after it; `nil` where that line is only prose that looks like one.
  mutating func gitSection(at start: Int) throws(DiffError) -> Int? {
    let firstEnd = lineEnd(start)
    guard firstEnd < count else { throw truncated("inside a file header") }
    let names = content(from: start + 11, lineEnd: firstEnd)
    var header = GitHeader()
    var offset = firstEnd + 1
    while let next = try extendedHeader(at: offset, into: &header) {
      offset = next
      header.hasLines = true
    }
    var old: [UInt8]??
    var new: [UInt8]??
    if starts(offset, "--- ") {
      (old, new, offset) = try nameLines(at: offset)
      header.file.header = start..<offset
      try setPaths(of: &header, names: names, at: start, old: old, new: new)
      offset = try hunks(at: offset, into: &header.file, sectionStart: start)
    } else {
      let bodyStart = offset
      offset = try binaryBody(at: offset, into: &header.file)
      if offset == bodyStart, !header.hasLines {
        if offset < count { return nil }
        throw truncated("after a file header's first line")
      }
      if offset == bodyStart { try requireCompleteWithoutBody(header, at: offset) }
      let blocks = header.file.binaryBlocks
      header.file.header = start..<(blocks.isEmpty ? offset : blocks.lowerBound)
      try setPaths(of: &header, names: names, at: start, old: nil, new: nil)
    }
    setChangedKind(&header.file)
    add(header.file, from: start, to: offset)
    return offset
  }

  /// Content changed, yet no hunk follows: where the input ends here, it was cut.
  private func requireCompleteWithoutBody(_ header: GitHeader, at offset: Int) throws(DiffError) {
    guard offset >= count, let old = header.file.oldBlob, let new = header.file.newBlob, old != new
    else { return }
    let isEmptyBlob = new.hasPrefix("e69de29") || new.hasPrefix("473a0f4")
    switch header.file.status {
    case .modified where header.file.oldMode == header.file.newMode,
      .added where !isEmptyBlob:
      throw truncated("before the first hunk of a file")
    default: return
    }
  }

  private func setChangedKind(_ file: inout FileDiff) {
    if file.status == .modified, let old = file.oldMode, let new = file.newMode,
      old.kind != new.kind
    {
      file.status = .typeChanged
    }
  }

  /// Reads one extended header line.
  /// - Returns: the offset after it; `nil` where another kind of line stands.
  private func extendedHeader(at offset: Int, into header: inout GitHeader) throws(DiffError)
    -> Int?
  {
    guard offset < count else { return nil }
    let end = lineEnd(offset)
    func value(_ key: StaticString) -> ArraySlice<UInt8>? {
      starts(offset, key) ? content(from: offset + key.utf8CodeUnitCount, lineEnd: end) : nil
    }
    if let text = value("index ") {
      try indexLine(text, at: offset, into: &header.file)
    } else if let text = value("old mode ") {
      header.file.oldMode = try mode(text, at: offset)
    } else if let text = value("new mode ") {
      header.file.newMode = try mode(text, at: offset)
    } else if let text = value("new file mode ") {
      header.file.status = .added
      header.file.newMode = try mode(text, at: offset)
    } else if let text = value("deleted file mode ") {
      header.file.status = .deleted
      header.file.oldMode = try mode(text, at: offset)
    } else if let text = value("similarity index ") {
      header.file.similarity = try percentage(text, at: offset)
    } else if let text = value("dissimilarity index ") {
      header.file.dissimilarity = try percentage(text, at: offset)
    } else if let text = value("rename from ") ?? value("rename old ") {
      header.file.status = .renamed
      header.from = try name(text, at: offset)
    } else if let text = value("rename to ") ?? value("rename new ") {
      header.file.status = .renamed
      header.to = try name(text, at: offset)
    } else if let text = value("copy from ") {
      header.file.status = .copied
      header.from = try name(text, at: offset)
    } else if let text = value("copy to ") {
      header.file.status = .copied
      header.to = try name(text, at: offset)
    } else {
      return nil
    }
    guard end < count else { throw truncated("inside a file header") }
    return end + 1
  }

  private func indexLine(_ text: ArraySlice<UInt8>, at offset: Int, into file: inout FileDiff)
    throws(DiffError)
  {
    let isHex = { (byte: UInt8) in
      (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
    }
    let old = text.prefix(while: isHex)
    let afterDots = text[old.endIndex...].dropFirst(2)
    let new = afterDots.prefix(while: isHex)
    let rest = text[new.endIndex...]
    guard !old.isEmpty, !new.isEmpty, text[old.endIndex...].starts(with: "..".utf8) else {
      throw malformed(.malformedHeader, offset, "this index line names no two objects")
    }
    if !rest.isEmpty {
      guard rest.first == UInt8(ascii: " ") else {
        throw malformed(.malformedHeader, offset, "this index line ends in no mode")
      }
      let mode = try mode(rest.dropFirst(), at: offset)
      if file.oldMode == nil { file.oldMode = mode }
      if file.newMode == nil { file.newMode = mode }
    }
    file.oldBlob = String(decoding: old, as: UTF8.self)
    file.newBlob = String(decoding: new, as: UTF8.self)
  }

  private func mode(_ text: ArraySlice<UInt8>, at offset: Int) throws(DiffError) -> FileMode {
    var value: UInt32 = 0
    guard (3...7).contains(text.count), text.allSatisfy({ (0x30...0x37).contains($0) }) else {
      throw malformed(.malformedHeader, offset, "this line names no octal file mode")
    }
    for digit in text { value = value * 8 + UInt32(digit - 0x30) }
    return FileMode(raw: value)
  }

  private func percentage(_ text: ArraySlice<UInt8>, at offset: Int) throws(DiffError) -> Int {
    var value = 0
    let digits = text.dropLast()
    guard text.last == UInt8(ascii: "%"), (1...3).contains(digits.count),
      digits.allSatisfy({ (0x30...0x39).contains($0) })
    else { throw malformed(.malformedHeader, offset, "this line names no percentage") }
    for digit in digits { value = value * 10 + Int(digit - 0x30) }
    guard value <= 100 else {
      throw malformed(.malformedHeader, offset, "this percentage is above 100")
    }
    return value
  }

  private func name(_ text: ArraySlice<UInt8>, at offset: Int) throws(DiffError) -> [UInt8] {
    guard let name = PathNotation.name(text) else {
      throw malformed(.malformedPath, offset, "this line names no file")
    }
    return name
  }

  /// Reads the `---` and `+++` lines. A name is `nil` for `/dev/null`.
  func nameLines(at start: Int) throws(DiffError) -> (old: [UInt8]?, new: [UInt8]?, next: Int) {
    let oldEnd = lineEnd(start)
    let second = oldEnd + 1
    guard oldEnd < count else { throw truncated("inside a file header") }
    let old = try nameLine(at: start, end: oldEnd)
    guard starts(second, "+++ ") else {
      if second + 4 > count { throw truncated("inside a file header") }
      throw malformed(
        .malformedHeader, second, "a line that begins with \"+++ \" should stand here")
    }
    let newEnd = lineEnd(second)
    guard newEnd < count else { throw truncated("inside a file header") }
    return (old, try nameLine(at: second, end: newEnd), newEnd + 1)
  }

  private func nameLine(at offset: Int, end: Int) throws(DiffError) -> [UInt8]? {
    var text = content(from: offset + 4, lineEnd: end)
    if text.first == UInt8(ascii: "\"") {
      guard let (name, nameEnd) = PathNotation.unquoted(text), !name.isEmpty,
        nameEnd == text.endIndex || text[nameEnd] == UInt8(ascii: "\t")
          || text[nameEnd] == UInt8(ascii: " ")
      else { throw malformed(.malformedPath, offset, "this quoted name is not well formed") }
      return name
    }
    if let tab = text.firstIndex(of: UInt8(ascii: "\t")) { text = text[..<tab] }
    if text.elementsEqual("/dev/null".utf8) { return nil }
    return try name(text, at: offset)
  }

  /// Puts the paths together from whatever names them: rename lines first, which have no prefix.
  private func setPaths(
    of header: inout GitHeader, names: ArraySlice<UInt8>, at offset: Int, old: [UInt8]??,
    new: [UInt8]??
  ) throws(DiffError) {
    let oldName = old ?? nil
    let newName = new ?? nil
    var paths: (old: [UInt8], new: [UInt8])
    if let from = header.from, let to = header.to {
      paths = (from, to)
    } else if let both = PathNotation.split(names, old: oldName, new: newName) {
      paths = PathNotation.withoutPrefixes(both.old, both.new)
    } else if let oldName, let newName {
      paths = PathNotation.withoutPrefixes(oldName, newName)
    } else {
      throw malformed(.malformedPath, offset, "the two names on this line cannot be told apart")
    }
    // `git diff --no-index` names /dev/null without a mode line only in old versions.
    if header.file.status == .modified, old != nil, oldName == nil { header.file.status = .added }
    if header.file.status == .modified, new != nil, newName == nil { header.file.status = .deleted }
    let newPath = SourcePath(bytes: paths.new)
    let oldPath = paths.old == paths.new ? newPath : SourcePath(bytes: paths.old)
    header.file.oldPath = header.file.status == .added ? nil : oldPath
    header.file.newPath = header.file.status == .deleted ? nil : newPath
    if header.file.status == .added { header.file.oldMode = nil }
    if header.file.status == .deleted { header.file.newMode = nil }
  }
}

extension FileDiff {
  init(status: Status) {
    self.status = status
  }
}
