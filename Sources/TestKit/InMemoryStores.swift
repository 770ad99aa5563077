public import Domain

/// Run records that end with the process, for tests.
public actor InMemoryRunStore: RunStore {
  private var runs: [String: Run] = [:]
  private let failure: StoreError?

  /// - Parameter failure: thrown by every call, to show how a use case bears a broken store.
  public init(failingWith failure: StoreError? = nil) { self.failure = failure }

  public func save(_ run: Run) async throws(StoreError) {
    if let failure { throw failure }
    runs[run.id] = run
  }

  public func run(id: String) async throws(StoreError) -> Run? {
    if let failure { throw failure }
    return runs[id]
  }

  public func runs(limit: Int, before: String?) async throws(StoreError) -> [Run] {
    if let failure { throw failure }
    let older = runs.values.filter { run in before.map { run.id < $0 } ?? true }
    return Array(older.sorted { $0.id > $1.id }.prefix(max(0, limit)))
  }
}

/// Model answers that end with the process, for tests.
public actor InMemoryResponseCache: ResponseCache {
  private var replies: [String: ModelReply] = [:]
  private let failure: StoreError?

  /// - Parameter failure: thrown by every call, to show how a use case bears a broken store.
  public init(failingWith failure: StoreError? = nil) { self.failure = failure }

  public func reply(for key: String) async throws(StoreError) -> ModelReply? {
    if let failure { throw failure }
    return replies[key]
  }

  public func store(_ reply: ModelReply, for key: String) async throws(StoreError) {
    if let failure { throw failure }
    replies[key] = reply
  }
}

/// In which words issues were answered, until the process ends, for tests.
public actor InMemorySimilarAnswers: SimilarAnswers {
  private var known: [(key: String, wording: IssueWording, scope: String)] = []
  private let failure: StoreError?

  /// - Parameter failure: thrown by every call, to show how a use case bears a broken store.
  public init(failingWith failure: StoreError? = nil) { self.failure = failure }

  public func wordings(
    in scope: String, limit: Int
  ) async throws(StoreError) -> [(key: String, wording: IssueWording)] {
    if let failure { throw failure }
    return known.reversed().filter { $0.scope == scope }.prefix(max(0, limit)).map {
      ($0.key, $0.wording)
    }
  }

  public func remember(
    _ wording: IssueWording, as key: String, in scope: String
  ) async throws(StoreError) {
    if let failure { throw failure }
    known.removeAll { $0.key == key }
    known.append((key, wording, scope))
  }
}

/// Vectors that end with the process, for tests.
public actor InMemoryVectorStore: VectorStore {
  private var vectors: [String: [Float]] = [:]
  private let failure: StoreError?

  /// - Parameter failure: thrown by every call, to show how a use case bears a broken store.
  public init(failingWith failure: StoreError? = nil) { self.failure = failure }

  public func vectors(for keys: [String]) async throws(StoreError) -> [String: [Float]] {
    if let failure { throw failure }
    return vectors.filter { keys.contains($0.key) }
  }

  public func store(_ vectors: [String: [Float]]) async throws(StoreError) {
    if let failure { throw failure }
    self.vectors.merge(vectors) { $1 }
  }
}
