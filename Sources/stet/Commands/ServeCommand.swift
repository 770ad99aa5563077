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
  @Flag(
    help: "Only serve, and leave the work to `stet worker` processes; for PostgreSQL.")
  var noWorker = false
  @OptionGroup var settingsOptions: SettingsOptions

  func run() async throws {
    let settings = try settingsOptions.read(
      overrides: listen.map { ["STET_LISTEN": $0] } ?? [:], readsDataFolder: true)
    let logger = Logger.service("stet", settings)
    for warning in settings.warnings { logger.warning("\(warning)") }

    if noWorker, !settings.database.isShared {
      throw CommandFailure.misuse(
        "With SQLite nobody else can do the work, so --no-worker needs PostgreSQL: set "
          + "DATABASE_URL=postgres://USER:PASSWORD@HOST/NAME.")
    }
    let wiring = Wiring(ServiceLocks.announcing(ServiceLocks.server, settings), logger: logger)
    do {
      try await serve(wiring, logger)
      await wiring.close()
    } catch {
      await wiring.close()
      throw ServiceStart.failure(error)
    }
  }

  private func serve(_ wiring: Wiring, _ logger: Logger) async throws {
    let start = ServiceStart(wiring: wiring, logger: logger)
    let locks = try await start.prepare()
    defer { locks.release() }
    try await checkTokens(wiring)

    let metrics = PrometheusMetrics()
    MetricsSystem.bootstrap(metrics)
    let service = try ServiceWiring(wiring, metrics: metrics, logger: logger)
    // Jobs of others are told to those who wait for them here.
    let others = wiring.signals.map { [$0] } ?? []
    let work = noWorker ? others : service.background(service.worker())
    try await start.run(work + [service.server { tell($0, logger) }])
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
}
