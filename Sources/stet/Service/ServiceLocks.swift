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

  /// Names the connections of this process in PostgreSQL, so that others know it for a server.
  /// - Returns: the settings with which to open the database.
  static func announcing(_ name: String, _ settings: Settings) -> Settings {
    guard case .postgres(var address) = settings.database else { return settings }
    var settings = settings
    address.applicationName = name
    settings.database = .postgres(address)
    return settings
  }

  static let server = "stet serve"
  static let worker = "stet worker"

  /// - Throws: `.locked` where a server or worker is connected to a PostgreSQL database: each of
  ///   them keeps a connection as long as it lives. One that was cut off and holds leases counts too.
  static func refuseServers(of database: any SQLDatabase) async throws(StoreError) {
    guard database.dialect == .postgreSQL else { return }
    _ = try await database.schemaVersion()
    let connected = try await database.query(
      SQLStatement(
        """
        SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name IN ($1, $2)
        """, [.text(server), .text(worker)]))
    let leased = try await database.query(
      SQLStatement(
        """
        SELECT count(*) FROM jobs
        WHERE state = 'running' AND leased_until > \(database.dialect.now)
        """))
    guard connected.first?.integer(0) == 0, leased.first?.integer(0) == 0 else {
      throw StoreError(
        code: .locked,
        detail: "`stet serve` or `stet worker` works on \(database.place); stop them all, wait 30 "
          + "seconds where one was killed, and try again.")
    }
  }
}
