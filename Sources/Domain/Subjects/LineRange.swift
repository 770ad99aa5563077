/// Which text of a change a line belongs to: before (`old`) or after (`new`).
public enum Side: String, Sendable, Hashable, Codable, CaseIterable { case old, new }

/// Lines `start...end` on one side of a file: 1-based and closed.
public struct LineRange: Sendable, Hashable {
  public var side: Side
  public var start: Int
  public var end: Int

  public init(side: Side, start: Int, end: Int) {
    self.side = side
    self.start = start
    self.end = end
  }

  public init(side: Side, line: Int) { self.init(side: side, start: line, end: line) }
}
