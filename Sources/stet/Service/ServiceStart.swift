import Domain
import Foundation
import Logging
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
      try await wiring.keyRegister.check(
        settings.secretKeys.isEmpty
          ? SecretKeyFile(dataFolder: settings.dataFolder).keys() : settings.secretKeys)
      if !settings.database.isShared {
        // With PostgreSQL others may be running them; their leases run out by themselves.
        let resumed = try await wiring.jobs.rescueAll()
        if resumed > 0 {
          logger.notice(
            "jobs of an earlier server are taken up again", metadata: ["jobs": "\(resumed)"])
        }
      }
      return locks
    } catch {
      locks.release()
      throw error
    }
  }

  static func failure(_ error: any Error) -> any Error {
    switch error {
    case let error as StoreError: CommandFailure(error)
    case let error as ForgeError: CommandFailure.misuse(error.detail)
    default: error
    }
  }
}
