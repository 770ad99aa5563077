extension Migration {
  /// Finds finished jobs by age, so that throwing them away reads no others. What was discarded is
  /// kept.
  static let retention0011 = Migration(
    number: 11, name: "retention",
    statements: [
      """
      CREATE INDEX jobs_by_finish ON jobs (finished_at)
      WHERE state IN ('completed', 'cancelled')
      """
    ])
}
