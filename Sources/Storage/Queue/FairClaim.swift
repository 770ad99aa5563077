import Domain
import Jobs

/// Takes jobs that have groups and limits, in one transaction for which all claimers of all
/// processes take turns, so that what they count holds.
///
/// It costs as much as there are groups that wait, however many jobs each of them has.
struct FairClaim {
  let statements: JobStatements
  let transaction: any SQLTransaction
  let worker: String
  /// In seconds.
  let lease: Double

  struct Outcome {
    var claimed: [ClaimedJob] = []
    /// Where nothing more could be taken: seconds until something may be. `nil`: nothing waits, or
    /// as much was taken as was asked for.
    var heldFor: Double?
  }

  /// For jobs that wait for others to end: nobody knows when.
  private static let shortWhile = 0.25
  /// Groups whose first job is held back and that are looked into further, in one claim.
  private static let mostLooks = 64

  /// The jobs of one kind and group, from the first that was not looked at.
  private struct Line {
    var ahead: ArraySlice<FairTurns.Candidate>
    /// After which the next are to be fetched; `nil`: there are none.
    var last: FairTurns.Candidate?
    /// The last one that was looked at.
    var place: FairTurns.Candidate
    /// In a row.
    var heldBack = 0
    /// Those with limits are held back: only the others are looked at.
    var passesLimits = false
  }

  func run(kinds: [String], limit: Int) throws(StoreError) -> Outcome {
    var turns = try begin()
    var lines = try lines(kinds, &turns)
    var chosen: [FairTurns.Candidate] = []
    var outcome = Outcome()
    var looks = Self.mostLooks
    var free: [String: Set<String>] = [:]
    while chosen.count < limit, let index = first(lines, turns) {
      guard let candidate = lines[index].ahead.first else { break }
      let allowance = turns.allowance(candidate.limits)
      lines[index].place = lines[index].ahead.removeFirst()
      switch allowance {
      case .free:
        turns.take(candidate)
        chosen.append(candidate)
        lines[index].heldBack = 0
      case .after(let seconds):
        outcome.heldFor = min(outcome.heldFor ?? seconds, seconds)
        lines[index].heldBack += 1
      case .busy:
        outcome.heldFor = min(outcome.heldFor ?? Self.shortWhile, Self.shortWhile)
        lines[index].heldBack += 1
      }
      if chosen.count < limit {
        try advance(&lines[index], &looks, &free)
        if lines[index].ahead.isEmpty { lines.remove(at: index) }
      }
    }
    if chosen.count >= limit { outcome.heldFor = nil }
    outcome.claimed = try claim(chosen)
    try keep(outcome.claimed, of: turns)
    return outcome
  }

  // MARK: - What there is

  private func begin() throws(StoreError) -> FairTurns {
    var rows = try transaction.query(SQLStatement(statements.fair.takeTurn))
    if rows.isEmpty {
      try transaction.change(SQLStatement(statements.fair.firstTurn))
      rows = try transaction.query(SQLStatement(statements.fair.takeTurn))
    }
    var turns = FairTurns(
      now: try DatabaseClock.time(rows.first?.real(1)), lastTurn: rows.first?.integer(0) ?? 0)
    for row in try transaction.query(SQLStatement(statements.fair.running)) {
      turns.runs(
        JobRows.number(row, 2), in: row.text(0) ?? "",
        under: try JobRows.limits(row.text(1), of: "of a group"))
    }
    let rates = SQLStatement(statements.fair.rates, [.real(turns.now)])
    for row in try transaction.query(rates) {
      turns.began(JobRows.number(row, 2), under: row.text(0) ?? "", at: row.real(1) ?? 0)
    }
    return turns
  }

  private func lines(
    _ kinds: [String], _ turns: inout FairTurns
  ) throws(StoreError) -> [Line] {
    var lines: [Line] = []
    for kind in kinds {
      for row in try transaction.query(SQLStatement(statements.fair.heads, [.text(kind)])) {
        let head = try candidate(row)
        turns.served(head.group, at: row.integer(6) ?? 0)
        lines.append(Line(ahead: [head], last: head, place: head))
      }
    }
    return lines
  }

  private func candidate(_ row: SQLRow) throws(StoreError) -> FairTurns.Candidate {
    let id = row.text(0) ?? ""
    return FairTurns.Candidate(
      id: id, kind: row.text(1) ?? "", group: row.text(2) ?? "", priority: JobRows.number(row, 3),
      scheduledAt: row.real(4) ?? 0, limits: try JobRows.limits(row.text(5), of: id))
  }

  /// Sees to what stands in front next, where there is something.
  /// - Parameter free: by kind, the groups in which a job without limits is ready, once asked for.
  private func advance(
    _ line: inout Line, _ looks: inout Int, _ free: inout [String: Set<String>]
  ) throws(StoreError) {
    let isHeldUp = line.heldBack > FairStatements.page
    if !isHeldUp {
      if !line.ahead.isEmpty { return }
      if line.heldBack == 0 { return try refill(&line) }
      if looks > 0 {
        looks -= 1
        return try refill(&line)
      }
    }
    // However many are held back: what has no limits has nothing to do with them.
    let kind = line.place.kind
    let groups: Set<String>
    if let known = free[kind] {
      groups = known
    } else {
      let rows = try transaction.query(
        SQLStatement(statements.fair.groupsWithoutLimits, [.text(kind)]))
      groups = Set(rows.compactMap { $0.text(0) })
      free[kind] = groups
    }
    line.ahead = []
    line.heldBack = 0
    line.passesLimits = true
    line.last = groups.contains(line.place.group) ? line.place : nil
    try refill(&line)
  }

  private func refill(_ line: inout Line) throws(StoreError) {
    guard let last = line.last else { return }
    let fair = statements.fair
    let rows = try transaction.query(
      SQLStatement(
        line.passesLimits ? fair.followingWithoutLimits : fair.following,
        [
          .text(last.kind), .text(last.group), .number(last.priority), .real(last.scheduledAt),
          .text(last.id),
        ]))
    var next: [FairTurns.Candidate] = []
    for row in rows { next.append(try candidate(row)) }
    line.ahead = next[...]
    line.last = next.count < FairStatements.page ? nil : next.last
  }

  private func first(_ lines: [Line], _ turns: FairTurns) -> Int? {
    var best: (index: Int, candidate: FairTurns.Candidate)?
    for (index, line) in lines.enumerated() {
      guard let candidate = line.ahead.first else { continue }
      if let other = best?.candidate, !turns.goesBefore(candidate, other) { continue }
      best = (index, candidate)
    }
    return best?.index
  }

  // MARK: - What is taken

  private func claim(_ chosen: [FairTurns.Candidate]) throws(StoreError) -> [ClaimedJob] {
    var claimed: [ClaimedJob] = []
    for piece in chosen.pieces(of: SQLText.largestBatch) {
      let rows = try transaction.query(
        SQLStatement(
          statements.claiming.claimGiven(SQLText.batch(for: piece.count)),
          SQLText.values(piece.map { [.text($0.id)] }) + [.real(lease), .text(worker)]))
      claimed += try JobRows.claimed(rows, by: worker)
    }
    return claimed
  }

  /// Only what was claimed counts: another may have cancelled a job just then.
  private func keep(_ claimed: [ClaimedJob], of turns: FairTurns) throws(StoreError) {
    guard !claimed.isEmpty else { return }
    let groups = Set(claimed.compactMap(\.job.group)).sorted()
    var served: [[SQLValue]] = [[.text(""), .integer(turns.lastTurn)]]
    served += groups.map { [.text($0), .integer(turns.turns[$0] ?? turns.lastTurn)] }
    for piece in served.pieces(of: SQLText.largestBatch) {
      try transaction.change(
        SQLStatement(
          statements.fair.served(SQLText.batch(for: piece.count)), SQLText.values(piece)))
    }
    var begun: [String: (starts: Int, seconds: Double)] = [:]
    for job in claimed {
      var longest: [String: Double] = [:]
      for limit in job.job.limits where limit.rate != nil {
        longest[limit.key] = max(longest[limit.key, default: 0], limit.seconds)
      }
      for (key, seconds) in longest {
        let before = begun[key, default: (0, 0)]
        begun[key] = (before.starts + 1, max(before.seconds, seconds))
      }
    }
    if begun.isEmpty { return }
    try transaction.change(SQLStatement(statements.fair.forgetRates, [.real(turns.now)]))
    let counted = begun.sorted { $0.key < $1.key }.map { key, value in
      [SQLValue.text(key), .number(value.starts), .real(value.seconds)]
    }
    for piece in counted.pieces(of: SQLText.largestBatch) {
      try transaction.change(
        SQLStatement(
          statements.fair.counted(SQLText.batch(for: piece.count)), SQLText.values(piece)))
    }
  }
}
