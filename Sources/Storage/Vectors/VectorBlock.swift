import Dispatch
import Synchronization

/// Many vectors in one piece of memory, and the exact search among them.
///
/// A vector's numbers are padded with zeros to a multiple of 16. The search reads all of them once,
/// 16 at a time, on as many cores as there are where there is enough to read.
package struct VectorBlock: Sendable {
  typealias Lanes = SIMD16<Float>

  /// In their order, by which equals are told apart.
  package let keys: [String]
  package let dimension: Int
  /// Lanes of one vector.
  private let width: Int
  private let lanes: [Lanes]

  /// Below this many numbers a second core is not worth its start.
  private static let numbersPerCore = 1 << 20

  /// - Parameters:
  ///   - keys: in ascending order.
  ///   - dimension: of every vector, more than 0.
  ///   - vector: the numbers under the key of that place; missing ones are zeros.
  package init(keys: [String], dimension: Int, vector: (Int) -> [Float]) {
    self.keys = keys
    self.dimension = dimension
    width = (dimension + Lanes.scalarCount - 1) / Lanes.scalarCount
    var lanes = [Lanes](repeating: .zero, count: width * keys.count)
    for row in keys.indices {
      let numbers = vector(row)
      for (place, number) in numbers.prefix(dimension).enumerated() {
        lanes[row * width + place / Lanes.scalarCount][place % Lanes.scalarCount] = number
      }
    }
    self.lanes = lanes
  }

  var byteCount: Int { lanes.count * MemoryLayout<Lanes>.stride }

  /// The places of the greatest products with the vector, the greatest first; of equals the first.
  /// - Complexity: O(vectors · dimension), plus O(count) for each that comes among the best.
  package func nearest(to vector: [Float], count: Int) -> [(place: Int, score: Float)] {
    guard vector.count == dimension, count > 0, !keys.isEmpty else { return [] }
    var lanes = [Lanes](repeating: .zero, count: width)
    for (place, number) in vector.enumerated() {
      lanes[place / Lanes.scalarCount][place % Lanes.scalarCount] = number
    }
    let query = lanes
    let cores = max(
      1, min(Self.cores, keys.count * dimension / Self.numbersPerCore, keys.count))
    guard cores > 1 else { return best(query, 0..<keys.count, count).entries }
    let found = Mutex<[BestPlaces]>([])
    let piece = (keys.count + cores - 1) / cores
    DispatchQueue.concurrentPerform(iterations: cores) { core in
      let range = min(core * piece, keys.count)..<min((core + 1) * piece, keys.count)
      let best = best(query, range, count)
      found.withLock { $0.append(best) }
    }
    var all = BestPlaces(count: count)
    for part in found.withLock({ $0 }) {
      for entry in part.entries { all.add(entry.place, entry.score) }
    }
    return all.entries
  }

  private static let cores = max(1, Int(Cores.count))

  private func best(_ query: [Lanes], _ rows: Range<Int>, _ count: Int) -> BestPlaces {
    var best = BestPlaces(count: count)
    let width = width
    lanes.withUnsafeBufferPointer { lanes in
      query.withUnsafeBufferPointer { query in
        guard let lanes = lanes.baseAddress, let query = query.baseAddress else { return }
        var row = rows.lowerBound
        // Two at a time: the question's numbers are loaded once for both.
        while row + 1 < rows.upperBound {
          let first = lanes + row * width
          let second = first + width
          var (a, b) = (Lanes.zero, Lanes.zero)
          for place in 0..<width {
            let numbers = query[place]
            a += first[place] * numbers
            b += second[place] * numbers
          }
          best.add(row, a.sum())
          best.add(row + 1, b.sum())
          row += 2
        }
        if row < rows.upperBound {
          let last = lanes + row * width
          var sum = Lanes.zero
          for place in 0..<width { sum += last[place] * query[place] }
          best.add(row, sum.sum())
        }
      }
    }
    return best
  }
}

/// The greatest scores so far, the greatest first, of equals the lower place.
struct BestPlaces: Sendable {
  private(set) var entries: [(place: Int, score: Float)] = []
  private let count: Int
  /// What a newcomer has to be greater than.
  private var least = -Float.infinity

  init(count: Int) {
    self.count = count
    entries.reserveCapacity(min(count, 1_024) + 1)
  }

  @inline(__always)
  mutating func add(_ place: Int, _ score: Float) {
    // What is no number is greater than nothing.
    guard score >= least else { return }
    insert(place, score)
  }

  private mutating func insert(_ place: Int, _ score: Float) {
    var index = entries.count
    while index > 0 {
      let before = entries[index - 1]
      if before.score > score || before.score == score && before.place < place { break }
      index -= 1
    }
    guard index < count else { return }
    entries.insert((place, score), at: index)
    if entries.count > count { entries.removeLast() }
    if entries.count == count, let last = entries.last { least = last.score }
  }
}
