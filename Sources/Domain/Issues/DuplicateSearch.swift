/// Finds earlier issues that say much the same, by the cosine of their TF-IDF vectors. A word of the
/// title counts as three of the description.
public struct DuplicateSearch: Sendable {
  public struct Candidate: Sendable, Hashable {
    /// As it was given.
    public var id: String
    /// 0 to 1.
    public var score: Double

    public init(id: String, score: Double) {
      self.id = id
      self.score = score
    }
  }

  /// What a title's word counts.
  private static let titleWeight = 3

  private let ids: [String]
  private let weights: TermWeights
  private let vectors: [SparseVector]
  /// Issues by each place of a vector, so that only those are looked at that share a word.
  private var postings: [Int32: [(issue: Int32, value: Float)]] = [:]

  /// - Complexity: O(words).
  public init(_ issues: [(id: String, title: String, description: String)]) {
    ids = issues.map(\.id)
    let texts = issues.map { Self.words($0.title, $0.description) }
    weights = TermWeights(of: texts, least: 1)
    vectors = texts.map(weights.vector)
    for (issue, vector) in vectors.enumerated() {
      for (place, value) in zip(vector.places, vector.values) {
        postings[place, default: []].append((Int32(issue), value))
      }
    }
  }

  /// The likeliest first; of equal ones the later first.
  /// - Parameters:
  ///   - id: left out, as the issue itself.
  ///   - least: candidates of a smaller score are none.
  public func candidates(
    title: String, description: String, except id: String? = nil, most: Int = 10,
    least: Double = 0.2
  ) -> [Candidate] {
    let vector = weights.vector(of: Self.words(title, description))
    var scores: [Int32: Double] = [:]
    for (place, value) in zip(vector.places, vector.values) {
      for entry in postings[place] ?? [] {
        scores[entry.issue, default: 0] += Double(value) * Double(entry.value)
      }
    }
    return scores.filter { $0.value >= least && ids[Int($0.key)] != id }
      .sorted { ($1.value, $1.key) < ($0.value, $0.key) }.prefix(max(0, most))
      .map { Candidate(id: ids[Int($0.key)], score: min(1, ($0.value * 1_000).rounded() / 1_000)) }
  }

  private static func words(_ title: String, _ description: String) -> [UInt64: Int] {
    var counts: [UInt64: Int] = [:]
    for word in IssueWords.hashes(of: title) { counts[word, default: 0] += titleWeight }
    for word in IssueWords.hashes(of: description) { counts[word, default: 0] += 1 }
    return counts
  }
}
