import Dispatch
import Domain
import Subprocess
import Synchronization
import SystemPackage

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// One running training program: watched for time and memory, asked to end before it is made to,
/// and gone when Stet is.
final class TrainerProcess: Sendable {
  struct Limits: Sendable {
    var time: Duration
    var memory: Int
    /// Between the asking and the making: for a checkpoint.
    var patience: Duration
  }

  enum Reason: Sendable, Equatable { case cancelled, outOfTime, outOfMemory }

  enum End: Sendable, Equatable {
    case exited(Int)
    case killed(signal: Int)
    case notStarted(String)
  }

  private struct State {
    var processID: Int?
    var reason: Reason?
    var end: End?
  }

  private let state = Mutex(State())
  private let limits: Limits
  private let work = Mutex<Task<Void, Never>?>(nil)

  /// - Parameters:
  ///   - errors: the file that its standard error goes to, where it does not break into lines.
  ///   - take: given each line of standard output; called until the process has ended.
  init(
    arguments: [String], environment: [String: String], folder: String, errors: String,
    limits: Limits, take: @escaping @Sendable ([UInt8]) -> Void,
    ended: @escaping @Sendable () -> Void
  ) {
    self.limits = limits
    let run = Task {
      let watch = Task { await self.watch() }
      await self.run(arguments, environment, folder, errors, take)
      watch.cancel()
      ended()
    }
    work.withLock { $0 = run }
  }

  /// Asks the program to end, and makes it after a while.
  func stop(_ reason: Reason) {
    let processID = state.withLock { state -> Int? in
      guard state.reason == nil, state.end == nil else { return nil }
      state.reason = reason
      return state.processID
    }
    if let processID { end(processID, reason) }
  }

  private func end(_ processID: Int, _ reason: Reason) {
    // The keeper passes it on to the program.
    kill(pid_t(processID), SIGTERM)
    Task {
      let end = ContinuousClock.now + (reason == .outOfMemory ? .seconds(2) : limits.patience)
      while ContinuousClock.now < end, self.state.withLock({ $0.end == nil }) {
        try? await Task.sleep(for: .milliseconds(100))
      }
      if self.state.withLock({ $0.end == nil }) { kill(-pid_t(processID), SIGKILL) }
    }
  }

  /// Waits until it has ended, also where the caller is cancelled.
  func finished() async -> (end: End, reason: Reason?) {
    await work.withLock { $0 }?.value
    return state.withLock { ($0.end ?? .notStarted("unknown"), $0.reason) }
  }

  private func run(
    _ arguments: [String], _ environment: [String: String], _ folder: String, _ errors: String,
    _ take: @escaping @Sendable ([UInt8]) -> Void
  ) async {
    var options = PlatformOptions()
    options.createSession = true
    // `exec` keeps one process, so that the keeper's signals reach the program itself.
    let redirected = ["/bin/sh", "-c", "exec \"$@\" 2>\"$0\"", errors] + arguments
    let end: End
    do {
      // The input is never written to: that it stays open is what lets the program run.
      let result = try await Subprocess.run(
        .path("/bin/sh"), arguments: Arguments(["-c", LlamaScripts.keeper, "stet"] + redirected),
        environment: .exactly(environment), workingDirectory: FilePath(folder),
        platformOptions: options, input: .inputWriter, output: .sequence, error: .discarded
      ) { execution in
        let processID = Int(execution.processIdentifier.value)
        let asked = self.state.withLock { state in
          state.processID = processID
          return state.reason
        }
        if let asked { self.end(processID, asked) }
        var lines = LineCutter()
        for try await buffer in execution.standardOutput {
          buffer.withUnsafeBytes { for line in lines.feed($0) { take(line) } }
        }
        if let line = lines.rest { take(line) }
      }
      end =
        switch result.terminationStatus {
        case .exited(let code) where code > 128: .killed(signal: Int(code) - 128)
        case .exited(let code): .exited(Int(code))
        case .signaled(let signal): .killed(signal: Int(signal))
        }
    } catch {
      end = .notStarted("\(error)")
    }
    state.withLock { $0.end = end }
  }

  private func watch() async {
    let end = ContinuousClock.now + limits.time + limits.patience
    while !Task.isCancelled {
      guard (try? await Task.sleep(for: .milliseconds(500))) != nil else { return }
      guard let processID = state.withLock({ $0.processID }) else { continue }
      if ContinuousClock.now > end { stop(.outOfTime) }
      if let used = ProcessMemory.resident(session: processID), used > limits.memory {
        stop(.outOfMemory)
      }
    }
  }
}

/// Cuts output into lines; one that is too long is let go.
struct LineCutter {
  private var bytes: [UInt8] = []
  private var tooLong = false

  mutating func feed(_ more: UnsafeRawBufferPointer) -> [[UInt8]] {
    var lines: [[UInt8]] = []
    var start = 0
    for (place, byte) in more.enumerated() where byte == UInt8(ascii: "\n") {
      bytes += more[start..<place]
      if !tooLong { lines.append(bytes) }
      bytes = []
      tooLong = false
      start = place + 1
    }
    bytes += more[start...]
    if bytes.count > TrainerEvent.longestLine {
      bytes = []
      tooLong = true
    }
    return lines
  }

  var rest: [UInt8]? { bytes.isEmpty || tooLong ? nil : bytes }
}

/// What processes hold in memory. Linux tells it in files; elsewhere it is not known.
enum ProcessMemory {
  /// Bytes that all processes of a session hold together, shared pages counted for each.
  static func resident(session: Int) -> Int? {
    #if os(Linux)
      guard session > 0 else { return nil }
      let page = Int(sysconf(CInt(_SC_PAGESIZE)))
      var sum = 0
      for name in StoredFile.names(in: "/proc") where name.utf8.first.map(isDigit) == true {
        guard let bytes = StoredFile.read("/proc/\(name)/stat") else { continue }
        // The program's own name may hold anything, a bracket too: fields count from the last.
        let text = String(decoding: bytes, as: UTF8.self)
        guard let end = text.lastIndex(of: ")") else { continue }
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 21, Int(fields[3]) == session, let pages = Int(fields[21]) else {
          continue
        }
        sum += pages * page
      }
      return sum
    #else
      return nil
    #endif
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
}
