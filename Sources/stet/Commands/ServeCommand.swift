import ArgumentParser
import Domain
import Foundation
import Jobs
import Logging
import Metrics
import Server
import ServiceLifecycle
import Storage

struct ServeCommand: ServerCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve",
    abstract: "Receive webhooks, serve the API, and work in the background, until stopped.",
    discussion: """
      Its address is printed on standard output, the log on standard error. Control-C or SIGTERM \
      stops it in order: running jobs get STET_GRACE seconds, what is left is handed back and \
      taken up at the next start. A second one ends it where it stands; nothing accepted is lost \
      then either.
      """)

  @Option(
    help: ArgumentHelp("Serve on this address, over STET_LISTEN.", valueName: "host:port"))
  var listen: String?
  @OptionGroup var settingsOptions: SettingsOptions

  func run() async throws {
    let settings = try settingsOptions.read(
      overrides: listen.map { ["STET_LISTEN": $0] } ?? [:], readsDataFolder: true)
    let logger = Logger.service("stet", settings)
    for warning in settings.warnings { logger.warning("\(warning)") }

    let wiring = Wiring(settings, logger: logger)
    do {
      try await serve(wiring, logger)
      await wiring.close()
    } catch {
      await wiring.close()
      throw Self.failure(error)
    }
  }

  private func serve(_ wiring: Wiring, _ logger: Logger) async throws {
    let settings = wiring.settings
    try wiring.checkCredentials()
    // One server for each embedded database: it may take back what an earlier one left running.
    let lock = try DataFolderLock(folder: settings.dataFolder)
    defer { lock.release() }
    // The database may lie elsewhere, and be named by another server's settings too.
    let databaseLock = try DataFolderLock(database: settings.databasePath)
    defer { databaseLock.release() }
    try await checkTokens(wiring)
    let resumed = try await wiring.jobs.rescueAll()
    if resumed > 0 {
      logger.notice(
        "jobs of an earlier server are taken up again", metadata: ["jobs": "\(resumed)"])
    }

    let metrics = PrometheusMetrics()
    MetricsSystem.bootstrap(metrics)
    let service = try ServiceWiring(wiring, metrics: metrics, logger: logger)
    let group = ServiceGroup(
      configuration: .init(
        services: [
          .init(
            service: TogetherService(
              services: [
                service.worker, service.upkeep, service.server { tell($0, logger) },
              ]))
        ],
        logger: logger))
    let interruption = Interruption(patience: settings.service.grace + .seconds(30)) {
      Task { await group.triggerGracefulShutdown() }
    }
    try await group.run()
    withExtendedLifetime(interruption) {
      logger.notice("stopped")
    }
  }

  private func checkTokens(_ wiring: Wiring) async throws {
    let listen = wiring.settings.service.listen
    guard !listen.isLoopback else { return }
    let now = Date()
    guard try await wiring.tokens.tokens().contains(where: { $0.isValid(at: now) }) else {
      throw CommandFailure.misuse(
        "\(listen) can be reached from other machines, and there is no API token yet, so anybody "
          + "could use the API. Make one with `stet token create NAME`, or listen on 127.0.0.1.")
    }
  }

  private func tell(_ address: ListeningAddress, _ logger: Logger) {
    do { try Output.results.line("stet serves on \(address)") } catch {
      logger.warning("the address could not be printed", metadata: ["address": "\(address)"])
    }
    logger.notice("ready", metadata: ["address": "\(address)"])
  }

  private static func failure(_ error: any Error) -> any Error {
    switch error {
    case let error as ServerError: CommandFailure.failed(error.detail)
    case let error as StoreError: CommandFailure.failed(error.detail)
    case let error as ForgeError: CommandFailure.misuse(error.detail)
    default: error
    }
  }
}
