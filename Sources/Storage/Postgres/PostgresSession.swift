import Domain

/// What every connection is set to before it is used.
struct PostgresSession {
  private let settings: PostgresSettings
  private let errors: PostgresErrors

  init(_ settings: PostgresSettings, _ errors: PostgresErrors) {
    self.settings = settings
    self.errors = errors
  }

  /// Less than a lease and than the time that others wait for a lock: a process that is halted or cut
  /// off in the middle of a transaction holds its rows no longer. Between two statements of one,
  /// nothing else is done.
  private static let idleInTransaction = Duration.seconds(4)

  /// A plan is kept for as long as its statement is prepared, and one that was made while a table was
  /// nearly empty, when reading all of it was cheapest, would go on reading all of it when it has
  /// grown. Everything that is asked often finds its rows by an index.
  ///
  /// A server that is told to keep commits even safer than on its own disk keeps doing so.
  private static let text = """
    SELECT set_config('statement_timeout', $1, false), set_config('lock_timeout', $2, false),
      set_config('idle_in_transaction_session_timeout', $3, false),
      set_config('synchronous_commit', CASE
        WHEN current_setting('synchronous_commit') IN ('off', 'local') THEN 'on'
        ELSE current_setting('synchronous_commit') END, false),
      set_config('default_transaction_isolation', 'read committed', false),
      set_config('enable_seqscan', 'off', false), set_config('enable_hashjoin', 'off', false),
      set_config('enable_mergejoin', 'off', false),
      current_setting('server_encoding'), CAST(pg_is_in_recovery() AS text),
      current_setting('fsync')
    """

  func begin(
    _ connection: PostgresConnection, within limit: Duration
  ) throws(PostgresFailure) {
    func milliseconds(_ duration: Duration) -> SQLValue {
      .text(String(max(1, Int(duration.inSeconds * 1_000))))
    }
    let statement = SQLStatement(
      Self.text,
      [
        milliseconds(settings.statement), milliseconds(settings.lock),
        milliseconds(Self.idleInTransaction),
      ])
    let row = try connection.run([statement], keeping: false, within: limit).last?.rows.first
    guard let row, row.text(8) == "UTF8" else {
      throw .ended(
        StoreError(
          code: .refused,
          detail: "the database \(errors.place) is encoded in \(row?.text(8) ?? "an unknown way"); "
            + "create one with ENCODING 'UTF8'."))
    }
    guard row.text(9) == "false" else {
      throw .ended(
        StoreError(
          code: .unwritable,
          detail: "the database \(errors.place) is a standby; give DATABASE_URL the primary, or "
            + "several hosts and target_session_attrs=read-write."))
    }
  }
}
