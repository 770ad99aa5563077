/// Turns texts into vectors that lie near each other where the texts mean alike.
public protocol Embedder: Sendable {
  /// The model's name: vectors of two models cannot be compared.
  var name: String { get }

  /// One vector for each text, in their order, all of one dimension and of length 1, so that the
  /// product of two is their cosine. Many texts take several requests.
  /// - Parameter deadline: total time, retries included.
  func embed(
    _ texts: [String], deadline: Duration
  ) async throws(ModelError) -> Embeddings
}

extension Embedder {
  /// - Throws: `ModelError` after half a minute.
  public func embed(_ texts: [String]) async throws(ModelError) -> Embeddings {
    try await embed(texts, deadline: .seconds(30))
  }
}

public struct Embeddings: Sendable, Hashable {
  /// Of length 1, whatever the model gave.
  public var vectors: [[Float]]
  /// Numbers in each vector; 0 where there was no text.
  public var dimension: Int
  /// The model that made them.
  public var model: String
  /// Zero where the server does not say.
  public var inputTokens: TokenCount
  /// HTTP requests that it took.
  public var requests: Int
  /// `nil` where the price is not known.
  public var costUSD: USD?

  public init(
    vectors: [[Float]], dimension: Int, model: String, inputTokens: TokenCount, requests: Int,
    costUSD: USD? = nil
  ) {
    self.vectors = vectors
    self.dimension = dimension
    self.model = model
    self.inputTokens = inputTokens
    self.requests = requests
    self.costUSD = costUSD
  }
}
