/// Turns texts into vectors that lie near each other where the texts mean alike.
public protocol Embedder: Sendable {
  /// The model's name: vectors of two models cannot be compared.
  var name: String { get }

  /// One vector for each text, in their order, all of one length and finite. Many texts take
  /// several requests.
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
  /// As the model gave them: not all models give vectors of length 1.
  public var vectors: [[Float]]
  /// Numbers in each vector; 0 where there was no text.
  public var dimension: Int
  /// The model that made them.
  public var model: String
  /// Zero where the server does not say.
  public var inputTokens: TokenCount
  /// HTTP requests that it took.
  public var requests: Int

  public init(
    vectors: [[Float]], dimension: Int, model: String, inputTokens: TokenCount, requests: Int
  ) {
    self.vectors = vectors
    self.dimension = dimension
    self.model = model
    self.inputTokens = inputTokens
    self.requests = requests
  }
}
