/// Finds a file's lines by number, and says where a line of one side stands on the other.
///
/// - Complexity: O(diff of the file) to build; each question O(log lines). One mark is kept for
///   every 64 lines.
public struct LineIndex: Sendable {
  /// Where reading can begin: the numbers that the next line would have.
  private struct Mark: Sendable {
    var hunk: Int
    var offset: Int
    var old: Int
    var new: Int
    var position: Int

    func number(on side: Side) -> Int { side == .old ? old : new }
  }

  /// One side of a hunk: the line numbers it covers, and how far the other side is shifted after it.
  private struct Span: Sendable {
    var old: Range<Int>
    var new: Range<Int>

    func lines(on side: Side) -> Range<Int> { side == .old ? old : new }
  }

  private let hunks: [Hunk]
  private let spans: [Span]
  private let marks: [Mark]
  private let hasOld: Bool
  private let hasNew: Bool

  public init(_ file: FileDiff) {
    hunks = file.hunks
    hasOld = file.oldPath != nil
    hasNew = file.newPath != nil
    var spans: [Span] = []
    var marks: [Mark] = []
    for (index, hunk) in file.hunks.enumerated() {
      let old = hunk.oldIndex + 1
      let new = hunk.newIndex + 1
      spans.append(Span(old: old..<(old + hunk.oldCount), new: new..<(new + hunk.newCount)))
      var reader = hunk.lines.makeIterator()
      var count = 0
      while true {
        if count % 64 == 0 {
          marks.append(
            Mark(
              hunk: index, offset: reader.offset, old: reader.old, new: reader.new,
              position: reader.position))
        }
        guard let line = reader.nextRaw() else { break }
        reader.advance(over: line)
        count += 1
      }
    }
    self.spans = spans
    self.marks = marks
  }

  /// The line of that number, where the diff shows it.
  public func line(_ side: Side, _ number: Int) -> DiffLine? {
    guard let span = hunk(on: side, covering: number) else { return nil }
    var low = 0
    var high = marks.count
    while low < high {
      let middle = (low + high) / 2
      let mark = marks[middle]
      if mark.hunk < span || (mark.hunk == span && mark.number(on: side) <= number) {
        low = middle + 1
      } else {
        high = middle
      }
    }
    guard low > 0 else { return nil }
    let mark = marks[low - 1]
    var reader = hunks[span].lines.makeIterator()
    reader.offset = mark.offset
    (reader.old, reader.new, reader.position) = (mark.old, mark.new, mark.position)
    while let line = reader.next() {
      if line.number(on: side) == number { return line }
    }
    return nil
  }

  /// Whether a comment can stand on these lines: the diff shows all of them, in one hunk.
  public func canComment(on range: LineRange) -> Bool {
    guard range.start <= range.end, let span = hunk(on: range.side, covering: range.start) else {
      return false
    }
    return spans[span].lines(on: range.side).contains(range.end)
  }

  /// GitHub's `position` of a line, counted within the file's diff.
  public func position(_ side: Side, _ number: Int) -> Int? { line(side, number)?.position }

  /// Where an old line stands after the change; `nil` if it was removed, or the file was.
  /// A line between hunks is known by the hunks before it; one past the end of the file, which a
  /// diff cannot know, is shifted like those before.
  public func newLine(forOld number: Int) -> Int? { counterpart(of: number, on: .old) }

  /// Where a new line stood before the change; `nil` if it was added, or the file was.
  public func oldLine(forNew number: Int) -> Int? { counterpart(of: number, on: .new) }

  /// The numbers on both sides, one of them `nil` for an added or a removed line: GitLab's pair.
  /// A line outside every hunk is unchanged and has both.
  public func linePair(_ side: Side, _ number: Int) -> (old: Int?, new: Int?) {
    let other = counterpart(of: number, on: side)
    return side == .old ? (number, other) : (other, number)
  }

  private func counterpart(of number: Int, on side: Side) -> Int? {
    guard hasOld, hasNew, number >= 1 else { return nil }
    let after = spansBeginning(on: side, upTo: number)
    guard after > 0 else { return number }
    let span = spans[after - 1]
    if span.lines(on: side).contains(number) {
      return line(side, number).flatMap { side == .old ? $0.newNumber : $0.oldNumber }
    }
    let shift = span.new.upperBound - span.old.upperBound
    return side == .old ? number + shift : number - shift
  }

  private func hunk(on side: Side, covering number: Int) -> Int? {
    let after = spansBeginning(on: side, upTo: number)
    guard after > 0, spans[after - 1].lines(on: side).contains(number) else { return nil }
    return after - 1
  }

  /// How many hunks begin at or before that line and are not empty there, or insert before it.
  private func spansBeginning(on side: Side, upTo number: Int) -> Int {
    var low = 0
    var high = spans.count
    while low < high {
      let middle = (low + high) / 2
      if spans[middle].lines(on: side).lowerBound <= number {
        low = middle + 1
      } else {
        high = middle
      }
    }
    return low
  }
}

extension FileDiff {
  /// Builds an index of this file's lines; keep it where more than one line is asked for.
  public func lineIndex() -> LineIndex { LineIndex(self) }
}
