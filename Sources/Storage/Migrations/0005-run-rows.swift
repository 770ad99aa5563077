extension Migration {
  /// What reports count by, without reading the JSON of runs. Runs stored before have no such rows.
  static let runRows0005 = Migration(
    number: 5, name: "run rows",
    statements: [
      """
      CREATE TABLE reviews (
        run TEXT NOT NULL PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
        verdict TEXT NOT NULL,
        files BIGINT NOT NULL,
        hunks BIGINT NOT NULL,
        hunks_reviewed BIGINT NOT NULL,
        findings BIGINT NOT NULL,
        dropped BIGINT NOT NULL,
        claims BIGINT NOT NULL,
        model_requests BIGINT NOT NULL,
        input_tokens BIGINT NOT NULL,
        output_tokens BIGINT NOT NULL,
        cost_usd DOUBLE PRECISION
      )
      """,
      """
      CREATE TABLE findings (
        run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        number BIGINT NOT NULL,
        fingerprint TEXT NOT NULL,
        path TEXT NOT NULL,
        side TEXT NOT NULL,
        start_line BIGINT NOT NULL,
        line BIGINT NOT NULL,
        category TEXT NOT NULL,
        severity TEXT NOT NULL,
        source TEXT NOT NULL,
        confidence DOUBLE PRECISION NOT NULL,
        PRIMARY KEY (run, number)
      )
      """,
      "CREATE INDEX findings_by_fingerprint ON findings (fingerprint)",
      """
      CREATE TABLE model_calls (
        run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        model TEXT NOT NULL,
        calls BIGINT NOT NULL,
        cache_hits BIGINT NOT NULL,
        failures BIGINT NOT NULL,
        input_tokens BIGINT NOT NULL,
        output_tokens BIGINT NOT NULL,
        cost_usd DOUBLE PRECISION,
        seconds DOUBLE PRECISION NOT NULL,
        PRIMARY KEY (run, model)
      )
      """,
      "CREATE INDEX runs_by_start ON runs (started_at, id)",
    ])
}
