public import Domain
public import Jobs

extension SQLJobStore {
  /// No more in one claim.
  private static let mostClaimed = 1_000

  public func claim(
    kinds: [String], limit: Int, worker: String, lease: Duration
  ) async throws(StoreError) -> [ClaimedJob] {
    let want = Want(
      kinds: Set(kinds).sorted(), limit: min(limit, Self.mostClaimed), worker: worker,
      lease: lease.inSeconds)
    guard !want.kinds.isEmpty, want.limit > 0 else { return [] }
    let plan = memory.plan(want.kinds)
    if plan.makesDue, try await makeDue() == ClaimStatements.dueBatch { memory.moreIsDue() }
    var claimed: [ClaimedJob] = []
    do throws(StoreError) {
      if plan.groupsFirst { claimed += try await claimInGroups(want) }
      if claimed.count < want.limit {
        try await claimReady(want.less(claimed.count), usesMarks: plan.usesMarks, into: &claimed)
      }
      if claimed.count < want.limit, !plan.groupsFirst {
        claimed += try await claimInGroups(want.less(claimed.count))
      }
    } catch {
      // What was taken before is kept by the database already, under a lease of whoever asked.
      if claimed.isEmpty { throw error }
    }
    memory.ended(short: claimed.count < want.limit, want.kinds)
    // Rows come back in no order.
    return claimed.sorted {
      ($0.job.priority, $0.job.scheduledAt, $0.job.id)
        < ($1.job.priority, $1.job.scheduledAt, $1.job.id)
    }
  }

  private struct Want: Sendable {
    /// In order.
    var kinds: [String]
    var limit: Int
    var worker: String
    /// In seconds.
    var lease: Double

    func less(_ count: Int) -> Want {
      var want = self
      want.limit -= count
      return want
    }
  }

  /// - Returns: how many jobs, whose time has come, it made available.
  private func makeDue() async throws(StoreError) -> Int {
    try await database.changing(SQLStatement(statements.claiming.comeDue)).count
  }

  // MARK: - Neither groups nor limits

  private func claimReady(
    _ want: Want, usesMarks: Bool, into claimed: inout [ClaimedJob]
  ) async throws(StoreError) {
    guard database.dialect.keepsOldRows else {
      memory.looksFully(want.kinds)
      claimed += try await claimReady(want, after: nil)
      return
    }
    let marks = memory.marks(of: want.kinds)
    guard usesMarks, marks.contains(where: { $0 != .lowest }) else {
      claimed += try await claimFromFront(want)
      return
    }
    let first = try await claimReady(want, after: marks)
    claimed += first
    guard first.count < want.limit, memory.beginsFullLook(want.kinds) else { return }
    // Nothing is left after the marks: what was handed back or added late stands before them.
    claimed += try await claimFromFront(want.less(first.count))
  }

  private func claimFromFront(_ want: Want) async throws(StoreError) -> [ClaimedJob] {
    memory.forgetMarks(of: want.kinds)
    memory.looksFully(want.kinds)
    let began = ContinuousClock.now
    let claimed = try await claimReady(want, after: memory.marks(of: want.kinds))
    memory.endedFullLook(want.kinds, took: .now - began, found: claimed.count)
    return claimed
  }

  private func claimReady(
    _ want: Want, after marks: [ClaimMemory.Mark]?
  ) async throws(StoreError) -> [ClaimedJob] {
    var values: [SQLValue] = []
    for (index, kind) in want.kinds.enumerated() {
      values.append(.plain(kind))
      guard let mark = marks?[index] else { continue }
      values += [.integer(mark.priority), .real(mark.scheduledAt), .text(mark.id)]
    }
    let rows = try await database.changing(
      SQLStatement(
        statements.claiming.claim(
          kinds: want.kinds.count, limit: want.limit, marks: marks != nil),
        values + [.real(want.lease), .plain(want.worker)]))
    if marks != nil {
      for row in rows {
        memory.claimed(
          row.text(1) ?? "",
          ClaimMemory.Mark(
            priority: row.integer(6) ?? 0, scheduledAt: row.real(10) ?? 0, id: row.text(0) ?? ""))
      }
    }
    return await readable(rows, want)
  }

  /// Those that cannot be read wait, with the reason as their note, and cost no try: a newer Stet may
  /// have written them. The others of the batch do not suffer.
  private func readable(_ rows: [SQLRow], _ want: Want) async -> [ClaimedJob] {
    var claimed: [ClaimedJob] = []
    var others: [EndedTry] = []
    for row in rows {
      let lease = JobRows.lease(row, of: want.worker)
      do throws(StoreError) {
        claimed.append(ClaimedJob(job: try JobRows.job(row), lease: lease))
      } catch {
        others.append(EndedTry(lease, .snoozed(Self.unreadable, because: error.detail)))
      }
    }
    // Where this fails, the leases run out.
    _ = try? await finish(others)
    return claimed
  }

  private static let unreadable = Duration.seconds(60)

  // MARK: - Groups and limits

  private func claimInGroups(_ want: Want) async throws(StoreError) -> [ClaimedJob] {
    // Most of the time nothing is there, and no turn needs to be taken.
    let present = try await database.query(
      SQLStatement(
        statements.fair.present(kinds: want.kinds.count), want.kinds.map { .plain($0) }))
    memory.sawGroups(!present.isEmpty, want.kinds)
    guard !present.isEmpty else { return [] }
    let statements = statements
    let outcome = try await database.transaction { transaction throws(StoreError) in
      try FairClaim(
        statements: statements, transaction: transaction, worker: want.worker, lease: want.lease
      ).run(kinds: want.kinds, limit: want.limit)
    }
    memory.held(want.kinds, for: outcome.heldFor)
    return outcome.claimed
  }

  // MARK: - When next

  /// Where only jobs are left that their limits hold back: until a rate allows one, or a short
  /// while.
  public func untilNext(kinds: [String]) async throws(StoreError) -> Duration? {
    let kinds = Set(kinds).sorted()
    guard !kinds.isEmpty else { return nil }
    let known = memory.isEmpty(kinds)
    let rows = try await database.query(
      SQLStatement(
        statements.claiming.untilNext(kinds: kinds.count, asksReady: !known.isEmpty),
        kinds.map { .plain($0) }))
    guard let row = rows.first else { return nil }
    if row.integer(0) == 1 { return .zero }
    var seconds = row.real(2)
    memory.due(kinds, in: seconds)
    if let look = known.untilFullLook { seconds = min(seconds ?? look, look) }
    if row.integer(1) == 1 {
      let held = memory.heldFor(kinds)
      seconds = min(seconds ?? held, held)
    }
    return seconds.map { .seconds(max(0, $0)) }
  }
}
