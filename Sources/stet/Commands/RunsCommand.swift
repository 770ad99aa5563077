import ArgumentParser
import Domain

struct RunsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "runs", abstract: "Look at what earlier commands did.",
    subcommands: [
      RunsListCommand.self, RunsShowCommand.self, RunsOutcomesCommand.self,
      RunsFilterCommand.self,
    ])
}

struct RunsListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List runs, the newest first.")

  @Option(help: ArgumentHelp("Show at most this many.", valueName: "number"))
  var limit = 20
  @Option(help: ArgumentHelp("Only runs older than this one.", valueName: "run"))
  var before: String?
  @Flag(help: "Print JSON.")
  var json = false
  @OptionGroup var settingsOptions: SettingsOptions

  func validate() throws {
    if limit < 1 { throw ValidationError("--limit \(limit) must be at least 1.") }
  }

  func run() async throws {
    let settings = try settingsOptions.read()
    let runs = try await RunsReading.ask {
      try await Wiring(settings).runs.runs(limit: limit, before: before)
    }
    if json {
      try Output.results.write(JSONText.of(runs))
    } else if runs.isEmpty {
      Output.notes.tell("There are no runs yet; `stet review` makes one.")
    } else {
      try Output.results.write(RunText.list(runs))
    }
  }
}

struct RunsShowCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show one run: what went in, what was claimed, what was proved.")

  @Argument(help: "The run, or the first letters of it; without one the newest.")
  var run: String?
  @Flag(help: "Print JSON.")
  var json = false
  @OptionGroup var settingsOptions: SettingsOptions

  func run() async throws {
    let settings = try settingsOptions.read()
    let wanted = run
    let found = try await RunsReading.ask {
      try await RunsReading.find(wanted, in: Wiring(settings).runs)
    }
    try Output.results.write(json ? JSONText.of(found) : RunText.one(found))
  }
}

enum RunsReading {
  /// How many runs are searched for one that begins with the given letters.
  static let searched = 1000

  static func ask<Answer: Sendable>(_ body: () async throws -> Answer) async throws -> Answer {
    do {
      return try await body()
    } catch let error as StoreError {
      throw CommandFailure(error)
    }
  }

  static func find(_ wanted: String?, in store: any RunStore) async throws -> Run {
    guard let wanted else {
      guard let newest = try await store.runs(limit: 1, before: nil).first else {
        throw CommandFailure.misuse("There are no runs yet; `stet review` makes one.")
      }
      return newest
    }
    let id = wanted.lowercased()
    if let run = try await store.run(id: id) { return run }
    let matches =
      id.isEmpty
      ? [] : try await store.runs(limit: searched, before: nil).filter { $0.id.hasPrefix(id) }
    switch matches.count {
    case 1: return matches[0]
    case 0:
      throw CommandFailure.misuse("There is no run \(wanted); `stet runs list` shows them.")
    default:
      throw CommandFailure.misuse(
        "\(wanted) begins \(matches.count) runs; give more letters of the one you mean.")
    }
  }
}
