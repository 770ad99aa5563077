import ArgumentParser
import Domain
import Storage

struct MigrateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "migrate",
    abstract: "Bring the database up to this version, or copy everything to PostgreSQL.",
    discussion: """
      Every other command brings the database up to date too; this one is useful before a start, to \
      see it done, or to see why it cannot be.

      With --to everything is copied from the SQLite database of the settings into an empty \
      PostgreSQL database, and compared. Stop the server first. A copy that was interrupted goes on \
      when the same is called again. Nothing of the source is changed.

      With --new-key the database belongs to no secret key any more, and to the one that the next \
      start brings: for where the old one is lost. What was encrypted with it is removed: people's \
      sign-ins on the forge, and who agreed to be learned. Stop every server and worker first.
      """)

  @Option(help: ArgumentHelp("Copy everything to this PostgreSQL database.", valueName: "url"))
  var to: String?
  @Flag(help: "Let the next start bring another secret key.")
  var newKey = false
  @Flag(help: "Print JSON.")
  var json = false
  @OptionGroup var settingsOptions: SettingsOptions

  func validate() throws {
    if newKey, to != nil { throw ValidationError("--new-key and --to go one after the other.") }
  }

  func run() async throws {
    let settings = try settingsOptions.read()
    settings.tellWarnings()
    let wiring = Wiring(settings)
    do {
      if let to {
        try await copy(wiring, to: to)
      } else {
        let version = try await RunsReading.ask {
          if newKey { try await forgetKeys(wiring) }
          return try await wiring.schemaVersion()
        }
        if json {
          try Output.results.write(
            JSONText.of(Version(database: settings.database.place, schema: version)))
        } else {
          try Output.results.line("\(settings.database.place) has schema \(version)")
        }
      }
      await wiring.close()
    } catch {
      await wiring.close()
      throw error
    }
  }

  private struct Version: Encodable {
    var database: String
    var schema: Int
  }

  private func forgetKeys(_ wiring: Wiring) async throws {
    let settings = wiring.settings
    let locks = try ServiceLocks(settings)
    defer { locks.release() }
    if let file = settings.database.file { try DatabasePresence.require(file) }
    try await ServiceLocks.refuseServers(of: wiring.database)
    let removed = try await wiring.resealing.removeAll()
    try await wiring.keyRegister.replaceAll(with: nil)
    if removed > 0 { Output.notes.tell("\(removed) encrypted values were removed.") }
    Output.notes.tell("\(settings.database.place) belongs to the key that the next start brings.")
  }

  private func copy(_ wiring: Wiring, to url: String) async throws {
    let settings = wiring.settings
    guard let file = settings.database.file else {
      throw CommandFailure.misuse(
        "DATABASE_URL names PostgreSQL already; --to copies from SQLite. Set DATABASE_URL to the "
          + "SQLite file, such as sqlite:\(settings.dataFolder)/stet.db.")
    }
    guard case .postgres(let address)? = try? DatabaseSetting(url, dataFolder: "", path: { $0 })
    else {
      // Said again, with the reason.
      do throws(StoreError) { _ = try PostgresAddress(parsing: url) } catch {
        throw CommandFailure.misuse("--to: \(error.detail)")
      }
      throw CommandFailure.misuse("--to takes postgres://USER:PASSWORD@HOST:PORT/NAME.")
    }
    let target = Wiring.database(.postgres(address), connections: 2)
    do {
      try await RunsReading.ask {
        let locks = try ServiceLocks(settings)
        defer { locks.release() }
        try DatabasePresence.require(file)
        try await ServiceLocks.refuseServers(of: target)
        let terminal = Terminal(environment: settings.environment)
        let copy = DatabaseCopy(from: wiring.database, to: target) { table, rows in
          if terminal.progress { Output.notes.tell("\(table): \(rows) rows") }
        }
        let tables = try await copy.run { () async throws(StoreError) in
          try await ServiceLocks.refuseServers(of: target)
        }
        try CopyReport(tables).tell(json: json)
      }
      await target.close()
    } catch {
      await target.close()
      throw error
    }
    let key = SecretKeyFile(dataFolder: settings.dataFolder).path
    Output.notes.tell(
      """
      Everything is in \(address). Now set DATABASE_URL to it for every `stet serve` and `stet \
      worker`, and STET_SECRET_KEY to the key that \(key) holds. Where there is none: a new one, after \
      `stet migrate --new-key` with that DATABASE_URL. \
      \(file) is as it was; it is not used any more.
      """)
  }
}
