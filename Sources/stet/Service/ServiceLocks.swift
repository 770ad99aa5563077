import Domain
import Storage

/// What keeps a second server from an SQLite database. PostgreSQL is shared and needs none.
struct ServiceLocks {
  private let locks: [DataFolderLock]

  init(_ settings: Settings) throws(StoreError) {
    guard let file = settings.database.file else {
      locks = []
      return
    }
    // One server for each embedded database: it may take back what an earlier one left running.
    let folder = try DataFolderLock(folder: settings.dataFolder)
    // The database may lie elsewhere, and be named by another server's settings too.
    locks = [folder, try DataFolderLock(database: file)]
  }

  func release() { for lock in locks { lock.release() } }

  /// - Throws: `.locked` where a server or worker is connected to a PostgreSQL database: each of
  ///   them listens on one connection. One that was cut off and holds leases counts too.
  static func refuseServers(of database: any SQLDatabase) async throws(StoreError) {
    guard database.dialect == .postgreSQL else { return }
    _ = try await database.schemaVersion()
    let listening = try await database.query(
      SQLStatement(
        """
        SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name LIKE 'stet%'
          AND query LIKE 'LISTEN %'
        """))
    let leased = try await database.query(
      SQLStatement(
        """
        SELECT count(*) FROM jobs
        WHERE state = 'running' AND leased_until > \(database.dialect.now)
        """))
    let servers = listening.first?.integer(0) ?? 0
    guard servers == 0, leased.first?.integer(0) ?? 0 == 0 else {
      throw StoreError(
        code: .locked,
        detail: "\(max(1, servers)) of `stet serve` and `stet worker` work on \(database.place); "
          + "stop them all, wait 30 seconds where one was killed, and try again.")
    }
  }
}
