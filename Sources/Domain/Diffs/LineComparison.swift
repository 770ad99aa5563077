/// Which lines differ between two texts, with the fewest additions and removals possible.
///
/// Myers' linear-space algorithm on lines as numbers: lines at both ends that agree are set aside,
/// and so are lines that the other text does not hold at all, which no shortest script keeps.
/// - Complexity: O((old + new) · differences) time, O(old + new) memory. Once `workLimit` steps
///   are spent, the rest is compared with a bounded search that may find more changes than needed
///   (`isMinimal` is then false), in O((old + new) · 512).
///   Source: E. Myers, "An O(ND) Difference Algorithm and Its Variations" (1986).
public struct LineComparison: Sendable {
  public let old: TextLines
  public let new: TextLines
  /// By 0-based line.
  let removed: [Bool]
  let added: [Bool]
  public let isMinimal: Bool

  public var additions: Int { added.count { $0 } }
  public var deletions: Int { removed.count { $0 } }

  public init(old: [UInt8], new: [UInt8], workLimit: Int = 400_000_000) {
    let oldLines = TextLines(old)
    let newLines = TextLines(new)
    var numbers: [ArraySlice<UInt8>: Int32] = [:]
    func intern(_ text: TextLines) -> [Int32] {
      (0..<text.count).map { index in
        let line = text[index]
        if let known = numbers[line] { return known }
        let next = Int32(clamping: numbers.count)
        numbers[line] = next
        return next
      }
    }
    let a = intern(oldLines)
    let b = intern(newLines)
    var search = ShortestEdit(a, b, symbols: numbers.count, workLimit: workLimit)
    search.run()
    self.old = oldLines
    self.new = newLines
    removed = search.removed
    added = search.added
    isMinimal = search.isMinimal
  }

  /// Where an old line (1-based) stands in the new text; `nil` if it was removed.
  public func newLine(forOld number: Int) -> Int? { Self.counterpart(number, removed, added) }

  /// Where a new line (1-based) stood in the old text; `nil` if it was added.
  public func oldLine(forNew number: Int) -> Int? { Self.counterpart(number, added, removed) }

  private static func counterpart(_ number: Int, _ mine: [Bool], _ others: [Bool]) -> Int? {
    guard number >= 1, number <= mine.count, !mine[number - 1] else { return nil }
    var kept = mine[..<number].count { !$0 }
    for (index, changed) in others.enumerated() where !changed {
      kept -= 1
      if kept == 0 { return index + 1 }
    }
    return nil
  }
}

/// The search itself, on numbered lines.
private struct ShortestEdit {
  var removed: [Bool]
  var added: [Bool]
  var isMinimal = true
  private var a: [Int32] = []
  private var b: [Int32] = []
  /// Index in the whole text of each line that takes part.
  private var aAt: [Int] = []
  private var bAt: [Int] = []
  private var forward: [Int] = []
  private var backward: [Int] = []
  private var work = 0
  private let workLimit: Int

  init(_ old: [Int32], _ new: [Int32], symbols: Int, workLimit: Int) {
    self.workLimit = workLimit
    removed = [Bool](repeating: false, count: old.count)
    added = [Bool](repeating: false, count: new.count)
    var head = 0
    while head < old.count, head < new.count, old[head] == new[head] { head += 1 }
    var tail = 0
    while tail < old.count - head, tail < new.count - head,
      old[old.count - 1 - tail] == new[new.count - 1 - tail]
    { tail += 1 }
    var inOld = [Bool](repeating: false, count: symbols)
    var inNew = inOld
    for index in head..<(old.count - tail) { inOld[Int(old[index])] = true }
    for index in head..<(new.count - tail) { inNew[Int(new[index])] = true }
    for index in head..<(old.count - tail) {
      if inNew[Int(old[index])] {
        a.append(old[index])
        aAt.append(index)
      } else {
        removed[index] = true
      }
    }
    for index in head..<(new.count - tail) {
      if inOld[Int(new[index])] {
        b.append(new[index])
        bAt.append(index)
      } else {
        added[index] = true
      }
    }
    let diagonals = a.count + b.count + 3
    forward = [Int](repeating: 0, count: diagonals)
    backward = forward
  }

  private struct Box {
    var a: Range<Int>
    var b: Range<Int>
  }

  mutating func run() {
    // A stack of boxes, not recursion: bad luck makes the boxes nest deeply.
    var boxes = [Box(a: 0..<a.count, b: 0..<b.count)]
    while var box = boxes.popLast() {
      while !box.a.isEmpty, !box.b.isEmpty, a[box.a.lowerBound] == b[box.b.lowerBound] {
        box.a = (box.a.lowerBound + 1)..<box.a.upperBound
        box.b = (box.b.lowerBound + 1)..<box.b.upperBound
      }
      while !box.a.isEmpty, !box.b.isEmpty, a[box.a.upperBound - 1] == b[box.b.upperBound - 1] {
        box.a = box.a.lowerBound..<(box.a.upperBound - 1)
        box.b = box.b.lowerBound..<(box.b.upperBound - 1)
      }
      if box.a.isEmpty || box.b.isEmpty {
        for index in box.a { removed[aAt[index]] = true }
        for index in box.b { added[bAt[index]] = true }
        continue
      }
      let (x, y) = split(box)
      boxes.append(Box(a: x..<box.a.upperBound, b: y..<box.b.upperBound))
      boxes.append(Box(a: box.a.lowerBound..<x, b: box.b.lowerBound..<y))
    }
  }

  /// A point on a shortest path through the box, neither of its corners: forward and backward
  /// searches run until they meet.
  private mutating func split(_ box: Box) -> (Int, Int) {
    let n = box.a.count
    let m = box.b.count
    let (a0, b0) = (box.a.lowerBound, box.b.lowerBound)
    let delta = n - m
    // Diagonal k = x - y runs from -m to n; one more on each side guards the ends.
    let zero = m + 1
    let none = -1
    var cost = 0
    var (fLow, fHigh) = (0, 0)
    var (bLow, bHigh) = (delta, delta)
    forward[zero] = 0
    backward[zero + delta] = n
    while true {
      cost += 1
      // Forward: one more edit on each diagonal in reach.
      if fLow > -m {
        fLow -= 1
        forward[zero + fLow - 1] = none
      } else {
        fLow += 1
      }
      if fHigh < n {
        fHigh += 1
        forward[zero + fHigh + 1] = none
      } else {
        fHigh -= 1
      }
      for k in stride(from: fHigh, through: fLow, by: -2) {
        let down = forward[zero + k + 1]
        let right = forward[zero + k - 1]
        let start = right >= down ? right + 1 : down
        var x = start
        while x < n, x - k < m, a[a0 + x] == b[b0 + x - k] { x += 1 }
        work += x - start + 1
        forward[zero + k] = x
        if delta & 1 != 0, k >= bLow, k <= bHigh, backward[zero + k] <= x {
          return (a0 + x, b0 + x - k)
        }
      }
      // Backward, the same from the other corner.
      if bLow > -m {
        bLow -= 1
        backward[zero + bLow - 1] = Int.max
      } else {
        bLow += 1
      }
      if bHigh < n {
        bHigh += 1
        backward[zero + bHigh + 1] = Int.max
      } else {
        bHigh -= 1
      }
      for k in stride(from: bHigh, through: bLow, by: -2) {
        let up = backward[zero + k - 1]
        let left = backward[zero + k + 1]
        let start = up < left ? up : left - 1
        var x = start
        while x > 0, x - k > 0, a[a0 + x - 1] == b[b0 + x - k - 1] { x -= 1 }
        work += start - x + 1
        backward[zero + k] = x
        if delta & 1 == 0, k >= fLow, k <= fHigh, x <= forward[zero + k] {
          return (a0 + x, b0 + x - k)
        }
      }
      if cost >= 256, work > workLimit {
        isMinimal = false
        let best = farthest(zero, fLow, fHigh, n, m)
        return (a0 + best.x, b0 + best.y)
      }
    }
  }

  /// The forward path that got farthest: where to cut once the work allowed is spent.
  private func farthest(_ zero: Int, _ low: Int, _ high: Int, _ n: Int, _ m: Int) -> (
    x: Int, y: Int
  ) {
    var best = (x: n, y: 0)
    var bestSum = 0
    for k in stride(from: high, through: low, by: -2) {
      let x = min(forward[zero + k], n)
      let y = x - k
      if y >= 0, y <= m, x + y > bestSum, x + y < n + m {
        best = (x, y)
        bestSum = x + y
      }
    }
    return best
  }
}
