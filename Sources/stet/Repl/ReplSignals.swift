import Dispatch
import Synchronization

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// What Control-C and a polite `kill` mean at a prompt: while a cell runs, the first interrupts it
/// and the second kills its interpreter; otherwise the line is given up. The end ends the prompt.
final class ReplSignals: Sendable {
  private struct Now {
    var interrupt: (@Sendable () async -> Void)?
    var kill: (@Sendable () async -> Void)?
    var wasInterrupted = false
    var idle: (@Sendable () -> Void)?
    var idleCount = 0
    var isEnding = false
  }

  /// Held while one cell runs.
  struct Running {
    fileprivate let signals: ReplSignals
    func end() { signals.now.withLock { ($0.interrupt, $0.kill) = (nil, nil) } }
  }

  private let now = Mutex(Now())

  var isEnding: Bool { now.withLock { $0.isEnding } }

  func whileRunning(
    interrupt: @escaping @Sendable () async -> Void, kill: @escaping @Sendable () async -> Void
  ) -> Running {
    now.withLock {
      ($0.interrupt, $0.kill, $0.wasInterrupted) = (interrupt, kill, false)
    }
    return Running(signals: self)
  }

  /// What is done where a line is given up.
  func whenIdle(_ body: @escaping @Sendable () -> Void) { now.withLock { $0.idle = body } }

  /// Whether lines were given up since it was asked last.
  func takeIdle() -> Bool {
    now.withLock { now in
      defer { now.idleCount = 0 }
      return now.idleCount > 0
    }
  }

  fileprivate func came(_ number: Int32) {
    let (action, isIdle): ((@Sendable () async -> Void)?, (@Sendable () -> Void)?) = now.withLock {
      now in
      if number != SIGINT {
        now.isEnding = true
        if now.kill == nil { Interruption.end(by: number) }
        return (now.kill, nil)
      }
      guard let interrupt = now.interrupt else {
        now.idleCount += 1
        return (nil, now.idle)
      }
      defer { now.wasInterrupted = true }
      return (now.wasInterrupted ? now.kill : interrupt, nil)
    }
    isIdle?()
    // A person at a terminal may press it again at any time: it is not waited for.
    if let action { Task { await action() } }
  }
}

/// Hears the signals as long as it is held.
final class SignalWatch {
  // Kept, because a source that is let go hears nothing.
  private let sources: [any DispatchSourceSignal]

  init(_ signals: ReplSignals) {
    sources = [SIGINT, SIGTERM, SIGHUP].map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler { signals.came(number) }
      source.resume()
      return source
    }
  }

  func stop() { sources.forEach { $0.cancel() } }
}
