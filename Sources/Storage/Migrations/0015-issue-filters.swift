extension Migration {
  /// What issues are found by. `tags` holds each tag between line feeds, in lower case; NULL where an
  /// older version stored the issue, whose body has to be read then.
  static let issueFilters0015 = Migration(
    number: 15, name: "issue filters",
    statements: [
      "ALTER TABLE issues ADD COLUMN state TEXT NOT NULL DEFAULT 'open'",
      "ALTER TABLE issues ADD COLUMN tags TEXT",
      "CREATE INDEX issues_by_state ON issues (state, id)",
    ])
}
