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
    let (settings, register) = (wiring.settings, wiring.keyRegister)
    guard settings.secretKeys.isEmpty else { return try await register.check(settings.secretKeys) }
    let file = SecretKeyFile(dataFolder: settings.dataFolder)
    if let keys = try file.keys() { return try await register.check(keys, file: file.path) }
    let old = try await register.known()
    let sealed = try await wiring.resealing.count()
    if let key = old.first, sealed > 0 {
      throw CommandFailure.misuse(
        "\(settings.database.place) holds \(sealed) values that were encrypted with the key \(key), "
          + "and the file of that key, \(file.path), is not there. Put it back; where it is lost, "
          + "`stet migrate --new-key` removes them: people sign in and agree again then.")
    }
    try await file.make { try await register.replaceAll(with: $0) }
    if let key = old.first {
      logger.warning(
        "the key file of this database is not here; a new one was made, as nothing is encrypted with it",
        metadata: ["file": "\(file.path)", "key_before": "\(key)"])
    }
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
