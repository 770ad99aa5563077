extension Migration {
  /// Jobs: see `docs/job-states.md`. The partial indexes hold unfinished jobs only, so that a claim
  /// costs the same however many are done.
  static let jobs0003 = Migration(
    number: 3, name: "jobs",
    statements: [
      """
      CREATE TABLE jobs (
        id TEXT NOT NULL PRIMARY KEY,
        kind TEXT NOT NULL,
        arguments TEXT NOT NULL,
        state TEXT NOT NULL,
        unique_key TEXT,
        supersede_key TEXT,
        priority BIGINT NOT NULL,
        attempt BIGINT NOT NULL,
        max_attempts BIGINT NOT NULL,
        created_at DOUBLE PRECISION NOT NULL,
        scheduled_at DOUBLE PRECISION NOT NULL,
        attempted_at DOUBLE PRECISION,
        finished_at DOUBLE PRECISION,
        leased_until DOUBLE PRECISION,
        lease_token BIGINT NOT NULL,
        worker TEXT,
        interruptions BIGINT NOT NULL,
        cancel_requested BIGINT NOT NULL,
        cancel_reason TEXT,
        errors TEXT NOT NULL,
        run TEXT
      )
      """,
      """
      CREATE INDEX jobs_by_turn ON jobs (priority, scheduled_at, id)
      WHERE state IN ('available', 'scheduled', 'retryable')
      """,
      """
      CREATE INDEX jobs_by_time ON jobs (scheduled_at)
      WHERE state IN ('available', 'scheduled', 'retryable')
      """,
      "CREATE INDEX jobs_by_lease ON jobs (leased_until) WHERE state = 'running'",
      """
      CREATE UNIQUE INDEX jobs_unique ON jobs (kind, unique_key)
      WHERE unique_key IS NOT NULL AND cancel_requested = 0
        AND state IN ('available', 'scheduled', 'running', 'retryable')
      """,
      """
      CREATE INDEX jobs_superseded ON jobs (kind, supersede_key)
      WHERE supersede_key IS NOT NULL
        AND state IN ('available', 'scheduled', 'running', 'retryable')
      """,
      "CREATE INDEX jobs_states ON jobs (id, state)",
      "CREATE INDEX jobs_by_run ON jobs (run) WHERE run IS NOT NULL",
    ])
}
