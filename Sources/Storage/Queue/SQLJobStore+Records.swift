public import Domain
public import Jobs

extension SQLJobStore {
  // MARK: - Looking

  public func oldestDue() async throws(StoreError) -> Duration? {
    let rows = try await database.query(SQLStatement(statements.records.oldest))
    return rows.first?.real(0).map { .seconds(max(0, $0)) }
  }

  public func job(id: String) async throws(StoreError) -> Job? {
    let rows = try await database.query(SQLStatement(statements.records.one, [.plain(id)]))
    return try JobRows.jobs(rows).first
  }

  public func jobs(_ filter: JobFilter) async throws(StoreError) -> [Job] {
    try JobRows.jobs(try await database.query(statements.records.list(filter)))
  }

  public func counts() async throws(StoreError) -> [JobState: Int] {
    var counts: [JobState: Int] = [:]
    for row in try await database.query(SQLStatement(statements.records.counts)) {
      guard let state = JobState(rawValue: row.text(0) ?? "") else { continue }
      let count = JobRows.number(row, 1)
      if count > 0 { counts[state, default: 0] += count }
    }
    return counts
  }

  // MARK: - What somebody asks for

  public func cancel(id: String, reason: String) async throws(StoreError) -> Job? {
    let statements = statements
    return try await database.transaction { transaction throws(StoreError) in
      let changes = try JobChanges(statements, transaction)
      let locked = try changes.standing(SQLStatement(statements.locked, [.plain(id)]))
      guard let job = locked.first, let state = job.state else { return nil }
      if !state.isFinal { try changes.cancel(job, reason: reason) }
      return try changes.job(id)
    }
  }

  /// - Throws: `.conflict` where another unfinished job has its unique key by now, or where a job
  ///   that it needs ended otherwise than completed.
  public func retry(id: String) async throws(StoreError) -> Job? {
    let statements = statements
    let job: Job? = try await database.transaction { transaction throws(StoreError) in
      try JobChanges(statements, transaction).retry(id)
    }
    if job?.state == .available { ring() }
    return job
  }

  public func retryAll(_ filter: JobFilter) async throws(StoreError) -> Int {
    let revivable: Set<JobState> = [.discarded, .cancelled, .retryable, .scheduled]
    var page = filter
    page.states = (filter.states.isEmpty ? revivable : revivable.intersection(filter.states))
      .sorted { $0.rawValue < $1.rawValue }
    guard !page.states.isEmpty else { return 0 }
    var retried = 0
    while true {
      let ids = try await database.query(statements.records.page(page, Self.batch))
        .compactMap { $0.text(0) }
      retried += try await retry(ids)
      guard ids.count == Self.batch, !Task.isCancelled else { break }
      page.before = ids.last
    }
    if retried > 0 { ring() }
    return retried
  }

  /// - Returns: how many of them. Those that cannot be retried are passed over.
  private func retry(_ ids: [String]) async throws(StoreError) -> Int {
    guard !ids.isEmpty else { return 0 }
    let statements = statements
    do throws(StoreError) {
      return try await database.transaction { transaction throws(StoreError) in
        let changes = try JobChanges(statements, transaction)
        var retried = 0
        for id in ids.sorted() where try changes.retryWherePossible(id) { retried += 1 }
        return retried
      }
    } catch {
      // Another took a key just then, which undoes the transaction: one by one.
      if ids.count == 1, error.code == .conflict { return 0 }
      guard ids.count > 1, error.code == .conflict || error.code == .failed else { throw error }
    }
    var retried = 0
    for id in ids { retried += try await retry([id]) }
    return retried
  }
}

extension JobChanges {
  /// - Returns: false where it cannot be retried.
  fileprivate func retryWherePossible(_ id: String) throws(StoreError) -> Bool {
    guard let state = try job(id)?.state else { return false }
    switch state {
    case .available, .running, .completed: return false
    case .discarded, .cancelled, .retryable, .scheduled: break
    }
    do throws(StoreError) {
      guard let after = try retry(id) else { return false }
      return after.state == .available || state.isFinal
    } catch {
      guard error.code == .conflict else { throw error }
      return false
    }
  }
}
