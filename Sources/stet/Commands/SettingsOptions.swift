import ArgumentParser

/// The options by which every command finds its settings.
struct SettingsOptions: ParsableArguments {
  @Option(
    name: .customLong("config"),
    help: ArgumentHelp(
      "Read settings from this file instead of stet.yaml in the user's settings folder.",
      valueName: "file"),
    completion: .file(extensions: ["yaml", "yml"]))
  var settingsFile: String?

  @Option(
    help: ArgumentHelp(
      "Read NAME=VALUE lines from this file, under the environment and over the settings file.",
      valueName: "file"),
    completion: .file())
  var envFile: String?

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp("Give one setting, over all other sources.", valueName: "NAME=VALUE"))
  var assignments: [String] = []

  /// - Parameters:
  ///   - overrides: what other options of the command say, by the setting's name.
  ///   - readsDataFolder: whether a `.env` of the data folder counts, as for servers.
  /// - Throws: one `CommandFailure` that names every problem.
  func read(
    overrides: [String: String] = [:], readsDataFolder: Bool = false
  ) throws -> Settings {
    try SettingsReader(
      arguments: assignments, overrides: overrides, settingsFile: settingsFile, envFile: envFile,
      readsDataFolder: readsDataFolder, environment: ProcessEnvironment.values
    ).read()
  }
}
