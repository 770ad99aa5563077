extension FileDiff {
  /// The difference of two contents of one file, as `git diff` would print it, with the fewest
  /// changed lines (see `LineComparison` for what bounds the work). Object names are left out.
  ///
  /// - Parameters:
  ///   - old: `nil` for a file that is added; - new: `nil` for one that is deleted.
  ///   - context: unchanged lines to show around each change.
  /// - Returns: `nil` where both contents are equal.
  public static func comparing(
    old: [UInt8]?, new: [UInt8]?, path: SourcePath, mode: FileMode = .regular, context: Int = 3
  ) -> FileDiff? {
    guard old != new else { return nil }
    let comparison = LineComparison(old: old ?? [], new: new ?? [])
    var file = FileDiff(comparison, path: path, context: context)
    if old == nil {
      file.status = .added
      file.oldPath = nil
    }
    if new == nil {
      file.status = .deleted
      file.newPath = nil
    }
    file.oldMode = old == nil ? nil : mode
    file.newMode = new == nil ? nil : mode
    return file
  }

  /// A modified file's diff from a comparison that is at hand.
  public init(_ comparison: LineComparison, path: SourcePath, context: Int = 3) {
    self.init(status: .modified)
    oldPath = path
    newPath = path
    additions = comparison.additions
    deletions = comparison.deletions
    var writer = HunkWriter(comparison: comparison)
    for span in HunkWriter.spans(of: comparison, context: max(0, context)) { writer.write(span) }
    source = writer.output
    hunks = writer.hunks.map { hunk in
      var hunk = hunk
      hunk.source = writer.output
      return hunk
    }
  }
}

/// Writes hunks as text into one buffer, and notes where each stands in it.
private struct HunkWriter {
  /// 0-based lines of both sides that one hunk shows.
  struct Span {
    var old: Range<Int>
    var new: Range<Int>
  }

  let comparison: LineComparison
  var output: [UInt8] = []
  var hunks: [Hunk] = []
  private var position = 0

  init(comparison: LineComparison) { self.comparison = comparison }

  static func spans(of comparison: LineComparison, context: Int) -> [Span] {
    var spans: [Span] = []
    var (i, j) = (0, 0)
    let (oldCount, newCount) = (comparison.removed.count, comparison.added.count)
    while i < oldCount || j < newCount {
      let start = (i, j)
      while i < oldCount, comparison.removed[i] { i += 1 }
      while j < newCount, comparison.added[j] { j += 1 }
      if start != (i, j) {
        let before = min(context, start.0, start.1)
        let after = min(context, oldCount - i, newCount - j)
        let span = Span(
          old: (start.0 - before)..<(i + after), new: (start.1 - before)..<(j + after))
        if let last = spans.last, last.old.upperBound >= span.old.lowerBound {
          spans[spans.count - 1] = Span(
            old: last.old.lowerBound..<span.old.upperBound,
            new: last.new.lowerBound..<span.new.upperBound)
        } else {
          spans.append(span)
        }
      } else {
        i += 1
        j += 1
      }
    }
    return spans
  }

  mutating func write(_ span: Span) {
    if !hunks.isEmpty { position += 1 }
    let header = output.count
    var notation: Hunk.Notation = []
    if span.old.count == 1 { notation.insert(.omitsOldCount) }
    if span.new.count == 1 { notation.insert(.omitsNewCount) }
    let base = position
    output.append(UInt8(ascii: "\n"))
    let body = output.count
    var (i, j) = (span.old.lowerBound, span.new.lowerBound)
    while i < span.old.upperBound || j < span.new.upperBound {
      if i < span.old.upperBound, comparison.removed[i] {
        append(UInt8(ascii: "-"), comparison.old[i])
        i += 1
      } else if j < span.new.upperBound, comparison.added[j] {
        append(UInt8(ascii: "+"), comparison.new[j])
        j += 1
      } else {
        append(UInt8(ascii: " "), comparison.old[i])
        i += 1
        j += 1
      }
    }
    hunks.append(
      Hunk(
        source: [], header: header, headingStart: header, body: body, bodyEnd: output.count,
        oldStart32: Self.start(span.old), oldCount32: Int32(clamping: span.old.count),
        newStart32: Self.start(span.new), newCount32: Int32(clamping: span.new.count),
        positionBase32: Int32(clamping: base), notation: notation))
  }

  private static func start(_ range: Range<Int>) -> Int32 {
    Int32(clamping: range.isEmpty ? range.lowerBound : range.lowerBound + 1)
  }

  private mutating func append(_ marker: UInt8, _ line: ArraySlice<UInt8>) {
    output.append(marker)
    output.append(contentsOf: line)
    position += 1
    if line.last != UInt8(ascii: "\n") {
      output.append(contentsOf: "\n\\ No newline at end of file\n".utf8)
      position += 1
    }
  }
}
