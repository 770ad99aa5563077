public import Domain
public import Jobs

/// What is unfinished, or was given up, of one kind of job.
public struct JobKindFigures: Sendable, Hashable {
  public var kind: String
  /// Unfinished and discarded ones.
  public var counts: [JobState: Int]
  /// For how long the oldest available one has been due; `nil` for none.
  public var oldestDue: Duration?
}

/// Counts jobs by kind, for people.
public struct SQLJobFigures: Sendable {
  private let database: any SQLDatabase

  public init(_ database: any SQLDatabase) { self.database = database }

  /// By the kind's name. What was completed or cancelled is left out, since there may be very many.
  public func byKind() async throws(StoreError) -> [JobKindFigures] {
    let rows = try await database.query(
      SQLStatement(
        """
        SELECT kind, state, count(*), \(database.dialect.now) - min(scheduled_at) FROM jobs
        WHERE state IN ('available', 'scheduled', 'running', 'retryable', 'discarded')
        GROUP BY kind, state ORDER BY kind, state
        """))
    var figures: [JobKindFigures] = []
    for row in rows {
      guard let kind = row.text(0), let state = JobState(rawValue: row.text(1) ?? "") else {
        continue
      }
      if figures.last?.kind != kind { figures.append(JobKindFigures(kind: kind, counts: [:])) }
      figures[figures.count - 1].counts[state] = JobRows.number(row, 2)
      if state == .available {
        figures[figures.count - 1].oldestDue = row.real(3).map { .seconds(max(0, $0)) }
      }
    }
    return figures
  }
}
