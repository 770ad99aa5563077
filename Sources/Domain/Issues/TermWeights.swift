import Foundation

/// A text as few numbers among many zeros: places in ascending order, and length 1.
public struct SparseVector: Sendable, Hashable {
  public var places: [Int32]
  public var values: [Float]

  public init(places: [Int32], values: [Float]) {
    self.places = places
    self.values = values
  }

  /// The cosine, where both have length 1.
  public func product(_ other: SparseVector) -> Double {
    var (i, j, sum) = (0, 0, 0.0)
    while i < places.count, j < other.places.count {
      if places[i] == other.places[j] {
        sum += Double(values[i]) * Double(other.values[j])
        i += 1
        j += 1
      } else if places[i] < other.places[j] {
        i += 1
      } else {
        j += 1
      }
    }
    return sum
  }
}

/// How much each word tells: TF-IDF with the logarithm of counts, and vectors of length 1.
///
/// Source: Salton and Buckley, "Term-weighting approaches in automatic text retrieval" (1988); the
/// smoothed form of the inverse frequency is that of scikit-learn.
public struct TermWeights: Sendable {
  private var places: [UInt64: Int32] = [:]
  private var weights: [Float] = []

  /// Words that are weighed.
  public var count: Int { weights.count }

  /// - Parameter least: texts that a word has to stand in.
  public init(of texts: [[UInt64: Int]], least: Int = 2) {
    var found: [UInt64: Int] = [:]
    for text in texts { for word in text.keys { found[word, default: 0] += 1 } }
    // In the order of their hashes, so that the same texts give the same places in every process.
    let kept = found.filter { $0.value >= least }.keys.sorted()
    weights.reserveCapacity(kept.count)
    for word in kept {
      places[word] = Int32(weights.count)
      let inverse = log(Double(1 + texts.count) / Double(1 + (found[word] ?? 0))) + 1
      weights.append(Float(inverse))
    }
  }

  /// Words that are not known are left out; a text without any known word is an empty vector.
  public func vector(of text: [UInt64: Int]) -> SparseVector {
    var entries: [(place: Int32, value: Float)] = []
    entries.reserveCapacity(text.count)
    for (word, count) in text {
      guard let place = places[word] else { continue }
      let frequency = Float(1 + log(Double(count)))
      entries.append((place, frequency * weights[Int(place)]))
    }
    entries.sort { $0.place < $1.place }
    let length = Float(
      entries.reduce(0.0) { $0 + Double($1.value) * Double($1.value) }.squareRoot())
    guard length > 0 else { return SparseVector(places: [], values: []) }
    return SparseVector(
      places: entries.map(\.place), values: entries.map { $0.value / length })
  }
}

/// Several parts of a text, each weighed apart, as one vector.
struct PartedWeights: Sendable {
  private let parts: [TermWeights]
  private let starts: [Int32]
  private let shares: [Float]
  let count: Int

  init(of texts: [[[UInt64: Int]]], shares: [Float], least: Int) {
    self.shares = shares
    var parts: [TermWeights] = []
    var starts: [Int32] = []
    var count = 0
    for part in shares.indices {
      starts.append(Int32(count))
      parts.append(TermWeights(of: texts.map { $0[part] }, least: least))
      count += parts[part].count
    }
    (self.parts, self.starts, self.count) = (parts, starts, count)
  }

  func vector(of text: [[UInt64: Int]]) -> SparseVector {
    var all = SparseVector(places: [], values: [])
    for part in shares.indices {
      let vector = parts[part].vector(of: text[part])
      all.places += vector.places.map { $0 + starts[part] }
      all.values += vector.values.map { $0 * shares[part] }
    }
    return all
  }
}
