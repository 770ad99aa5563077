import Domain
import LanguageModels
import Logging

/// Builds every adapter from the settings; the only place that names them.
struct Wiring: Sendable {
  let settings: Settings

  init(_ settings: Settings) { self.settings = settings }

  var modelStore: ModelStore {
    ModelStore(
      dataFolder: settings.dataFolder, environment: settings.networkEnvironment,
      fetch: Wiring.fetch)
  }

  func localServer(_ model: String) throws(LocalModelError) -> LlamaServer {
    try LlamaServer(
      model: model, store: modelStore, environment: settings.networkEnvironment,
      logger: Logger(label: "stet.model"))
  }

  func runStore() throws -> any RunStore {
    throw CommandFailure.failed("The store of runs is not wired into this build.")
  }

  /// One GET request, without redirects or retries of its own.
  static let fetch: HTTPGet = { _, _ in
    throw CommandFailure.failed("Fetching is not wired into this build.")
  }
}

extension Wiring {
  /// Whether a provider answers a GET of its list of models within a few seconds. No text is sent.
  func reach(_ provider: ModelProvider, at place: Int) async -> DoctorFinding {
    .ok("not asked: fetching is not wired into this build")
  }
}
