extension Migration {
  /// What the queue needs beside single jobs: turns of groups, limits, dependencies, steps that are
  /// remembered, schedules, and the tokens that each repository spent.
  ///
  /// Only what is available is looked at by a claim, so each partial index holds one state of a
  /// job's life, and a change of state touches two of them.
  static let queue0012 = Migration(
    number: 12, name: "queue",
    statements: [
      "ALTER TABLE jobs ADD COLUMN version BIGINT NOT NULL DEFAULT 1",
      "ALTER TABLE jobs ADD COLUMN group_key TEXT",
      "ALTER TABLE jobs ADD COLUMN limits TEXT",
      "ALTER TABLE jobs ADD COLUMN blockers BIGINT NOT NULL DEFAULT 0",
      "ALTER TABLE jobs ADD COLUMN dependents BIGINT NOT NULL DEFAULT 0",
      "ALTER TABLE jobs ADD COLUMN note TEXT",
      "DROP INDEX jobs_by_turn",
      "DROP INDEX jobs_by_time",
      "DROP INDEX jobs_states",
      "DROP INDEX jobs_by_finish",
      """
      CREATE INDEX jobs_ready ON jobs (kind, priority, scheduled_at, id)
      WHERE state = 'available' AND group_key IS NULL
      """,
      """
      CREATE INDEX jobs_ready_in_groups ON jobs (kind, group_key, priority, scheduled_at, id)
      WHERE state = 'available' AND group_key IS NOT NULL
      """,
      // Jobs that no limit holds back, behind any number of those that one does.
      """
      CREATE INDEX jobs_ready_without_limits
      ON jobs (kind, group_key, priority, scheduled_at, id)
      WHERE state = 'available' AND group_key IS NOT NULL AND limits IS NULL
      """,
      """
      CREATE INDEX jobs_waiting ON jobs (scheduled_at, kind, state)
      WHERE state IN ('scheduled', 'retryable') AND blockers = 0
      """,
      """
      CREATE INDEX jobs_blocked ON jobs (id, state)
      WHERE state IN ('scheduled', 'retryable') AND blockers > 0
      """,
      """
      CREATE INDEX jobs_finished ON jobs (state, finished_at)
      WHERE state IN ('completed', 'cancelled', 'discarded')
      """,
      // `needs` names a job that may be gone by now; `job` is the one that waits.
      """
      CREATE TABLE job_dependencies (
        job TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
        needs TEXT NOT NULL,
        PRIMARY KEY (job, needs)
      )
      """,
      "CREATE INDEX job_dependencies_by_need ON job_dependencies (needs)",
      """
      CREATE TABLE job_steps (
        job TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
        name TEXT NOT NULL,
        at DOUBLE PRECISION NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (job, name)
      )
      """,
      // Unique jobs with a period, until it is over.
      """
      CREATE TABLE job_periods (
        kind TEXT NOT NULL,
        key TEXT NOT NULL,
        job TEXT NOT NULL,
        until_at DOUBLE PRECISION NOT NULL,
        PRIMARY KEY (kind, key)
      )
      """,
      "CREATE INDEX job_periods_by_end ON job_periods (until_at)",
      // When each group was last served; the row with the empty key makes claimers take turns.
      """
      CREATE TABLE job_turns (
        key TEXT NOT NULL PRIMARY KEY,
        turn BIGINT NOT NULL,
        at DOUBLE PRECISION NOT NULL
      )
      """,
      // Rate limits: how many jobs of a key began when, for as long as it counts.
      """
      CREATE TABLE job_rates (
        key TEXT NOT NULL,
        at DOUBLE PRECISION NOT NULL,
        starts BIGINT NOT NULL,
        until_at DOUBLE PRECISION NOT NULL,
        PRIMARY KEY (key, at)
      )
      """,
      "CREATE INDEX job_rates_by_end ON job_rates (until_at)",
      """
      CREATE TABLE schedules (
        name TEXT NOT NULL PRIMARY KEY,
        expression TEXT NOT NULL,
        zone TEXT NOT NULL,
        kind TEXT NOT NULL,
        next_at DOUBLE PRECISION NOT NULL,
        last_at DOUBLE PRECISION,
        last_job TEXT
      )
      """,
      // Tokens by repository and day: days since 1970-01-01 (UTC), by the database's clock.
      """
      CREATE TABLE token_uses (
        key TEXT NOT NULL,
        day BIGINT NOT NULL,
        tokens BIGINT NOT NULL,
        PRIMARY KEY (key, day)
      )
      """,
    ])
}
