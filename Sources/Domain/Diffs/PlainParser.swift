/// Sections without a `diff --git` line: GNU `diff -u`, and git's prose about submodules.
extension DiffParser {
  /// `--- old`, `+++ new` and a hunk: less than all three may be prose.
  func isPlainHeader(at offset: Int) -> Bool {
    guard starts(offset, "--- ") else { return false }
    let second = lineEnd(offset) + 1
    guard starts(second, "+++ ") else { return false }
    let third = lineEnd(second) + 1
    return third >= count || starts(third, "@@ ")
  }

  mutating func plainSection(at start: Int) throws(DiffError) -> Int {
    let (old, new, bodyStart) = try nameLines(at: start)
    var file = FileDiff(status: .modified)
    file.header = start..<bodyStart
    let end = try hunks(at: bodyStart, into: &file, sectionStart: start)
    let second = lineEnd(start) + 1
    let isOnlyHunk = file.hunks.count == 1
    let hunk = file.hunks.first
    let oldIsNone =
      old == nil || (isOnlyHunk && hunk?.oldCount == 0 && hunk?.oldStart == 0 && isEpoch(at: start))
    let newIsNone =
      new == nil
      || (isOnlyHunk && hunk?.newCount == 0 && hunk?.newStart == 0 && isEpoch(at: second))
    try setPaths(of: &file, at: start, old: old, new: new, oldIsNone, newIsNone)
    add(file, from: start, to: end)
    return end
  }

  private func setPaths(
    of file: inout FileDiff, at offset: Int, old: [UInt8]?, new: [UInt8]?, _ oldIsNone: Bool,
    _ newIsNone: Bool
  ) throws(DiffError) {
    switch (old, new) {
    case (nil, nil):
      throw malformed(.malformedPath, offset, "both names of this file are /dev/null")
    case (let old?, nil):
      file.oldPath = SourcePath(bytes: PathNotation.withoutPrefix(old, "a/"))
    case (nil, let new?):
      file.newPath = SourcePath(bytes: PathNotation.withoutPrefix(new, "b/"))
    case (let old?, let new?):
      let paths = PathNotation.withoutPrefixes(old, new)
      file.oldPath = SourcePath(bytes: paths.old)
      file.newPath = SourcePath(bytes: paths.new)
    }
    if oldIsNone, file.newPath != nil {
      file.status = .added
      file.oldPath = nil
    } else if newIsNone, file.oldPath != nil {
      file.status = .deleted
      file.newPath = nil
    }
  }

  /// GNU diff gives a file that is not there (`-N`) the time stamp 0, in whatever zone.
  private func isEpoch(at offset: Int) -> Bool {
    let line = bytes[offset..<lineEnd(offset)]
    guard let tab = line.firstIndex(of: UInt8(ascii: "\t")) else { return false }
    return starts(tab + 1, "1970-01-01 ") || starts(tab + 1, "1969-12-31 ")
  }

  /// `Binary files a/x and b/x differ` with no header, as `diff -r` prints it.
  mutating func plainBinary(at start: Int) -> Int? {
    let end = lineEnd(start)
    let line = content(from: start + 13, lineEnd: end)
    guard line.suffix(7).elementsEqual(" differ".utf8) else { return nil }
    let names = line.dropLast(7)
    let separator = Array(" and ".utf8)
    guard
      let middle = names.indices.prefix(4096).first(where: {
        names[$0...].starts(with: separator)
      }),
      let old = PathNotation.name(names[..<middle]),
      let new = PathNotation.name(names[(middle + 5)...])
    else { return nil }
    var file = FileDiff(status: .modified)
    file.isBinary = true
    let none = Array("/dev/null".utf8)
    let oldName = old == none ? nil : old
    let newName = new == none ? nil : new
    let isNone = (oldName == nil, newName == nil)
    guard
      (try? setPaths(of: &file, at: start, old: oldName, new: newName, isNone.0, isNone.1))
        != nil
    else { return nil }
    let next = min(end + 1, count)
    file.header = start..<next
    add(file, from: start, to: next)
    return next
  }

  /// `Submodule lib 1111111..2222222:` of `git diff --submodule=log`. What follows it (the
  /// submodule's commits, or with `=diff` ordinary sections) is read as whatever it is.
  mutating func submoduleSummary(at start: Int) -> Int? {
    let end = lineEnd(start)
    guard end < count else { return nil }
    let text = content(from: start + 10, lineEnd: end)
    let isHex = { (byte: UInt8) in
      (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
    }
    for space in text.indices.prefix(4096) where text[space] == UInt8(ascii: " ") {
      let old = text[(space + 1)...].prefix(while: isHex)
      let dots = text[old.endIndex...].prefix { $0 == UInt8(ascii: ".") }
      let new = text[dots.endIndex...].prefix(while: isHex)
      let rest = text[new.endIndex...]
      guard old.count >= 7, new.count >= 7, dots.count == 2 || dots.count == 3,
        rest.isEmpty || rest.first == UInt8(ascii: ":") || rest.first == UInt8(ascii: " "),
        let path = PathNotation.name(text[..<space])
      else { continue }
      var file = FileDiff(status: .modified)
      file.isSubmoduleSummary = true
      file.oldBlob = String(decoding: old, as: UTF8.self)
      file.newBlob = String(decoding: new, as: UTF8.self)
      let isNone = { (hex: ArraySlice<UInt8>) in hex.allSatisfy { $0 == 0x30 } }
      if isNone(old) { file.status = .added }
      if isNone(new) { file.status = .deleted }
      file.oldPath = isNone(old) ? nil : SourcePath(bytes: path)
      file.newPath = isNone(new) ? nil : SourcePath(bytes: path)
      file.header = start..<(end + 1)
      add(file, from: start, to: end + 1)
      return end + 1
    }
    return nil
  }
}
