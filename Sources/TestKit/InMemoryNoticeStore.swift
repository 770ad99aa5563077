public import Domain

/// Holds notices until the process ends, for tests.
public actor InMemoryNoticeStore: NoticeStore {
  private var digests: [String: [Notice]] = [:]

  public init() {}

  public func hold(_ notice: Notice, in digest: String) async throws(StoreError) {
    digests[digest, default: []].removeAll { $0.id == notice.id }
    digests[digest, default: []].append(notice)
  }

  public func held(in digest: String) async throws(StoreError) -> [Notice] {
    digests[digest, default: []].sorted { ($0.at, $0.id) < ($1.at, $1.id) }
  }

  public func release(_ ids: [String], from digest: String) async throws(StoreError) {
    digests[digest]?.removeAll { ids.contains($0.id) }
  }
}
