public import Domain
import Foundation
import Subprocess
import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// One program to run. Nothing reaches it but what is written here.
public struct Command: Sendable {
  /// An absolute path, or a name that is looked up in the absolute folders of the `PATH` of
  /// `environment`.
  public var executable: String
  public var arguments: [String]
  /// The whole environment of the program; nothing is inherited.
  public var environment: [String: String]
  /// Where it starts; `nil` is the folder of this process.
  public var workingFolder: String?
  public var input: [UInt8]
  /// Wall clock from start to end, after which its process group is killed.
  public var timeout: Duration
  /// More on standard output is an error, because a cut answer must not pass for a whole one.
  public var outputLimit: ByteCount
  /// More on standard error is read and thrown away.
  public var errorLimit: ByteCount

  public init(
    _ executable: String, _ arguments: [String] = [], environment: [String: String] = [:],
    workingFolder: String? = nil, input: [UInt8] = [], timeout: Duration = .seconds(60),
    outputLimit: ByteCount = .mebibytes(16), errorLimit: ByteCount = ByteCount(64 << 10)
  ) {
    self.executable = executable
    self.arguments = arguments
    self.environment = environment
    self.workingFolder = workingFolder
    self.input = input
    self.timeout = timeout
    self.outputLimit = outputLimit
    self.errorLimit = errorLimit
  }
}

/// What a program that came to its end left behind.
public struct CommandResult: Sendable, Equatable {
  public enum Status: Sendable, Equatable {
    case exited(Int32)
    case signaled(Int32)
  }
  public var status: Status
  public var output: [UInt8]
  public var error: [UInt8]

  public var succeeded: Bool { status == .exited(0) }
  /// Standard error as text; bytes that are not UTF-8 become U+FFFD.
  public var errorText: String { String(decoding: error, as: UTF8.self) }
}

/// Why a program did not come to an end of its own.
public struct CommandError: Error, Sendable, Equatable {
  public enum Code: String, Sendable {
    case notFound = "not_found"
    case notStarted = "not_started"
    case timedOut = "timed_out"
    case outputTooLarge = "output_too_large"
    case cancelled
  }
  public var code: Code
  public var detail: String

  public init(code: Code, detail: String) {
    self.code = code
    self.detail = detail
  }
}

/// Runs programs in a session of their own, bounded in time and output, and leaves none behind.
///
/// It isolates nothing: whoever runs a program on untrusted input wraps it in `Isolation` or sees
/// to it that the program executes nothing of that input.
public struct CommandRunner: Sendable {
  public init() {}

  /// Runs to the end. A non-zero exit status is a result, not an error.
  ///
  /// Whatever the program started in its process group is killed when it ends, however it ends.
  public func run(_ command: Command) async throws(CommandError) -> CommandResult {
    BrokenPipes.areErrors()
    do {
      let ran = try await Subprocess.run(
        try Self.configuration(command), input: .inputWriter, output: .sequence, error: .sequence
      ) { execution in
        await Self.attend(execution, command)
      }
      let attended = ran.closureResult
      if let failure = attended.failure {
        throw CommandError(
          code: failure, detail: Self.sentence(failure, command))
      }
      let status: CommandResult.Status =
        switch ran.terminationStatus {
        case .exited(let code): .exited(code)
        case .signaled(let signal): .signaled(signal)
        }
      return CommandResult(status: status, output: attended.output, error: attended.error)
    } catch let error as CommandError {
      throw error
    } catch let error as SubprocessError {
      let code: CommandError.Code = error.code == .executableNotFound ? .notFound : .notStarted
      throw CommandError(
        code: code, detail: "\(command.executable) could not be run: \(error.description)")
    } catch {
      throw CommandError(
        code: .notStarted, detail: "\(command.executable) could not be run: \(error)")
    }
  }

  static func configuration(
    _ command: Command
  ) throws(CommandError) -> Subprocess.Configuration {
    // The library would start a process for each folder that lacks the program, some milliseconds
    // each, and would look into relative ones, which could be the checkout's.
    let file =
      command.executable.hasPrefix("/")
      ? command.executable
      : Isolation.find(command.executable, path: command.environment["PATH"])
    guard let file else {
      throw CommandError(
        code: .notFound,
        detail: "\(command.executable) could not be run: it is in no folder of PATH.")
    }
    var options = PlatformOptions()
    options.createSession = true
    options.teardownSequence = [
      .send(signal: .kill, toProcessGroup: true, allowedDurationToNextStep: .milliseconds(10))
    ]
    let environment = Dictionary(
      uniqueKeysWithValues: command.environment.compactMap { name, value in
        Environment.Key(rawValue: name).map { ($0, value) }
      })
    return Subprocess.Configuration(
      executable: .path(FilePath(file)),
      arguments: Arguments(command.arguments), environment: .custom(environment),
      workingDirectory: command.workingFolder.map { FilePath($0) }, platformOptions: options)
  }

  private static func sentence(_ code: CommandError.Code, _ command: Command) -> String {
    switch code {
    case .timedOut:
      "\(command.executable) did not end within \(command.timeout) and was stopped."
    case .outputTooLarge:
      "\(command.executable) printed more than \(command.outputLimit.value) bytes and was stopped."
    case .cancelled: "\(command.executable) was stopped because its result was no longer wanted."
    case .notFound, .notStarted: "\(command.executable) could not be run."
    }
  }

  private struct Attended: Sendable {
    var output: [UInt8] = []
    var error: [UInt8] = []
    var failure: CommandError.Code?
  }

  private enum Event: Sendable {
    case output([UInt8], whole: Bool)
    case error([UInt8])
    case written
    case ended
    case deadline
    case cancelled
  }

  private typealias Started = Execution<CustomWriteInput, SequenceOutput, SequenceOutput>

  /// Feeds and reads a started program until it has ended and both its outputs are read.
  private static func attend(_ execution: Started, _ command: Command) async -> Attended {
    let process = execution.processIdentifier.value
    return await withTaskGroup(of: Event.self) { group in
      group.addTask {
        await read(execution.standardOutput, limit: command.outputLimit.value, stopAtLimit: true)
      }
      group.addTask {
        await read(execution.standardError, limit: command.errorLimit.value, stopAtLimit: false)
      }
      group.addTask {
        // A program that does not read its input to the end is no failure of ours.
        if !command.input.isEmpty {
          _ = try? await execution.standardInputWriter.write(command.input)
        }
        try? await execution.standardInputWriter.finish()
        return .written
      }
      group.addTask {
        do {
          try await Task.sleep(for: command.timeout)
          return .deadline
        } catch {
          return .cancelled
        }
      }

      var attended = Attended()
      var open = 2
      func stop(_ reason: CommandError.Code) {
        if attended.failure == nil { attended.failure = reason }
        killGroup(process)
      }
      while let event = await group.next() {
        switch event {
        case .output(let bytes, let whole):
          attended.output = bytes
          if !whole { stop(.outputTooLarge) }
          open -= 1
        case .error(let bytes):
          attended.error = bytes
          open -= 1
        case .written: continue
        case .deadline: stop(.timedOut)
        case .cancelled: stop(.cancelled)
        case .ended:
          // The leader is a zombie still, so its group's number cannot belong to anyone else.
          killGroup(process)
          group.cancelAll()
          return attended
        }
        if open == 0 {
          open = -1
          group.addTask {
            await untilEnded(process)
            return .ended
          }
        }
      }
      return attended
    }
  }

  private static func read(
    _ stream: SubprocessOutputSequence, limit: Int, stopAtLimit: Bool
  ) async -> Event {
    var collected: [UInt8] = []
    do {
      for try await buffer in stream {
        let room = limit - collected.count
        buffer.withUnsafeBytes { bytes in
          collected.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes.prefix(max(0, room))))
        }
        if stopAtLimit, buffer.count > room { return .output(collected, whole: false) }
      }
    } catch {
      // The descriptor is cut when the group was killed; what was read before stands.
    }
    return stopAtLimit ? .output(collected, whole: true) : .error(collected)
  }

  /// Waits until the child is a zombie, without reaping it. It has closed both its outputs, so it
  /// is most often there at the first look.
  private static func untilEnded(_ process: pid_t) async {
    var pause = Duration.microseconds(200)
    while !hasEnded(process) {
      // A cancelled wait only means that the caller has gone; the group was killed already.
      do { try await Task.sleep(for: pause) } catch { await Task.yield() }
      pause = min(pause * 2, .milliseconds(20))
    }
  }

  private static func hasEnded(_ process: pid_t) -> Bool {
    var info = siginfo_t()
    let answer = waitid(P_PID, id_t(process), &info, WEXITED | WNOWAIT | WNOHANG)
    if answer != 0 { return errno != EINTR }
    return info.si_signo == SIGCHLD
  }

  static func killGroup(_ process: pid_t) {
    _ = kill(-process, SIGKILL)
  }
}

/// A child that closes its standard input early would otherwise end this whole process, because
/// the library that writes to the pipe leaves SIGPIPE as it finds it. Children start with the
/// default action again.
enum BrokenPipes {
  private static let once: Void = { _ = signal(SIGPIPE, SIG_IGN) }()

  static func areErrors() { _ = once }
}
