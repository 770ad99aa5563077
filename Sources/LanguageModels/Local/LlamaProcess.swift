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

/// One running server process: kept alive by nothing but this object's task, ended with it, and
/// ended by the keeper script when Stet itself is gone.
final class LlamaProcess: Sendable {
  /// How it ended.
  struct End: Sendable, Equatable {
    enum How: Sendable, Equatable {
      case exited(Int)
      case killed(signal: Int)
      case notStarted(String)
    }
    var how: How
    /// The end of what it printed.
    var tail: String
  }

  private struct State {
    var processID: Int?
    var tail = OutputTail()
    var end: End?
  }

  private let state: Mutex<State>
  private let task: Mutex<Task<Void, Never>?>

  init(arguments: [String], environment: [String: String], folder: String) {
    state = Mutex(State())
    task = Mutex(nil)
    let run = Task { [self] in
      await self.run(arguments: arguments, environment: environment, folder: folder)
    }
    task.withLock { $0 = run }
  }

  /// Of the keeper, which leads the session and the process group of the server.
  var processID: Int? { state.withLock { $0.processID } }
  /// `nil` while it runs.
  var end: End? { state.withLock { $0.end } }
  var tail: String { state.withLock { $0.tail.text } }

  /// Asks the server to end, and makes it after two seconds. Returns when it has.
  func stop() async {
    let run = task.withLock { $0 }
    run?.cancel()
    await run?.value
  }

  private func run(arguments: [String], environment: [String: String], folder: String) async {
    var options = PlatformOptions()
    options.createSession = true
    // The keeper is asked first: it waits for the server, so that with it everything is gone.
    options.teardownSequence = [
      .gracefulShutDown(toProcessGroup: false, allowedDurationToNextStep: .seconds(2)),
      .send(signal: .kill, toProcessGroup: true, allowedDurationToNextStep: .zero),
    ]
    var how: End.How
    do {
      // The input is never written to: that it stays open is what keeps the server alive.
      let result = try await Subprocess.run(
        .path("/bin/sh"), arguments: Arguments(["-c", LlamaScripts.keeper, "stet"] + arguments),
        environment: .exactly(environment), workingDirectory: FilePath(folder),
        platformOptions: options, input: .inputWriter, output: .sequence,
        error: .combinedWithOutput
      ) { execution in
        state.withLock { $0.processID = Int(execution.processIdentifier.value) }
        for try await buffer in execution.standardOutput {
          buffer.withUnsafeBytes { bytes in state.withLock { $0.tail.append(bytes) } }
        }
      }
      switch result.terminationStatus {
      // A shell tells of a signal by adding 128.
      case .exited(let code) where code > 128: how = .killed(signal: Int(code) - 128)
      case .exited(let code): how = .exited(Int(code))
      case .signaled(let signal): how = .killed(signal: Int(signal))
      }
    } catch is CancellationError {
      how = .killed(signal: Int(SIGTERM))
    } catch {
      how = .notStarted("\(error)")
    }
    state.withLock { $0.end = End(how: how, tail: $0.tail.text) }
  }
}

/// A port on the loopback interface that is free at this moment.
func freeLoopbackPort() -> Int? {
  #if canImport(Glibc)
    let kind = CInt(SOCK_STREAM.rawValue)
  #else
    let kind = SOCK_STREAM
  #endif
  let handle = socket(AF_INET, kind, 0)
  guard handle >= 0 else { return nil }
  defer { close(handle) }
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
  var length = socklen_t(MemoryLayout<sockaddr_in>.size)
  let bound = withUnsafeMutablePointer(to: &address) { pointer in
    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      bind(handle, $0, length) == 0 && getsockname(handle, $0, &length) == 0
    }
  }
  return bound ? Int(UInt16(bigEndian: address.sin_port)) : nil
}

/// The processors that the system has switched on.
func processorCount() -> Int { max(1, Int(sysconf(CInt(_SC_NPROCESSORS_ONLN)))) }
