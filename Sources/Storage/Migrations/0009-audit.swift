extension Migration {
  /// The audit trail: only what is hashed, as it was hashed. Triggers that forbid changes would
  /// need another text for each database; the chain of hashes shows a change on both.
  static let audit0009 = Migration(
    number: 9, name: "audit",
    statements: [
      """
      CREATE TABLE audit (
        number BIGINT NOT NULL PRIMARY KEY,
        at_microseconds BIGINT NOT NULL,
        event TEXT NOT NULL,
        previous TEXT NOT NULL,
        hash TEXT NOT NULL
      )
      """
    ])
}
