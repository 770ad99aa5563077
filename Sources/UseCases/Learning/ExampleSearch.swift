import Domain
import Foundation

/// Finds the examples that lie near a hunk: in the index, by the vectors of a model, or in memory by
/// their words alone.
struct ExampleSearch: Sendable {
  private enum Way: Sendable {
    case index(any VectorIndex, any Embedder, scope: String)
    case words([(id: String, vector: [Float])])
  }

  private let way: Way

  /// Searches the way that the reviewer's examples were put into the index; where that model of
  /// vectors is not asked any more, by words.
  init(_ reviewer: LearnedReviewer, _ examples: [ReviewExample], _ ports: LearningPorts) {
    if let embedder = ports.embedder, embedder.name == reviewer.embedder {
      way = .index(ports.index, embedder, scope: Self.scope(reviewer))
    } else {
      way = .words(
        examples.map { ($0.id, HashedWords.vector(Self.text(path: $0.path, hunk: $0.hunk))) })
    }
  }

  /// Of every reviewer's scope.
  static let scopePrefix = "reviewer "

  static func scope(_ reviewer: LearnedReviewer) -> String { scopePrefix + reviewer.id }

  /// What of a hunk is compared: where it stands, and its changed lines with a little around them.
  static func text(path: String, hunk: String) -> String {
    let shown = ReviewChat.shown(hunk, endsAtComment: true)
    let lines = shown.split(separator: "\n").filter { !$0.hasPrefix("@@") }.suffix(30)
    var text = path
    for line in lines { text += "\n" + line.prefix(160) }
    return String(text.prefix(1_500))
  }

  /// One vector for each text. - Throws: where the model of vectors fails.
  func vectors(
    of texts: [String], deadline: Duration
  ) async throws(ModelError) -> [[Float]] {
    guard case .index(_, let embedder, _) = way else { return texts.map(HashedWords.vector) }
    var vectors: [[Float]] = []
    for piece in Self.pieces(texts) {
      vectors += try await embedder.embed(piece, deadline: deadline).vectors
    }
    return vectors
  }

  /// The nearest that `isAllowed`, the nearest first.
  func nearest(
    to vector: [Float], count: Int, isAllowed: (String) -> Bool
  ) async throws(StoreError) -> [(id: String, score: Float)] {
    switch way {
    case .index(let index, _, let scope):
      // Those that are not allowed stand among the nearest: the question grows until enough are.
      var asked = count * 4
      while true {
        let found = try await index.nearest(to: vector, count: asked, in: scope)
        let allowed = found.filter { isAllowed($0.key) }.prefix(count)
        if allowed.count == count || found.count < asked {
          return allowed.map { ($0.key, $0.score) }
        }
        asked *= 4
      }
    case .words(let vectors):
      var best: [(id: String, score: Float)] = []
      for (id, candidate) in vectors where isAllowed(id) {
        var score: Float = 0
        for (a, b) in zip(candidate, vector) { score += a * b }
        if best.count == count, let last = best.last, score <= last.score { continue }
        let place = best.firstIndex { $0.score < score } ?? best.count
        best.insert((id, score), at: place)
        if best.count > count { best.removeLast() }
      }
      return best
    }
  }

  /// What examples can be found by now.
  struct Stored: Sendable {
    /// Of the model; that of words where there is none, or it fails.
    var name: String
    var failure: String?
  }

  /// Puts examples into the index, all of them anew where they were put there by another model.
  static func store(
    _ fresh: [ReviewExample], all: [ReviewExample], of reviewer: LearnedReviewer,
    _ ports: LearningPorts, repository: String
  ) async throws(StoreError) -> Stored {
    guard let embedder = ports.embedder else { return Stored(name: HashedWords.name) }
    let isSame = reviewer.embedder == embedder.name
    if !isSame { try await ports.index.remove(scope: scope(reviewer)) }
    var asked: any Embedder = embedder
    if let budget = ports.tokenBudget {
      asked = BudgetedEmbedder(embedder: embedder, budget: budget, repository: repository)
    }
    for piece in pieces(isSame ? fresh : all) {
      let texts = piece.map { text(path: $0.path, hunk: $0.hunk) }
      let vectors: [[Float]]
      do throws(ModelError) {
        vectors = try await asked.embed(texts, deadline: .seconds(300)).vectors
      } catch {
        // What is half there is of no use: the words are, at once.
        try await ports.index.remove(scope: scope(reviewer))
        return Stored(
          name: HashedWords.name,
          failure:
            "The model of vectors failed (\(error.code.rawValue)), so that examples are found "
            + "by their words.")
      }
      try await ports.index.store(
        Dictionary(zip(piece.map(\.id), vectors)) { first, _ in first }, in: scope(reviewer))
    }
    return Stored(name: embedder.name)
  }

  private static func pieces<Element>(_ elements: [Element]) -> [[Element]] {
    stride(from: 0, to: elements.count, by: 64).map {
      Array(elements[$0..<min($0 + 64, elements.count)])
    }
  }
}
