import Synchronization

/// Rung when jobs may be due, so that a worker of this process looks at once.
public final class JobSignal: Sendable {
  private struct State {
    var listeners: [Int: @Sendable () -> Void] = [:]
    var next = 0
  }

  private let state = Mutex(State())

  public init() {}

  public func ring() { ring(except: nil) }

  /// - Parameter sender: the listener that heard it elsewhere and is not told of it again.
  public func ring(except sender: Int?) {
    let listeners = state.withLock { state in
      state.listeners.filter { $0.key != sender }.map(\.value)
    }
    for listener in listeners { listener() }
  }

  /// - Returns: what `remove` takes.
  public func add(_ listener: @escaping @Sendable () -> Void) -> Int {
    state.withLock { state in
      state.next += 1
      state.listeners[state.next] = listener
      return state.next
    }
  }

  public func remove(_ number: Int) {
    state.withLock { $0.listeners[number] = nil }
  }
}

/// A bell that many may ring and many wait for. A ring is never lost: who read `count` before it
/// does not wait.
final class Bell: Sendable {
  private struct State {
    var count = 0
    var next = 0
    var waiters: [Int: Waiter] = [:]
  }

  /// One that waits, or is over before it began to.
  private final class Waiter: Sendable {
    private enum Stage {
      case new
      case waiting(CheckedContinuation<Void, Never>)
      case over
    }

    private let stage = Mutex(Stage.new)

    func wait() async {
      await withCheckedContinuation { continuation in
        let isOver = stage.withLock { stage in
          if case .over = stage { return true }
          stage = .waiting(continuation)
          return false
        }
        if isOver { continuation.resume() }
      }
    }

    func end() {
      let waiting = stage.withLock { stage in
        defer { stage = .over }
        return stage
      }
      if case .waiting(let continuation) = waiting { continuation.resume() }
    }
  }

  private let state = Mutex(State())

  var count: Int { state.withLock(\.count) }

  func ring() {
    let waiters = state.withLock { state in
      state.count += 1
      defer { state.waiters = [:] }
      return Array(state.waiters.values)
    }
    for waiter in waiters { waiter.end() }
  }

  /// Returns when the bell has rung more than `count` times, after `limit`, or when cancelled.
  func wait(past count: Int, atMost limit: Duration) async {
    if self.count > count || limit <= .zero { return }
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.wait(past: count) }
      group.addTask { try? await Task.sleep(for: limit) }
      await group.next()
      group.cancelAll()
    }
  }

  private func wait(past count: Int) async {
    let waiter = Waiter()
    let number: Int? = state.withLock { state in
      if state.count > count { return nil }
      state.next += 1
      state.waiters[state.next] = waiter
      return state.next
    }
    guard let number else { return }
    await withTaskCancellationHandler {
      await waiter.wait()
    } onCancel: {
      waiter.end()
    }
    state.withLock { $0.waiters[number] = nil }
  }
}
