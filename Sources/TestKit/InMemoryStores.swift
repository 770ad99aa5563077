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
