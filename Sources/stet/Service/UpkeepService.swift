import Domain
import Logging
import ServiceLifecycle
import Storage

/// Takes away, once an hour and in small batches, what has been over for longer than the settings
/// keep it.
struct UpkeepService: Service {
  let pruning: SQLPruning
  let keep: Duration
  let logger: Logger

  func run() async throws {
    await cancelWhenGracefulShutdown {
      while !Task.isCancelled {
        await prune()
        try? await Task.sleep(for: .seconds(3600))
      }
    }
  }

  private func prune() async {
    do {
      var removed = 0
      while !Task.isCancelled {
        let batch = try await pruning.prune(olderThan: keep, batch: 200)
        removed += batch
        if batch == 0 { break }
        // Others write between two batches.
        try await Task.sleep(for: .milliseconds(50))
      }
      if removed > 0 { logger.info("old records were removed", metadata: ["count": "\(removed)"]) }
    } catch is CancellationError {
    } catch {
      logger.warning(
        "old records could not be removed",
        metadata: ["error": "\(ServiceWiring.sentence(for: error))"])
    }
  }
}
