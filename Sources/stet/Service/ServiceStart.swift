import Domain
import Foundation
import Logging
import Server
import ServiceLifecycle
import Storage

/// What `stet serve` and `stet worker` see to before they begin.
struct ServiceStart {
  let wiring: Wiring
  let logger: Logger

  /// - Returns: the locks, to be kept while the process works.
  /// - Throws: a sentence, where something is not as it has to be.
  func prepare() async throws -> ServiceLocks {
    try wiring.checkCredentials()
    let settings = wiring.settings
    if settings.database.isShared, settings.secretKeys.isEmpty {
      throw CommandFailure.misuse(
        "With PostgreSQL STET_SECRET_KEY must be set, the same for every process: `openssl rand "
          + "-base64 32` makes one.")
    }
    let locks = try ServiceLocks(settings)
    do {
      // Opens it: a database that is not there, or lets nobody in, ends the start.
      _ = try await wiring.schemaVersion()
      if let source = try await wiring.database.unfinishedCopy() {
        throw CommandFailure.failed(
          "\(settings.database.place) holds a copy from \(source) that is not finished. Run the "
            + "same `stet migrate --to` or `stet restore` again first.")
      }
      try await checkKeys()
      let resealed = try await wiring.resealing.run()
      if resealed > 0 {
        logger.notice(
          "what was encrypted with an older secret key is encrypted with the newest now",
          metadata: ["values": "\(resealed)"])
      }
      if !settings.database.isShared {
        // With PostgreSQL others may be running them; their leases run out by themselves.
        let resumed = try await wiring.jobs.rescueAll()
        if resumed > 0 {
          logger.notice(
            "jobs of an earlier server are taken up again", metadata: ["jobs": "\(resumed)"])
        }
      }
      // Nobody waits for it: what a killed process left may be large.
      Task { [wiring] in await wiring.checkouts.removeStale() }
      return locks
    } catch {
      locks.release()
      throw error
    }
  }

  /// A database that was restored without its key file gets a new key where nothing is encrypted with
  /// the old one; nobody else uses an SQLite database.
  private func checkKeys() async throws {
    guard let key = try await wiring.prepareKey() else { return }
    logger.warning(
      "the key file of this database is not here; a new one was made, as nothing is encrypted with it",
      metadata: [
        "file": "\(SecretKeyFile(dataFolder: wiring.settings.dataFolder).path)",
        "key_before": "\(key)",
      ])
  }

  /// Runs them together until the process is asked to stop, in order at first.
  func run(_ services: [any Service], ready: () -> Void = {}) async throws {
    let group = ServiceGroup(
      configuration: .init(
        services: [.init(service: TogetherService(services: services))], logger: logger))
    let interruption = Interruption(patience: wiring.settings.service.grace + .seconds(30)) {
      Task { await group.triggerGracefulShutdown() }
    }
    ready()
    try await group.run()
    withExtendedLifetime(interruption) { logger.notice("stopped") }
  }

  static func failure(_ error: any Error) -> any Error {
    switch error {
    case let error as ServerError: CommandFailure.failed(error.detail)
    case let error as StoreError: CommandFailure(error)
    case let error as ForgeError: CommandFailure.misuse(error.detail)
    default: error
    }
  }
}
