/// A line of a file that something is pinned to, on one side of a change under review.
public struct LineAnchor: Sendable, Hashable {
  public var path: SourcePath
  public var side: Side
  /// 1-based.
  public var line: Int

  public init(path: SourcePath, side: Side, line: Int) {
    self.path = path
    self.side = side
    self.line = line
  }

  /// Where the line stands after its side's content went from `old` to `new`, by a rebase or a
  /// push; `nil` where it was changed or removed. A line is followed as itself, never by likeness.
  public func carried(from old: [UInt8], to new: [UInt8], path newPath: SourcePath? = nil)
    -> LineAnchor?
  {
    carried(by: LineComparison(old: old, new: new), path: newPath)
  }

  /// As above, for many anchors in one file.
  public func carried(by comparison: LineComparison, path newPath: SourcePath? = nil)
    -> LineAnchor?
  {
    comparison.newLine(forOld: line).map {
      LineAnchor(path: newPath ?? path, side: side, line: $0)
    }
  }

  /// Where the line stands after `diff`, which goes from the anchored content to the new one.
  /// Renames are followed; a file that `diff` does not name has not changed.
  /// - Returns: `nil` where the line or its file is gone, or the file is binary.
  public func carried(by diff: Diff) -> LineAnchor? {
    let sections = diff.files.filter { $0.oldPath == path && $0.status != .copied }
    guard let file = sections.first else {
      let isNew = diff.files.contains { $0.newPath == path && $0.status != .modified }
      return isNew ? nil : self
    }
    guard let newPath = file.newPath, !file.isBinary, file.status != .typeChanged,
      let newLine = LineIndex(file).newLine(forOld: line)
    else { return nil }
    return LineAnchor(path: newPath, side: side, line: newLine)
  }
}
