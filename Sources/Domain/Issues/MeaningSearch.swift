/// Finds earlier issues that mean much the same, by the cosine of the vectors that a model gave for
/// them.
public struct MeaningSearch: Sendable {
  private let ids: [String]
  private let dimension: Int
  /// One after the other.
  private let values: [Float]

  /// Issues known by it.
  public var count: Int { ids.count }

  /// - Parameter vectors: of length 1. Those of another dimension than the first are left out: they
  ///   are of another model, and cannot be compared.
  public init(_ vectors: [(id: String, vector: [Float])]) {
    dimension = vectors.first?.vector.count ?? 0
    let dimension = dimension
    let usable = vectors.filter { $0.vector.count == dimension && dimension > 0 }
    ids = usable.map(\.id)
    values = usable.flatMap(\.vector)
  }

  /// The likeliest first; of equal ones the later first.
  /// - Parameters:
  ///   - vector: of length 1; one of another dimension is like nothing.
  ///   - id: left out, as the issue itself.
  ///   - least: candidates of a smaller score are none.
  /// - Complexity: O(issues · dimension).
  public func candidates(
    to vector: [Float], except id: String? = nil, most: Int = 10, least: Double
  ) -> [DuplicateSearch.Candidate] {
    guard !ids.isEmpty, vector.count == dimension else { return [] }
    var found: [(place: Int, score: Double)] = []
    values.withUnsafeBufferPointer { values in
      vector.withUnsafeBufferPointer { vector in
        for place in ids.indices where ids[place] != id {
          var sum: Float = 0
          var index = 0
          let start = place * dimension
          while index < dimension {
            sum += values[start + index] * vector[index]
            index += 1
          }
          if Double(sum) >= least { found.append((place, Double(sum))) }
        }
      }
    }
    return found.sorted { ($1.score, $1.place) < ($0.score, $0.place) }.prefix(max(0, most)).map {
      .init(id: ids[$0.place], score: min(1, ($0.score * 1_000).rounded() / 1_000))
    }
  }
}
