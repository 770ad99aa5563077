extension Migration {
  /// What policies remember between events: queues, what was done to a pull request, whose turn it
  /// is to review.
  static let policyNotes0014 = Migration(
    number: 14, name: "policy notes",
    statements: [
      """
      CREATE TABLE policy_notes (
        key TEXT NOT NULL PRIMARY KEY,
        version BIGINT NOT NULL,
        updated_at DOUBLE PRECISION NOT NULL,
        body TEXT NOT NULL
      )
      """
    ])
}
