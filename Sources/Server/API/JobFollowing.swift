import Domain
import Jobs
import ServiceLifecycle

/// Watches a job until it is final, without a spin: what is told of it wakes the watcher, and a slow
/// look in the store covers what another process did.
struct JobFollowing: Sendable {
  enum Pulse: Sendable {
    /// The job may have changed.
    case look
    case progress(String)
  }

  let ports: ServerPorts
  /// How often the store is asked although nothing was told.
  var look = Duration.seconds(2)

  /// The first pulse comes at once. The stream ends with `stop` or the task.
  func pulses<Value: Sendable>(
    of id: String,
    _ body: (AsyncStream<Pulse>, _ stop: @escaping @Sendable () -> Void) async throws
      -> Value
  ) async throws -> Value {
    let (stream, continuation) = AsyncStream.makeStream(
      of: Pulse.self, bufferingPolicy: .bufferingNewest(64))
    // Listening begins before the first look, so that nothing falls between.
    let changes = ports.events.events(of: id, buffer: 64)
    continuation.yield(.look)
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        for await event in changes {
          switch event.change {
          case .state: continuation.yield(.look)
          case .progress(let line): continuation.yield(.progress(line))
          }
        }
      }
      group.addTask { [look] in
        while !Task.isCancelled {
          try await Task.sleep(for: look)
          continuation.yield(.look)
        }
      }
      defer {
        continuation.finish()
        group.cancelAll()
      }
      return try await body(stream) { continuation.finish() }
    }
  }

  /// - Returns: the job as it stood when it was final, the time was over or the server was asked to
  ///   stop; `nil` for none.
  func job(_ id: String, finalWithin limit: Duration) async throws -> Job? {
    let store = ports.jobs
    let first = try await store.job(id: id)
    guard let first, !first.state.isFinal, limit > .zero else { return first }
    let final = try await within(limit) {
      try await pulses(of: id) { pulses, stop -> Job? in
        try await withGracefulShutdownHandler {
          for await case .look in pulses {
            if let job = try await store.job(id: id), job.state.isFinal { return job }
          }
          return nil
        } onGracefulShutdown: {
          stop()
        }
      }
    }
    if let job = final ?? nil { return job }
    return try await store.job(id: id)
  }
}
