extension Migration {
  /// One row for each execution of a use case: columns for what is listed, the rest as JSON.
  static let runs0001 = Migration(
    number: 1, name: "runs",
    statements: [
      """
      CREATE TABLE runs (
        id TEXT NOT NULL PRIMARY KEY,
        kind TEXT NOT NULL,
        started_at DOUBLE PRECISION NOT NULL,
        seconds DOUBLE PRECISION NOT NULL,
        outcome TEXT NOT NULL,
        asked_by TEXT NOT NULL,
        subject TEXT NOT NULL,
        verdict TEXT,
        findings BIGINT NOT NULL,
        model_calls BIGINT NOT NULL,
        body TEXT NOT NULL
      )
      """
    ])
}
