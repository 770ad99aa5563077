import ArgumentParser
import LanguageModels

struct ModelCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "model",
    abstract: "List, fetch and serve local models.",
    subcommands: [ModelListCommand.self, ModelPullCommand.self, ModelServeCommand.self])
}

struct ModelListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the models that this machine can run, and what is here.")

  @Flag(help: "Print JSON.")
  var json = false
  @OptionGroup var settingsOptions: SettingsOptions

  func run() async throws {
    let settings = try settingsOptions.read()
    let models = Wiring(settings).modelStore.list()
    try ModelListing.print(
      models, json: json, terminal: Terminal(environment: settings.environment))
  }
}

struct ModelPullCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pull", abstract: "Fetch a model, or go on fetching it, and check its hash.")

  @Argument(help: "A name of `stet model list`; without one the default model.")
  var name: String?
  @OptionGroup var settingsOptions: SettingsOptions

  func run() async throws {
    let settings = try settingsOptions.read()
    settings.tellWarnings()
    let store = Wiring(settings).modelStore
    let progress = PullProgressLine(terminal: Terminal(environment: settings.environment))
    let path: String
    do {
      defer { progress.end() }
      path = try await store.pull(name ?? store.catalogue.defaultName) { progress.show($0) }
    } catch {
      throw ModelFailure.command(error)
    }
    try Output.results.line(path)
  }
}

struct ModelServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve",
    abstract: "Keep a local model running for other commands, until interrupted.")

  @Argument(help: "A name of `stet model list`; without one the default model.")
  var name: String?
  @OptionGroup var settingsOptions: SettingsOptions

  func run() async throws {
    let settings = try settingsOptions.read()
    settings.tellWarnings()
    let wiring = Wiring(settings)
    do {
      let server = try wiring.localServer(name ?? wiring.modelStore.catalogue.defaultName)
      try await server.serve { endpoint in
        Output.results.tell("\(endpoint.address)/v1 serves \(endpoint.model)")
      }
    } catch {
      throw ModelFailure.command(error)
    }
  }
}

/// What went wrong with a local model, as an exit status.
enum ModelFailure {
  static func command(_ error: LocalModelError) -> CommandFailure {
    error.code == .unknownModel ? .misuse(error.detail) : .failed(error.detail)
  }
}
