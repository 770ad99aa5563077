import ArgumentParser
import Domain
import Foundation
import Storage

struct BackupCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "backup",
    abstract: "Write the whole database, as it is at one moment, into a file.",
    discussion: """
      It may run beside a server. The file is an SQLite database whichever database it is of, mode \
      0600; `stet restore` puts it into either. Models, settings and the key file are not in it.
      """)

  @Argument(help: "The file.", completion: .file())
  var file: String
  @Flag(help: "Write over a file that is there.")
  var force = false
  @Flag(help: "Print JSON.")
  var json = false
  @OptionGroup var settingsOptions: SettingsOptions

  func run() async throws {
    let settings = try settingsOptions.read()
    settings.tellWarnings()
    if let source = settings.database.file { try DatabasePresence.require(source) }
    let wiring = Wiring(settings)
    do {
      let path = PathOfUser.absolute(file)
      let tables = try await RunsReading.ask {
        try await BackupFile(path: path).write(
          wiring.database, replacing: force,
          sparing: [SecretKeyFile.name, DataFolderLock.fileName].map {
            "\(settings.dataFolder)/\($0)"
          })
      }
      await wiring.close()
      try CopyReport(tables).tell(json: json)
      Output.notes.tell("\(settings.database.place) is in \(path).")
    } catch {
      await wiring.close()
      throw error
    }
  }
}

struct RestoreCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "restore",
    abstract: "Put what `stet backup` wrote into the database of the settings.",
    discussion: """
      Stop every server and worker first. The database must be empty, unless --force is given. A \
      backup of an older version is brought up to date; one of a newer version is refused. A restore \
      into PostgreSQL that was interrupted goes on when the same is called again.
      """)

  @Argument(help: "The file.", completion: .file())
  var file: String
  @Flag(
    help: ArgumentHelp(
      "Replace what is there. An SQLite database is kept beside it as NAME.before-restore, with a "
        + "number where that is taken; what is in PostgreSQL is thrown away."))
  var force = false
  @Flag(help: "Print JSON.")
  var json = false
  @OptionGroup var settingsOptions: SettingsOptions

  func run() async throws {
    let settings = try settingsOptions.read()
    settings.tellWarnings()
    let backup = PathOfUser.absolute(file)
    // Before anything is said of the database that would give way.
    guard FileManager.default.fileExists(atPath: backup) else {
      throw CommandFailure.misuse("There is no file \(backup); `stet backup` writes one.")
    }
    let wiring = Wiring(settings)
    do {
      let tables = try await RunsReading.ask {
        let locks = try ServiceLocks(settings)
        defer { locks.release() }
        try DataFolder(settings.dataFolder).make()
        let restore = DatabaseRestore(file: backup)
        if let embedded = wiring.database as? SQLiteDatabase {
          return try await restore.run(into: embedded, replacing: force) {
            Output.notes.tell("What was there is in \($0).")
          }
        }
        try await ServiceLocks.refuseServers(of: wiring.database)
        let progress = Terminal(environment: settings.environment).progress
        return try await restore.run(
          into: wiring.database, folder: settings.dataFolder, replacing: force,
          alone: { () async throws(StoreError) in
            try await ServiceLocks.refuseServers(of: wiring.database)
          },
          progress: { table, rows in
            if progress { Output.notes.tell("\(table): \(rows) rows") }
          })
      }
      await wiring.close()
      try CopyReport(tables).tell(json: json)
      Output.notes.tell("\(settings.database.place) holds what \(file) does.")
    } catch {
      await wiring.close()
      throw error
    }
  }
}

enum PathOfUser {
  static func absolute(_ path: String) -> String {
    path.hasPrefix("/") ? path : "\(ProcessEnvironment.folder)/\(path)"
  }
}
