public import Domain

/// What issues mean, as vectors of a model. Each text is sent to it once, without hidden text and
/// secrets; its vector is kept under a hash.
///
/// A model that fails costs the likeness in meaning and nothing else.
public struct IssueVectors: Sendable {
  var embedder: any Embedder
  var store: any VectorStore

  public init(embedder: any Embedder, store: any VectorStore) {
    self.embedder = embedder
    self.store = store
  }

  /// Of title and description together: reports say at their beginning what they are about. Where
  /// the model takes less than the first, it is asked with the second.
  private static let mostBytes = 1_500
  private static let fewBytes = 400
  /// Texts of one look that were never sent before; the rest have their turn at the next.
  private static let mostNew = 200

  struct Text: Sendable {
    var id: String
    var title: String
    var description: String
  }

  struct Found: Sendable {
    /// By the text's id; those that could not be had are missing.
    var vectors: [String: [Float]] = [:]
    var calls: [Run.ModelCall] = []
    /// Why some are missing, one sentence.
    var failure: String?
  }

  /// The vectors of these texts. - Parameter deadline: for the model; those that are kept cost none.
  func vectors(of texts: [Text], deadline: Duration) async -> Found {
    var found = Found()
    let cleaned = texts.map { (id: $0.id, text: Self.cleaned($0)) }
    let keys = cleaned.map { ContentHash.of(parts: ["vector 1", embedder.name, $0.text]) }
    let known = (try? await store.vectors(for: keys)) ?? [:]
    var missing: [(id: String, key: String, text: String)] = []
    for (text, key) in zip(cleaned, keys) {
      if let vector = known[key] {
        found.vectors[text.id] = vector
      } else {
        missing.append((text.id, key, text.text))
      }
    }
    // The last are the newest, and the likeliest to be asked for.
    missing = Array(missing.suffix(Self.mostNew))
    guard !missing.isEmpty else { return found }
    let began = ContinuousClock.now
    do throws(ModelError) {
      let embeddings = try await embedded(missing.map(\.text), until: began + deadline)
      for (text, vector) in zip(missing, embeddings.vectors) { found.vectors[text.id] = vector }
      found.calls.append(
        Run.ModelCall(
          model: embeddings.model, inputTokens: embeddings.inputTokens, outputTokens: 0,
          costUSD: embeddings.costUSD, seconds: (ContinuousClock.now - began).seconds,
          cacheHit: false))
      try? await store.store(
        Dictionary(zip(missing.map(\.key), embeddings.vectors)) { first, _ in first })
    } catch {
      found.failure = SecretMask.masked("\(error.code.rawValue): \(error.detail)").text
      found.calls.append(
        Run.ModelCall(
          model: embedder.name, inputTokens: error.inputTokens, outputTokens: 0, costUSD: nil,
          seconds: (ContinuousClock.now - began).seconds, cacheHit: false,
          failure: error.code.rawValue))
    }
    return found
  }

  /// Of an issue that is looked at; `nil` where there is nothing to compare it with.
  func vector(
    of request: EnrichmentRequest, _ knowledge: IssueKnowledge, _ work: inout EnrichmentWork
  ) async -> [Float]? {
    guard knowledge.meaning.count > 0 else { return nil }
    let id = request.id ?? ""
    let found = await vectors(
      of: [.init(id: id, title: request.title, description: request.description)],
      deadline: .seconds(15))
    work.add(found)
    return found.vectors[id]
  }

  /// A text that is longer than the model takes is asked for by its beginning.
  private func embedded(
    _ texts: [String], until end: ContinuousClock.Instant
  ) async throws(ModelError) -> Embeddings {
    do throws(ModelError) {
      return try await embedder.embed(texts, deadline: end - .now)
    } catch {
      guard error.code == .tooLong else { throw error }
    }
    return try await embedder.embed(
      texts.map { Self.beginning(of: $0, Self.fewBytes) }, deadline: end - .now)
  }

  private static func cleaned(_ text: Text) -> String {
    let whole = text.title + "\n" + beginning(of: text.description, mostBytes * 2)
    return beginning(of: SecretMask.masked(HiddenText.stripped(whole).text).text, mostBytes)
  }

  private static func beginning(of text: String, _ bytes: Int) -> String {
    guard text.utf8.count > bytes else { return text }
    var end = text.utf8.index(text.startIndex, offsetBy: bytes)
    // Never within a character.
    while end > text.startIndex, Unicode.UTF8.isContinuation(text.utf8[end]) {
      end = text.utf8.index(before: end)
    }
    return String(text[..<end])
  }
}
