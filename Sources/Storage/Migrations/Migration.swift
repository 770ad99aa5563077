/// One step of the schema. Steps are only ever added at the end: a database that has run a step
/// never runs it again, so to change one is to split the world in two.
///
/// The text is the subset that SQLite and PostgreSQL share (`TEXT`, `BIGINT`, `DOUBLE PRECISION`,
/// `BYTEA`), because one copy per database would drift.
struct Migration: Sendable {
  var number: Int
  var name: String
  var statements: [String]

  /// In order, numbered from 1 without a gap.
  static let all: [Migration] = [
    runs0001,
    responses0002,
    jobs0003,
    deliveries0004,
    runRows0005,
    publications0006,
    validators0007,
    uses0008,
    audit0009,
    issuesAndTokens0010,
    retention0011,
    queue0012,
    keys0013,
    policyNotes0014,
    issueFilters0015,
    notices0016,
    repositories0017,
    likeness0018,
    reviewers0019,
    accounts0020,
  ]

  static let latest = all.last?.number ?? 0
}
