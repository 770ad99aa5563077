extension Migration {
  /// Notices that wait for their digest.
  static let notices0014 = Migration(
    number: 14, name: "notices",
    statements: [
      """
      CREATE TABLE notices (
        digest TEXT NOT NULL,
        id TEXT NOT NULL,
        at DOUBLE PRECISION NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (digest, id)
      )
      """
    ])
}
