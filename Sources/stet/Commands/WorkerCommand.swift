import ArgumentParser
import Domain
import Foundation
import Logging
import Metrics
import Server
import ServiceLifecycle

struct WorkerCommand: ServerCommand {
  static let configuration = CommandConfiguration(
    commandName: "worker",
    abstract: "Work in the background beside other processes on one PostgreSQL, until stopped.",
    discussion: """
      As many as you like, on as many machines; they serve nothing but figures, where --metrics is \
      given. The log is on standard error. \
      Control-C or SIGTERM stops it in order: running jobs get STET_GRACE seconds, what is left is \
      handed back for others. A second one ends it where it stands; its jobs run elsewhere within \
      30 seconds.
      """)

  @Option(
    help: ArgumentHelp(
      "What it is called in jobs and logs; by default its process number and chance.",
      valueName: "name"))
  var name: String?
  @Option(
    help: ArgumentHelp(
      "Serve GET /metrics and /healthz on this address; off without it. Other machines need an API "
        + "token with the scope read.", valueName: "host:port"))
  var metrics: String?
  @OptionGroup var settingsOptions: SettingsOptions

  func validate() throws {
    if let name, name.isEmpty || name.utf8.count > 100 {
      throw ValidationError("--name takes 1 to 100 letters.")
    }
    if let metrics, ListenAddress(metrics) == nil {
      throw ValidationError("--metrics takes HOST:PORT, such as 127.0.0.1:9090 or [::1]:9090.")
    }
  }

  func run() async throws {
    let settings = try settingsOptions.read(readsDataFolder: true)
    let logger = Logger.service("stet", settings)
    for warning in settings.warnings { logger.warning("\(warning)") }
    guard settings.database.isShared else {
      throw CommandFailure.misuse(
        "SQLite is one `stet serve` with its workers inside; `stet worker` needs PostgreSQL. Set "
          + "DATABASE_URL=postgres://USER:PASSWORD@HOST/NAME, and see `stet migrate --to`.")
    }
    let wiring = Wiring(ServiceLocks.announcing(ServiceLocks.worker, settings), logger: logger)
    do {
      try await work(wiring, logger)
      await wiring.close()
    } catch {
      await wiring.close()
      throw ServiceStart.failure(error)
    }
  }

  private func work(_ wiring: Wiring, _ logger: Logger) async throws {
    let start = ServiceStart(wiring: wiring, logger: logger)
    let locks = try await start.prepare()
    defer { locks.release() }
    let place = metrics.flatMap(ListenAddress.init)
    let figures = place.map { _ in PrometheusMetrics() }
    if let figures { MetricsSystem.bootstrap(figures) }
    let service = try ServiceWiring(wiring, metrics: figures, logger: logger)
    let number = ProcessInfo.processInfo.processIdentifier
    let name = name ?? "worker-\(number)-\(UInt16.random(in: 0...UInt16.max))"
    let worker = service.worker(named: name)
    try await start.run(service.background(worker) + server(service, at: place, logger)) {
      logger.notice("ready", metadata: ["worker": "\(name)"])
    }
  }

  /// Of its figures, where they are asked for.
  private func server(
    _ service: ServiceWiring, at place: ListenAddress?, _ logger: Logger
  ) -> [any Service] {
    guard let place else { return [] }
    return [
      service.server(figuresAt: place) { address in
        do { try Output.results.line("stet serves metrics on \(address)") } catch {
          logger.warning("the address could not be printed", metadata: ["address": "\(address)"])
        }
      }
    ]
  }
}
