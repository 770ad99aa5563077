import Foundation

/// Reads the settings: command line over environment over `--env-file` over the file over defaults.
///
/// Nothing is read from the folder under review. A hostile checkout could otherwise set an address
/// that a key is then sent to.
struct SettingsReader {
  /// `NAME=VALUE`, of `--set`.
  var arguments: [String] = []
  /// Of the command's other options, by the setting's name.
  var overrides: [String: String] = [:]
  var settingsFile: String?
  var envFile: String?
  /// Whether a `.env` of the data folder is read where no `--env-file` is given: for servers, which
  /// run where nobody types.
  var readsDataFolder = false
  var environment: [String: String]
  /// Where relative paths of the user begin.
  var folder = ProcessEnvironment.folder

  /// - Throws: `CommandFailure` with every problem at once, status 2.
  func read() throws(CommandFailure) -> Settings {
    var reading = SettingsReading()
    readFile(into: &reading)
    readEnvFile(into: &reading)
    readEnvironment(into: &reading)
    readCommandLine(into: &reading)
    let settings = reading.settings(
      home: home, dataHome: dataHome(&reading), folder: folder, environment: environment)
    guard reading.problems.isEmpty, let settings else {
      let count = reading.problems.count
      let head =
        count == 1 ? "A setting is wrong:" : "\(count) settings are wrong:"
      throw .misuse(([head] + reading.problems.map { "  - \($0)" }).joined(separator: "\n"))
    }
    return settings
  }

  private var home: String {
    let home = environment["HOME"] ?? ""
    return home.hasPrefix("/") ? home : ProcessEnvironment.home
  }

  private func absolute(_ path: String) -> String {
    path.hasPrefix("/") ? path : "\(folder)/\(path)"
  }

  /// Source: the XDG base directory specification; a relative path in these is to be ignored.
  private func xdg(_ name: String, _ reading: inout SettingsReading) -> String? {
    guard let path = environment[name], !path.isEmpty else { return nil }
    guard path.hasPrefix("/") else {
      reading.warnings.append("\(name) is not an absolute path, so it is not used.")
      return nil
    }
    return path
  }

  private func dataHome(_ reading: inout SettingsReading) -> String {
    (xdg("XDG_DATA_HOME", &reading) ?? "\(home)/.local/share") + "/stet"
  }

  private func readFile(into reading: inout SettingsReading) {
    let path =
      settingsFile.map(absolute)
      ?? (xdg("XDG_CONFIG_HOME", &reading) ?? "\(home)/.config") + "/stet/stet.yaml"
    let shown = settingsFile ?? path
    do {
      let entries = try SettingsFiles.yaml(SettingsFiles.text(path))
      take(entries, into: &reading, from: shown, path: path) { .file(shown, line: $0) }
    } catch {
      switch error {
      case .missing where settingsFile == nil: break
      case .missing: reading.problems.append("--config \(shown): there is no such file.")
      case .refused(let why): reading.problems.append("\(shown): \(why).")
      }
    }
  }

  private func readEnvFile(into reading: inout SettingsReading) {
    guard let envFile = envFile ?? dataFolderFile(&reading) else { return }
    let path = absolute(envFile)
    do {
      let entries = try SettingsFiles.assignments(SettingsFiles.text(path))
      // Such a file serves other programs too, so only our own prefix is ours to judge.
      let known = entries.filter { entry in
        if SettingDefinition.byName[entry.name] != nil { return true }
        if entry.name.hasPrefix("STET_"), !SettingDefinition.reserved.contains(entry.name) {
          reading.problems.append(
            "\(envFile):\(entry.line): " + SettingsReading.unknown(entry.name))
        }
        return false
      }
      take(known, into: &reading, from: envFile, path: path) { .envFile(envFile, line: $0) }
    } catch {
      switch error {
      case .missing: reading.problems.append("--env-file \(envFile): there is no such file.")
      case .refused(let why): reading.problems.append("\(envFile): \(why).")
      }
    }
  }

  /// The data folder as what is read before and after such a file names it; a folder that the file
  /// itself names would be too late.
  private func dataFolderFile(_ reading: inout SettingsReading) -> String? {
    guard readsDataFolder else { return nil }
    let named =
      environment["STET_DATA_DIR"].flatMap { $0.isEmpty ? nil : $0 }
      ?? reading.text("STET_DATA_DIR")
    let data =
      named.map { reading.path($0, home: home, folder: folder) } ?? dataHome(&reading)
    let file = "\(data)/.env"
    return FileManager.default.fileExists(atPath: file) ? file : nil
  }

  private func take(
    _ entries: [FileEntry], into reading: inout SettingsReading, from shown: String, path: String,
    source: (Int) -> SettingSource
  ) {
    var lines: [String: Int] = [:]
    var holdsSecret = false
    for entry in entries {
      let name = entry.name.uppercased()
      let place = "\(shown):\(entry.line)"
      if SettingDefinition.reserved.contains(name) {
        reading.warnings.append("\(place): \(name) is not used by this version.")
        continue
      }
      guard let definition = SettingDefinition.byName[name] else {
        reading.problems.append("\(place): " + SettingsReading.unknown(name))
        continue
      }
      if let earlier = lines[name] {
        reading.problems.append(
          "\(place): \(name) stands there twice, first at line \(earlier); keep one.")
      }
      lines[name] = entry.line
      holdsSecret = holdsSecret || (definition.isSecret && !entry.value.isEmpty)
      reading.set(definition, entry.value, source(entry.line))
    }
    if holdsSecret, SettingsFiles.isOpenToOthers(path) {
      reading.warnings.append(
        "\(shown) holds a key and may be read by other users; run chmod 600 \(shown).")
    }
  }

  private func readEnvironment(into reading: inout SettingsReading) {
    for definition in SettingDefinition.all {
      let name = definition.name
      let lower = SettingDefinition.proxies.contains(name) ? environment[name.lowercased()] : nil
      let value = [lower, environment[name]].compactMap(\.self).first { !$0.isEmpty }
      if let value { reading.set(definition, value, .environment) }
    }
    for name in environment.keys.sorted() where name.hasPrefix("STET_") {
      let isOurs =
        SettingDefinition.byName[name] != nil || SettingDefinition.reserved.contains(name)
        || name.hasPrefix("STET_TEST_") || name == "STET_SHARED_DATA"
      if !isOurs { reading.warnings.append("environment: " + SettingsReading.unknown(name)) }
    }
  }

  private func readCommandLine(into reading: inout SettingsReading) {
    for argument in arguments {
      guard let equals = argument.firstIndex(of: "="), equals != argument.startIndex else {
        reading.problems.append("--set takes NAME=VALUE.")
        continue
      }
      let name = argument[..<equals].uppercased()
      guard let definition = SettingDefinition.byName[name] else {
        reading.problems.append("--set: " + SettingsReading.unknown(name))
        continue
      }
      guard !definition.isSecret else {
        reading.problems.append(
          "--set \(name): other users can read a command line; put the key into the environment "
            + "or a file.")
        continue
      }
      reading.set(definition, String(argument[argument.index(after: equals)...]), .commandLine)
    }
    for (name, value) in overrides {
      guard let definition = SettingDefinition.byName[name] else { continue }
      reading.set(definition, value, .commandLine)
    }
  }
}
