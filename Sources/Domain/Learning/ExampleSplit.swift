import Foundation

/// What is learned from and what is kept to measure by: later, and of other pull requests.
///
/// Comments on one pull request are about the same code, and what a person says changes with time:
/// a split by chance would measure memory.
public struct ExampleSplit: Sendable, Hashable {
  /// Oldest first, all before any that is held out.
  public var training: [ReviewExample]
  /// Oldest first.
  public var heldOut: [ReviewExample]

  /// - Parameters:
  ///   - examples: in any order.
  ///   - share: of the comments that is held out, as near as whole pull requests allow. None is
  ///     where there is one pull request only.
  public init(_ examples: [ReviewExample], share: Double = 0.2) {
    let ordered = examples.sorted { ($0.at, $0.id) < ($1.at, $1.id) }
    var first: [Int: Date] = [:]
    var comments: [Int: Int] = [:]
    for example in ordered {
      if first[example.pullRequest] == nil { first[example.pullRequest] = example.at }
      if example.comment != nil { comments[example.pullRequest, default: 0] += 1 }
    }
    let pulls = first.sorted { ($0.value, $0.key) < ($1.value, $1.key) }.map(\.key)
    let wanted = Double(comments.values.reduce(0, +)) * share
    var late: Set<Int> = []
    var count = 0
    for pull in pulls.dropFirst().reversed() where wanted > 0 {
      let next = count + comments[pull, default: 0]
      guard count == 0 || abs(Double(next) - wanted) <= abs(Double(count) - wanted) else { break }
      late.insert(pull)
      count = next
    }
    let begin = ordered.first { late.contains($0.pullRequest) }?.at
    heldOut = ordered.filter { late.contains($0.pullRequest) }
    training = ordered.filter { example in
      !late.contains(example.pullRequest) && begin.map { example.at < $0 } != false
    }
  }
}

/// Chooses the examples that a question is asked with.
public enum ExampleChoice {
  /// One that lies near the question, with how near.
  public struct Candidate: Sendable, Hashable {
    public var example: ReviewExample
    /// Cosine, -1 to 1.
    public var score: Float

    public init(example: ReviewExample, score: Float) {
      self.example = example
      self.score = score
    }
  }

  /// How much nearness counts beside being unlike what was chosen already.
  private static let nearness = 0.7

  /// Near and diverse: comments and silences in the measure in which they lie near, at least one of
  /// each where there are both.
  /// - Returns: the nearest last, where a model heeds it most.
  /// - Complexity: O(count · candidates) comparisons of word sets. Source: Carbonell and Goldstein,
  ///   "The Use of MMR, Diversity-Based Reranking", 1998.
  public static func choose(_ candidates: [Candidate], count: Int) -> [Candidate] {
    let spoken = candidates.filter { $0.example.comment != nil }
    let silent = candidates.filter { $0.example.comment == nil }
    guard count > 0 else { return [] }
    var silences = 0
    if !silent.isEmpty {
      let share = Double(silent.count) / Double(candidates.count)
      silences = min(silent.count, max(1, Int((Double(count) * share).rounded())))
      if !spoken.isEmpty { silences = min(silences, max(1, count / 2)) }
    }
    let chosen =
      diverse(spoken, count: max(spoken.isEmpty ? 0 : 1, count - silences))
      + diverse(silent, count: silences)
    return chosen.sorted { ($0.score, $1.example.id) < ($1.score, $0.example.id) }
  }

  private static func diverse(_ candidates: [Candidate], count: Int) -> [Candidate] {
    var left = candidates.map { ($0, words(of: $0.example)) }
    var chosen: [(Candidate, Set<String>)] = []
    while chosen.count < count, !left.isEmpty {
      var best = 0
      var bestValue = -Double.infinity
      for (index, entry) in left.enumerated() {
        let repeated = chosen.map { WordSets.likeness($0.1, entry.1) }.max() ?? 0
        let value = nearness * Double(entry.0.score) - (1 - nearness) * repeated
        if value > bestValue { (best, bestValue) = (index, value) }
      }
      chosen.append(left.remove(at: best))
    }
    return chosen.map(\.0)
  }

  private static func words(of example: ReviewExample) -> Set<String> {
    Set(WordSets.words(example.comment ?? String(example.hunk.suffix(600))))
  }
}
