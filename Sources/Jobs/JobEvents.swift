import Synchronization

/// Something that happened to a job in this process.
public struct JobEvent: Sendable, Hashable {
  public enum Change: Sendable, Hashable {
    case state(JobState)
    /// One line for people, secrets masked.
    case progress(String)
  }

  public var job: String
  public var kind: String
  public var run: String?
  public var attempt: Int
  public var change: Change

  public init(job: String, kind: String, run: String?, attempt: Int, change: Change) {
    self.job = job
    self.kind = kind
    self.run = run
    self.attempt = attempt
    self.change = change
  }
}

/// Tells what happens to jobs to those who watch, in this process and from now on. What was before
/// stands in the store: begin to watch, then read.
public final class JobEvents: Sendable {
  private struct State {
    var watchers: [Int: Watcher] = [:]
    var next = 0
  }

  private struct Watcher {
    /// Of a job or a run; `nil` for all.
    var id: String?
    var stream: AsyncStream<JobEvent>.Continuation
  }

  private let state = Mutex(State())
  private let mostWatchers: Int

  /// - Parameter mostWatchers: a further one sees an empty stream that ends at once.
  public init(mostWatchers: Int = 1_000) { self.mostWatchers = mostWatchers }

  public func publish(_ event: JobEvent) {
    let streams: [AsyncStream<JobEvent>.Continuation] = state.withLock { state in
      if state.watchers.isEmpty { return [] }
      return state.watchers.values.filter {
        $0.id == nil || $0.id == event.job || $0.id == event.run
      }
      .map(\.stream)
    }
    for stream in streams { stream.yield(event) }
  }

  /// - Parameters:
  ///   - id: of a job or of a run; `nil` for everything.
  ///   - buffer: events kept for a slow reader; the oldest are dropped.
  public func events(of id: String? = nil, buffer: Int = 256) -> AsyncStream<JobEvent> {
    let (events, stream) = AsyncStream.makeStream(
      of: JobEvent.self, bufferingPolicy: .bufferingNewest(max(1, buffer)))
    let number: Int? = state.withLock { state in
      guard state.watchers.count < mostWatchers else { return nil }
      state.next += 1
      state.watchers[state.next] = Watcher(id: id, stream: stream)
      return state.next
    }
    guard let number else {
      stream.finish()
      return events
    }
    stream.onTermination = { [weak self] _ in
      self?.state.withLock { _ = $0.watchers.removeValue(forKey: number) }
    }
    return events
  }

  public var watchers: Int { state.withLock(\.watchers.count) }
}
