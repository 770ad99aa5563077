import ArgumentParser
import Domain
import Foundation
import UseCases

struct RunsFilterCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "filter",
    abstract: "Learn what a repository's people ignore, and silence it.",
    discussion: """
      A filter is learned from the older findings and measured on the newer ones. It is used only \
      where it silenced something there, and hardly anything that people acted on. Errors and \
      security are never silenced. Every version is kept.
      """,
    subcommands: [
      FilterLearnCommand.self, FilterShowCommand.self, FilterUseCommand.self,
    ])
}

struct FilterLearnCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "learn", abstract: "Learn a new version, measure it, and use it where it is fit.")

  @Argument(help: ArgumentHelp("The repository.", valueName: "owner/name"))
  var repository: String
  @Option(help: ArgumentHelp("From the last so many days.", valueName: "number"))
  var days = 180
  @Flag(help: "Ask the forge too: thumbs, and which threads were resolved.")
  var askForge = false
  @Flag(help: "Only measure: keep nothing.")
  var dryRun = false
  @Flag(help: "Print JSON.")
  var json = false
  @OptionGroup var settingsOptions: SettingsOptions

  func validate() throws {
    if days < 1 { throw ValidationError("--days \(days) must be at least 1.") }
  }

  func run() async throws {
    let wiring = Wiring(try settingsOptions.read())
    guard let name = try RepositoryArgument.read(repository) else { return }
    let filter = try await RunsReading.ask {
      try await wiring.learnFilter(asksForge: askForge).learn(
        name, since: Date().addingTimeInterval(-Double(days) * 86_400), askedBy: "cli",
        isTrial: dryRun)
    }
    await wiring.close()
    try Output.results.write(json ? JSONText.of(filter) : FilterText.one(filter))
    if !filter.isFit {
      Output.notes.tell("stet: it is not used: the newer findings do not bear it out.")
    }
  }
}

struct FilterShowCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show the versions of a repository's filter, the newest first.")

  @Argument(help: ArgumentHelp("The repository.", valueName: "owner/name"))
  var repository: String
  @Flag(help: "Print JSON.")
  var json = false
  @OptionGroup var settingsOptions: SettingsOptions

  func run() async throws {
    let wiring = Wiring(try settingsOptions.read())
    guard let name = try RepositoryArgument.read(repository) else { return }
    let (filters, used) = try await RunsReading.ask {
      (
        try await wiring.filters.filters(of: name), try await wiring.filters.used(of: name)?.version
      )
    }
    await wiring.close()
    if json { return try Output.results.write(JSONText.of(filters)) }
    if filters.isEmpty {
      return Output.notes.tell("Nothing was learned of \(name) yet; `stet runs filter learn` does.")
    }
    for filter in filters {
      if filter.version == used { try Output.results.line("in use:") }
      try Output.results.write(FilterText.one(filter))
    }
  }
}

struct FilterUseCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "use", abstract: "Use another version of a repository's filter, or none.")

  @Argument(help: ArgumentHelp("The repository.", valueName: "owner/name"))
  var repository: String
  @Argument(help: ArgumentHelp("The version; 0 for none.", valueName: "version"))
  var version: Int
  @OptionGroup var settingsOptions: SettingsOptions

  func run() async throws {
    let wiring = Wiring(try settingsOptions.read())
    guard let name = try RepositoryArgument.read(repository) else { return }
    let isDone = try await RunsReading.ask {
      try await wiring.learnFilter(asksForge: false).use(
        version: version == 0 ? nil : version, of: name, askedBy: "cli")
    }
    await wiring.close()
    guard isDone else {
      throw CommandFailure.misuse(
        "\(name) has no version \(version); `stet runs filter show` lists them.")
    }
    Output.notes.tell(version == 0 ? "No filter is used." : "Version \(version) is used.")
  }
}

enum FilterText {
  static func one(_ filter: OutcomeFilter) -> String {
    let measure = filter.measure
    var lines = [
      "version \(filter.version) of \(filter.repository), learned \(filter.learnedAt.formatted(.iso8601))",
      "held out: \(measure.findings) findings, \(measure.actedOn) acted on; "
        + "\(measure.silenced) silenced, of which \(measure.silencedActedOn) had been acted on",
    ]
    lines += filter.silences.map { silence in
      "  silenced: \(Defanged.forTerminal(silence.reason, oneLine: true, limit: 200)) "
        + "(at most \(OutcomesText.percent(silence.most)) %)"
    }
    if filter.silences.isEmpty { lines.append("  nothing is silenced") }
    return lines.joined(separator: "\n") + "\n"
  }
}
