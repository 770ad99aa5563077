/// What stands for content that is not text. Source: git's gitformat-patch, `diff.c`
/// (`emit_binary_diff`): base-85 lines of at most 52 bytes, each with its length as a letter.
extension DiffParser {
  /// Reads `Binary files … differ` or `GIT binary patch` with its blocks.
  /// - Returns: the offset after it; `start` where neither stands.
  func binaryBody(at start: Int, into file: inout FileDiff) throws(DiffError) -> Int {
    let end = lineEnd(start)
    let line = content(from: start, lineEnd: end)
    if starts(start, "Binary files ") || starts(start, "Files ") {
      guard line.suffix(7).elementsEqual(" differ".utf8) else {
        if end == count { throw truncated("inside a file header") }
        throw malformed(.malformedBinary, start, "this line should end in \"differ\"")
      }
      file.isBinary = true
      return min(end + 1, count)
    }
    guard starts(start, "GIT binary patch") else { return start }
    guard end < count else { throw truncated("inside a file header") }
    file.isBinary = true
    var offset = end + 1
    guard let first = try binaryBlock(at: offset) else {
      if offset + 8 > count { throw truncated("inside a binary patch") }
      throw malformed(.malformedBinary, offset, "\"literal N\" or \"delta N\" should stand here")
    }
    offset = first
    // The reverse block is left out by nobody but hand-made patches.
    if let second = try binaryBlock(at: offset) { offset = second }
    file.binaryBlocks = (end + 1)..<offset
    return offset
  }

  private func binaryBlock(at start: Int) throws(DiffError) -> Int? {
    var offset: Int
    if starts(start, "literal ") {
      offset = start + 8
    } else if starts(start, "delta ") {
      offset = start + 6
    } else {
      return nil
    }
    let headEnd = lineEnd(offset)
    guard headEnd < count else { throw truncated("inside a binary patch") }
    let size = content(from: offset, lineEnd: headEnd)
    guard (1...19).contains(size.count), size.allSatisfy({ (0x30...0x39).contains($0) }) else {
      throw malformed(.malformedBinary, start, "this line names no size")
    }
    offset = headEnd + 1
    while true {
      guard offset < count else { throw truncated("inside a binary patch") }
      let end = lineEnd(offset)
      guard end < count else { throw truncated("inside a binary patch") }
      let line = content(from: offset, lineEnd: end)
      if line.isEmpty { return end + 1 }
      try checkBase85(line, at: offset)
      offset = end + 1
    }
  }

  private func checkBase85(_ line: ArraySlice<UInt8>, at offset: Int) throws(DiffError) {
    let letter = base[offset]
    let length: Int
    switch letter {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): length = Int(letter) - 0x40
    case UInt8(ascii: "a")...UInt8(ascii: "z"): length = Int(letter) - 0x60 + 26
    default:
      throw malformed(.malformedBinary, offset, "this line of a binary patch has no length letter")
    }
    guard line.count == 1 + (length + 3) / 4 * 5 else {
      throw malformed(.malformedBinary, offset, "this line of a binary patch has the wrong length")
    }
    guard line.dropFirst().allSatisfy({ Self.isBase85[Int($0)] }) else {
      throw malformed(.malformedBinary, offset, "this line of a binary patch is not base 85")
    }
  }

  private static let isBase85: [Bool] = {
    var table = [Bool](repeating: false, count: 256)
    let digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    for byte in (digits + "!#$%&()*+-;<=>?@^_`{|}~").utf8 { table[Int(byte)] = true }
    return table
  }()
}
