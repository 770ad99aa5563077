/// Finds the bodies of PEM and PGP private keys line by line, also where a hunk shows only a part.
///
/// With the header in sight everything down to the footer is masked, with the footer alone the
/// base64 above it, and with neither a run of at least `bareRun` equally long lines of base64.
/// The lines may bear diff markers, line numbers, quotes and indentation.
enum PrivateKeyBlocks {
  private static let begin = Array("-----BEGIN ".utf8)
  private static let end = Array("-----END ".utf8)
  private static let privateKey = Array("PRIVATE KEY".utf8)
  private static let fence = Array("-----".utf8)
  private static let mask = Array("[masked:".utf8)
  /// PEM wraps at 64 (RFC 7468), others at 70 or 76: shorter runs are words.
  private static let shortestFullLine = 40
  private static let bareRun = 4
  private static let longestBlock = 400

  private struct Line {
    /// Longest run of base64 in the line.
    var run: Range<Int>
    var begins: Int?
    var ends: Int?
    /// Another kind of block begins or ends here, such as a certificate.
    var foreign: Bool
  }

  static func matches(in bytes: [UInt8]) -> [SecretMatch] {
    let lines = lines(of: bytes)
    var found: [SecretMatch] = []
    var index = 0
    /// Full lines in a row that no header has explained.
    var loose: [Range<Int>] = []
    func endLoose() {
      if loose.count >= bareRun {
        found += loose.map { SecretMatch(kind: .encodedBlock, range: $0) }
      }
      loose = []
    }
    while index < lines.count {
      let line = lines[index]
      if let bodyStart = line.begins {
        endLoose()
        if let footer = line.ends, footer > bodyStart {
          found.append(SecretMatch(kind: .privateKey, range: bodyStart..<footer))
          index += 1
        } else {
          index = takeBody(lines, after: index, into: &found)
        }
      } else if line.ends != nil {
        found += loose.map { SecretMatch(kind: .privateKey, range: $0) }
        // The last line of a body is short.
        if index > 0, loose.isEmpty || lines[index - 1].run != loose.last,
          isBody(lines[index - 1].run, least: 4)
        {
          found.append(SecretMatch(kind: .privateKey, range: lines[index - 1].run))
        }
        loose = []
        index += 1
      } else if line.foreign {
        loose = []
        index = skipForeign(lines, after: index)
      } else {
        let run = line.run
        if run.count >= shortestFullLine, looksEncoded(bytes[run]) {
          if let last = loose.last, last.count != run.count {
            // A shorter last line may stand right before a footer; a longer one starts anew.
            if !(index + 1 < lines.count && lines[index + 1].ends != nil) { endLoose() }
          }
          loose.append(run)
        } else if !(index + 1 < lines.count && lines[index + 1].ends != nil) {
          endLoose()
        }
        index += 1
      }
    }
    endLoose()
    return found
  }

  /// Masks what follows a header; returns the index of the first line after the block.
  private static func takeBody(
    _ lines: [Line], after header: Int, into found: inout [SecretMatch]
  ) -> Int {
    var index = header + 1
    var pending: [Range<Int>] = []
    var gap = 0
    while index < lines.count, index - header < longestBlock {
      let line = lines[index]
      if line.begins != nil || line.foreign { return index }
      if line.ends != nil {
        found += pending.map { SecretMatch(kind: .privateKey, range: $0) }
        return index + 1
      }
      if isBody(line.run, least: 16) {
        found += pending.map { SecretMatch(kind: .privateKey, range: $0) }
        pending = []
        found.append(SecretMatch(kind: .privateKey, range: line.run))
        gap = 0
      } else {
        // `Proc-Type`, `DEK-Info`, blank lines, and the short last line of the body.
        if isBody(line.run, least: 1) { pending.append(line.run) }
        gap += 1
        if gap > 4 { return index + 1 }
      }
      index += 1
    }
    return index
  }

  private static func skipForeign(_ lines: [Line], after header: Int) -> Int {
    var index = header + 1
    while index < lines.count, index - header < longestBlock {
      if lines[index].foreign { return index + 1 }
      if lines[index].begins != nil || lines[index].ends != nil { return index }
      index += 1
    }
    return header + 1
  }

  private static func isBody(_ run: Range<Int>, least: Int) -> Bool { run.count >= least }

  /// Upper and lower case and digits, and not one word: an underline or a long path is none.
  private static func looksEncoded(_ run: ArraySlice<UInt8>) -> Bool {
    let makeup = SecretValue.Makeup(run)
    return makeup.upper > 3 && makeup.lower > 3 && makeup.digits > 1 && makeup.changes > 8
  }

  private static func lines(of bytes: [UInt8]) -> [Line] {
    var lines: [Line] = []
    var start = 0
    while start < bytes.count {
      var end = start
      var run = start..<start
      var runStart = start
      var dashes = false
      while end < bytes.count, bytes[end] != 0x0A {
        if !TextBytes.isBase64(bytes[end]) {
          if end - runStart > run.count { run = runStart..<end }
          runStart = end + 1
          if bytes[end] == UInt8(ascii: "-") { dashes = true }
        }
        end += 1
      }
      if end - runStart > run.count { run = runStart..<end }
      // A diff's own marker is not of the key.
      if run.lowerBound == start, !run.isEmpty, bytes[start] == UInt8(ascii: "+") {
        run = start + 1..<run.upperBound
      }
      // What is masked already is not masked again.
      if TextBytes.starts(bytes, at: run.lowerBound - mask.count, with: mask) {
        run = start..<start
      }
      lines.append(
        dashes
          ? fenced(bytes, start..<end, run: run)
          : Line(run: run, begins: nil, ends: nil, foreign: false))
      start = end + 1
    }
    return lines
  }

  private static func fenced(_ bytes: [UInt8], _ line: Range<Int>, run: Range<Int>) -> Line {
    var result = Line(run: run, begins: nil, ends: nil, foreign: false)
    if let at = TextBytes.find(begin, in: bytes, line) {
      let labelStart = at + begin.count
      if let close = TextBytes.find(fence, in: bytes, labelStart..<line.upperBound) {
        if TextBytes.find(privateKey, in: bytes, labelStart..<close) != nil {
          result.begins = close + fence.count
        } else {
          result.foreign = true
        }
      }
    }
    if let at = TextBytes.find(end, in: bytes, line) {
      let labelStart = at + end.count
      if let close = TextBytes.find(fence, in: bytes, labelStart..<line.upperBound) {
        if TextBytes.find(privateKey, in: bytes, labelStart..<close) != nil {
          result.ends = at
        } else {
          result.foreign = !result.foreign
        }
      }
    }
    return result
  }
}
