import ArgumentParser

struct MigrateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "migrate",
    abstract: "Bring the database up to this version; every other command does so too.",
    discussion: "Useful before a start, to see it done, or to see why it cannot be.")

  @OptionGroup var settingsOptions: SettingsOptions

  func run() async throws {
    let settings = try settingsOptions.read()
    settings.tellWarnings()
    let wiring = Wiring(settings)
    let version = try await RunsReading.ask { try await wiring.schemaVersion() }
    await wiring.close()
    try Output.results.line("\(settings.databasePath) has schema \(version)")
  }
}
