import Domain
import Foundation
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Something with a descriptor that a `SocketThread` attends to.
protocol Attended: AnyObject, Sendable {
  var descriptor: CInt { get }
  /// What `poll` should look for; 0 leaves it alone for now.
  var interest: Int16 { get }
  /// When `expire` is to be called; `nil` where nothing is waited for.
  var deadline: ContinuousClock.Instant? { get }
  /// Reads and writes what can be without waiting. - Returns: `false` once there will be no more.
  func attend() -> Bool
  func expire()
  /// Called once, when it is attended to no longer.
  func leave()
}

/// One thread that carries all sockets of a sandbox and starts its processes, from the first of them
/// until `stop`.
///
/// The processes are to die with this one. Linux takes that to mean the thread that started them,
/// so it must not be one of a pool. Being woken once for each message, where a dispatch source is
/// twice, it also answers sooner.
final class SocketThread: Sendable {
  private struct State {
    var attended: [ObjectIdentifier: any Attended] = [:]
    var work: [@Sendable () -> Void] = []
    /// Processes that were told to end, with the moment at which they are killed.
    var ending: [pid_t: ContinuousClock.Instant] = [:]
    var running: Set<pid_t> = []
    /// Processes that were waited for, of whose groups others still run, with the moment at which
    /// those are given up.
    var leaving: [pid_t: ContinuousClock.Instant] = [:]
    var whenGone: [pid_t: @Sendable () -> Void] = [:]
    var onEmpty: [@Sendable () -> Void] = []
    var hasStarted = false
    var isStopping = false
    var isStopped = false
  }

  private let state = Mutex(State())
  private let bell: (reading: CInt, writing: CInt)
  /// How long the kernel may take to do away with what was killed.
  private static let patience = Duration.seconds(5)

  init() {
    BrokenPipes.areErrors()
    var ends: [CInt] = [-1, -1]
    // No pipe, which a program that runs bare could open in /proc and read empty.
    #if canImport(Darwin)
      _ = socketpair(AF_UNIX, SOCK_STREAM, 0, &ends)
    #else
      _ = socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends)
    #endif
    for end in ends {
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
    }
    bell = (ends[0], ends[1])
  }

  deinit {
    close(bell.reading)
    close(bell.writing)
  }

  /// Attends to a socket until it has ended.
  func add(_ attended: any Attended) {
    let isStopping = state.withLock { state in
      if !state.isStopping { state.attended[ObjectIdentifier(attended)] = attended }
      return state.isStopping
    }
    if isStopping {
      attended.leave()
    } else {
      startOnce()
      ring()
    }
  }

  private func startOnce() {
    let isFirst = state.withLock { state in
      defer { state.hasStarted = true }
      return !state.hasStarted
    }
    guard isFirst else { return }
    let thread = Thread { [self] in
      while turn() {}
    }
    thread.name = "stet.sandbox"
    thread.stackSize = 1 << 20
    thread.start()
  }

  /// Looks anew at what each wants.
  func ring() {
    var byte: UInt8 = 0
    _ = write(bell.writing, &byte, 1)
  }

  // MARK: - Processes

  /// Starts a program on this thread.
  func start(_ start: ProcessStart) async throws(SandboxError) -> pid_t {
    let outcome: Result<pid_t, SandboxError> = await withCheckedContinuation { reply in
      let isStopping = state.withLock { state in
        if !state.isStopping {
          state.work.append { [self] in
            let outcome = Result { () throws(SandboxError) in try start.spawn() }
            if case .success(let process) = outcome {
              self.state.withLock { state in
                state.running.insert(process)
                if state.isStopping { state.ending[process] = .now }
              }
            }
            reply.resume(returning: outcome)
          }
        }
        return state.isStopping
      }
      if isStopping {
        reply.resume(returning: .failure(.shutDown))
      } else {
        startOnce()
        ring()
      }
    }
    return try outcome.get()
  }

  /// Kills a process with its group after a while. - Parameter done: called when it is gone.
  func end(
    _ process: pid_t, grace: Duration = .zero, then done: @escaping @Sendable () -> Void = {}
  ) {
    let isGone = state.withLock { state in
      guard state.running.contains(process) else { return true }
      if grace == .zero { ProcessGroup.kill(process) }
      state.ending[process] = .now + grace
      state.whenGone[process] = done
      return false
    }
    if isGone { done() } else { ring() }
  }

  /// Ends the thread. - Returns: when every process that it started is gone.
  func stop() async {
    await withCheckedContinuation { reply in requestStop { reply.resume() } }
  }

  /// As `stop`, but waits for nothing. - Parameter done: called when every process is gone.
  func requestStop(then done: @escaping @Sendable () -> Void) {
    let isStopped = state.withLock { state in
      state.isStopping = true
      if !state.hasStarted { state.isStopped = true }
      if !state.isStopped { state.onEmpty.append(done) }
      for process in state.running { state.ending[process] = .now }
      return state.isStopped
    }
    if isStopped { done() } else { ring() }
  }

  // MARK: - The loop

  /// - Returns: `false` when the thread is to end.
  fileprivate func turn() -> Bool {
    let (work, attended, isDone) = state.withLock { state in
      defer { state.work = [] }
      return (
        state.work, Array(state.attended.values),
        state.isStopping && state.running.isEmpty && state.work.isEmpty
      )
    }
    if isDone {
      leaveAll()
      return false
    }
    for piece in work { piece() }
    let isReaping = reap()
    let now = ContinuousClock.now
    var wait: CInt = isReaping ? 10 : -1
    var places = [pollfd(fd: bell.reading, events: Int16(POLLIN), revents: 0)]
    places.reserveCapacity(attended.count + 1)
    for one in attended {
      // A negative number is passed over by poll.
      let interest = one.interest
      places.append(
        pollfd(fd: interest == 0 ? -1 : one.descriptor, events: interest, revents: 0))
      guard let deadline = one.deadline else { continue }
      let left = max(0, (deadline - now) / .milliseconds(1)) + 1
      if wait < 0 || left < Double(wait) { wait = CInt(min(left, 60_000)) }
    }
    guard poll(&places, nfds_t(places.count), work.isEmpty ? wait : 0) >= 0 else { return true }
    if places[0].revents != 0 {
      var bytes = [UInt8](repeating: 0, count: 64)
      while read(bell.reading, &bytes, bytes.count) == bytes.count {}
    }
    let later = ContinuousClock.now
    for (one, place) in zip(attended, places.dropFirst()) {
      if let deadline = one.deadline, deadline <= later { one.expire() }
      guard place.revents != 0, !one.attend() else { continue }
      state.withLock { _ = $0.attended.removeValue(forKey: ObjectIdentifier(one)) }
      one.leave()
    }
    return true
  }

  /// - Returns: whether processes are awaited still, or one has ended just now: whoever waits for
  /// the last of them is told in the next turn, and nothing else may ever ring for it.
  private func reap() -> Bool {
    let ending = state.withLock { $0.ending }
    guard !ending.isEmpty else { return false }
    let now = ContinuousClock.now
    var hasReaped = false
    for (process, deadline) in ending {
      if deadline <= now, !isLeaving(process) { ProcessGroup.kill(process) }
      guard hasGone(process, at: now) else { continue }
      let done = state.withLock { state in
        state.ending[process] = nil
        state.leaving[process] = nil
        state.running.remove(process)
        return state.whenGone.removeValue(forKey: process)
      }
      done?()
      hasReaped = true
    }
    return hasReaped || state.withLock { !$0.ending.isEmpty }
  }

  private func isLeaving(_ process: pid_t) -> Bool {
    state.withLock { $0.leaving[process] != nil }
  }

  /// Whether a process has ended with all of its group.
  private func hasGone(_ process: pid_t, at now: ContinuousClock.Instant) -> Bool {
    if let limit = state.withLock({ $0.leaving[process] }) {
      return ProcessGroup.isGone(process) || limit <= now
    }
    var status: CInt = 0
    let answer = waitpid(process, &status, WNOHANG)
    guard answer > 0 || answer < 0 && errno != EINTR else { return false }
    guard !ProcessGroup.isGone(process) else { return true }
    // It ended without being told to. What it leaves still holds its number, for the last time.
    ProcessGroup.kill(process)
    state.withLock { $0.leaving[process] = now + Self.patience }
    return false
  }

  private func leaveAll() {
    let (attended, waiting) = state.withLock { state in
      defer {
        state.attended = [:]
        state.onEmpty = []
        state.isStopped = true
      }
      return (Array(state.attended.values), state.onEmpty)
    }
    for one in attended { one.leave() }
    for done in waiting { done() }
  }
}
