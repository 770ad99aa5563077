import Domain
import Logging
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A process of the sandbox: a nursery, or a single run. Killed with all beneath it when nothing
/// holds it any more.
final class SandboxProcess: Sendable {
  let process: pid_t
  private let thread: SocketThread
  /// What it had to say of itself, on standard error.
  let errors: Listener
  private let grace: Duration
  private let onEnd: @Sendable () -> Void

  private init(
    process: pid_t, errors: Listener, thread: SocketThread, grace: Duration,
    onEnd: @escaping @Sendable () -> Void
  ) {
    self.process = process
    self.errors = errors
    self.thread = thread
    self.grace = grace
    self.onEnd = onEnd
  }

  deinit { thread.end(process, grace: grace, then: onEnd) }

  /// Starts a program with one end of a socket as its standard input. - Returns: the other end.
  /// - Parameters:
  ///   - grace: how long it may go on when it is no longer held.
  ///   - onEnd: called on the sandbox's thread once it is gone.
  static func start(
    _ words: [String], environment: [String: String] = [:], thread: SocketThread,
    grace: Duration = .zero, onEnd: @escaping @Sendable () -> Void
  ) async throws(SandboxError) -> (socket: Descriptor, process: SandboxProcess) {
    // The program's ends are closed here when this returns; held any longer, nobody would see the
    // end of the program.
    let pair = try SocketPair.make()
    var ends: [CInt] = [-1, -1]
    guard pipe(&ends) == 0 else { throw .noDescriptors }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    let errors = (reading: Descriptor(owning: ends[0]), writing: Descriptor(owning: ends[1]))
    let process = try await thread.start(
      ProcessStart(
        words: words, environment: environment, input: pair.theirs.number,
        error: errors.writing.number))
    withExtendedLifetime((pair, errors)) {}
    return (
      pair.ours,
      SandboxProcess(
        process: process, errors: Listener(errors.reading, thread: thread), thread: thread,
        grace: grace, onEnd: onEnd)
    )
  }
}

/// One nursery's process with the socket on which it is sent runs.
final class NurseryProcess: Sendable {
  private let control: RunChannel
  private let process: SandboxProcess
  private let thread: SocketThread

  init(control: RunChannel, process: SandboxProcess, thread: SocketThread) {
    self.control = control
    self.process = process
    self.thread = thread
  }

  deinit { control.cut() }

  /// Whoever holds it still learns by its next run that it has ended.
  func close() { control.cut() }

  var isOpen: Bool { control.isOpen }
  var lastLine: String { process.errors.lastLine }
  var processID: pid_t { process.process }

  /// Asks for one run, which will say on its socket when it is ready.
  func open() throws(SandboxError) -> RunChannel {
    let pair = try SocketPair.make()
    guard control.descriptor.passes(pair.theirs.number) else {
      throw SandboxError(code: .lost, detail: "The sandbox's interpreter has ended.")
    }
    return RunChannel(pair.ours, thread: thread, owner: self)
  }
}

/// The warm interpreter of one image, with a few runs that stand ready.
actor Nursery {
  private let start: @Sendable () async throws(SandboxError) -> NurseryProcess
  private let standbyCount: Int
  private let logger: Logger
  private var current: NurseryProcess?
  private var starting: Task<Result<NurseryProcess, SandboxError>, Never>?
  private var standbys: [RunChannel] = []

  /// - Parameter current: one that runs already.
  init(
    standbys: Int, logger: Logger, current: NurseryProcess? = nil,
    start: @escaping @Sendable () async throws(SandboxError) -> NurseryProcess
  ) {
    self.start = start
    self.current = current
    standbyCount = standbys
    self.logger = logger
  }

  /// A run that is ready, or soon will be.
  func take() async throws(SandboxError) -> RunChannel {
    let process = try await running()
    while !standbys.isEmpty {
      let standby = standbys.removeFirst()
      if standby.isOpen { return standby }
      standby.cut()
    }
    do throws(SandboxError) {
      return try process.open()
    } catch {
      retire(process)
      throw error
    }
  }

  /// Makes up for what was taken.
  func refill() {
    guard let current, current.isOpen else { return }
    while standbys.count < standbyCount, let standby = try? current.open() {
      standbys.append(standby)
    }
  }

  /// Uses a process no longer that lost a run. What it runs still may come to its end.
  func retire(_ process: NurseryProcess) {
    guard current === process else { return }
    logger.warning("a nursery was given up", metadata: ["said": "\(process.lastLine)"])
    drop()
  }

  func stop() {
    drop()
  }

  var processID: pid_t? { current?.processID }

  private func drop() {
    for standby in standbys { standby.cut() }
    standbys = []
    current?.close()
    current = nil
  }

  private func running() async throws(SandboxError) -> NurseryProcess {
    if let current {
      if current.isOpen { return current }
      retire(current)
    }
    let task =
      starting
      ?? Task { [start] in
        do throws(SandboxError) {
          return .success(try await start())
        } catch {
          return .failure(error)
        }
      }
    starting = task
    let outcome = await task.value
    if starting == task {
      starting = nil
      current = try? outcome.get()
    }
    return try outcome.get()
  }
}
