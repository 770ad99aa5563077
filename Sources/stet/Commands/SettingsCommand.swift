import ArgumentParser

struct SettingsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "settings",
    abstract: "Print every setting with its value and where that comes from; secrets are masked.")

  @Flag(help: "Print JSON.")
  var json = false
  @OptionGroup var settingsOptions: SettingsOptions

  private struct Row: Encodable {
    var name: String
    var value: String?
    var source: String
    var secret: Bool
    var meaning: String

    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(name, forKey: .name)
      try container.encode(value, forKey: .value)  // null, never absent
      try container.encode(source, forKey: .source)
      try container.encode(secret, forKey: .secret)
      try container.encode(meaning, forKey: .meaning)
    }

    enum CodingKeys: String, CodingKey { case name, value, source, secret, meaning }
  }

  func run() async throws {
    let settings = try settingsOptions.read()
    settings.tellWarnings()
    let rows = SettingDefinition.all.map { definition in
      let value = settings.values[definition.name]
      return Row(
        name: definition.name, value: value?.shown,
        source: (value?.source ?? .byDefault).description, secret: definition.isSecret,
        meaning: definition.meaning)
    }
    if json {
      try Output.results.write(JSONText.of(rows))
      return
    }
    var table = TextTable(columns: 3)
    for row in rows { table.add([row.name, row.value ?? "-", row.source]) }
    try Output.results.write(table.text)
  }
}
