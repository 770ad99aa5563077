/// Why a patch does not fit a text.
public struct PatchConflict: Error, Sendable, Equatable, CustomStringConvertible {
  public enum Reason: String, Sendable, Hashable {
    /// The text holds the hunk's old lines nowhere after the hunk before.
    case notFound
    /// It holds them at several places, and the place that the hunk names is not sure.
    case ambiguous
    /// The patch deletes the file, but lines would be left.
    case linesLeft
    /// The patch adds a file, but the text is not empty.
    case alreadyExists
    /// Binary content cannot be patched.
    case binary
  }

  /// 1-based; 0 where no single hunk is at fault.
  public var hunk: Int
  public var reason: Reason

  public var description: String {
    switch reason {
    case .notFound: "hunk \(hunk) does not apply: its old lines are not in the text"
    case .ambiguous: "hunk \(hunk) does not apply: its old lines are in the text more than once"
    case .linesLeft: "the patch deletes the file, but the text has lines that it does not name"
    case .alreadyExists: "the patch adds the file, but there is one already"
    case .binary: "the patch is binary and cannot be applied to a text"
    }
  }
}

/// A text after a patch.
public struct PatchedText: Sendable, Equatable {
  public var bytes: [UInt8]
  /// For each hunk, how many lines below the place it names it was applied; all 0: exactly.
  public var offsets: [Int]

  public var isExact: Bool { offsets.allSatisfy { $0 == 0 } }
}

extension FileDiff {
  /// Applies the hunks to the old text: each at the line it names, or where its old lines stand
  /// exactly once. Lines are compared byte for byte, line feeds included; nothing is fuzzy.
  ///
  /// Once a hunk was found elsewhere, those below it must be unique too, because the lines they
  /// name are no longer known. A hunk with no old lines (`-U0`) is only applied where it says.
  /// - Complexity: O(text + diff), for each hunk that is not where it says O(text) more.
  public func applied(to text: [UInt8]) throws(PatchConflict) -> PatchedText {
    if isBinary { throw PatchConflict(hunk: 0, reason: .binary) }
    let lines = TextLines(text)
    if status == .added, !text.isEmpty { throw PatchConflict(hunk: 0, reason: .alreadyExists) }
    var result = PatchedText(bytes: [], offsets: [])
    result.bytes.reserveCapacity(text.count)
    var copied = 0
    var hasMoved = false
    for (index, hunk) in hunks.enumerated() {
      let (before, after) = hunk.contents()
      let at = try hunk.place(
        of: before, in: lines, from: copied, trustingNumber: !hasMoved, number: index + 1)
      if at != hunk.oldIndex { hasMoved = true }
      result.offsets.append(at - hunk.oldIndex)
      result.bytes.append(contentsOf: text[lines.starts[copied]..<lines.starts[at]])
      result.bytes.append(contentsOf: after)
      copied = at + before.count
    }
    result.bytes.append(contentsOf: text[lines.starts[copied]...])
    if status == .deleted, !result.bytes.isEmpty {
      throw PatchConflict(hunk: 0, reason: .linesLeft)
    }
    return result
  }
}

extension Hunk {
  /// The lines that the hunk expects, and the text that it leaves in their place.
  fileprivate func contents() -> (before: [[UInt8]], after: [UInt8]) {
    var before: [[UInt8]] = []
    var after: [UInt8] = []
    for line in lines {
      var bytes = Array(line.bytes)
      if line.endsWithNewline { bytes.append(UInt8(ascii: "\n")) }
      if line.kind != .removed { after.append(contentsOf: bytes) }
      if line.kind != .added { before.append(bytes) }
    }
    return (before, after)
  }

  fileprivate func place(
    of block: [[UInt8]], in text: TextLines, from start: Int, trustingNumber: Bool, number: Int
  ) throws(PatchConflict) -> Int {
    if oldIndex >= start, oldIndex + block.count <= text.count, trustingNumber,
      block.indices.allSatisfy({ text[oldIndex + $0].elementsEqual(block[$0]) })
    {
      // An insertion below a line without a line feed would glue two lines together.
      let gluesLines =
        block.isEmpty && oldIndex == text.count && oldIndex > 0
        && text[oldIndex - 1].last != UInt8(ascii: "\n")
      if !gluesLines { return oldIndex }
    }
    guard !block.isEmpty else { throw PatchConflict(hunk: number, reason: .notFound) }
    let places = text.places(of: block, from: start, atMost: 2)
    guard let place = places.first else { throw PatchConflict(hunk: number, reason: .notFound) }
    if places.count > 1 { throw PatchConflict(hunk: number, reason: .ambiguous) }
    return place
  }
}

extension TextLines {
  /// 0-based lines from `start` at which `block` stands, overlapping ones too.
  /// - Complexity: O(lines): Knuth, Morris and Pratt's search, so that repeated lines cost nothing.
  func places(of block: [[UInt8]], from start: Int, atMost limit: Int) -> [Int] {
    guard !block.isEmpty else { return [] }
    var borders = [0]
    var length = 0
    for index in block.indices.dropFirst() {
      while length > 0, block[index] != block[length] { length = borders[length - 1] }
      if block[index] == block[length] { length += 1 }
      borders.append(length)
    }
    var places: [Int] = []
    var matched = 0
    for index in Swift.min(start, count)..<count {
      while matched > 0, !self[index].elementsEqual(block[matched]) {
        matched = borders[matched - 1]
      }
      if self[index].elementsEqual(block[matched]) { matched += 1 }
      if matched == block.count {
        places.append(index + 1 - matched)
        if places.count == limit { break }
        matched = borders[matched - 1]
      }
    }
    return places
  }
}
