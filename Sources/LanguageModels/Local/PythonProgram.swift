import Subprocess
import SystemPackage

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Finds programs for the local models: only under absolute folders of `PATH`, because the working
/// folder may be a hostile checkout with a program of the same name in it.
enum ProgramSearch {
  static func find(_ name: String, environment: [String: String]) -> String? {
    for folder in (environment["PATH"] ?? "").split(separator: ":") where folder.hasPrefix("/") {
      let path = "\(folder)/\(name)"
      if StoredFile.identity(of: path) != nil, access(path, X_OK) == 0 { return path }
    }
    return nil
  }
}

/// The user's own Python with the user's own settings of pip: mirrors, proxies, certificates.
struct PythonProgram: Sendable {
  var path: String
  var environment: [String: String]

  /// - Throws: `pythonMissing`.
  init(environment: [String: String]) throws(LocalModelError) {
    guard let path = ProgramSearch.find("python3", environment: environment) else {
      throw LocalModelError(
        .pythonMissing,
        "Python 3 is needed for this and is not on the PATH. Install it, on Debian or Ubuntu with "
          + "`apt-get install python3 python3-pip python3-venv`.")
    }
    self.init(path: path, environment: environment)
  }

  private static let secretEndings = [
    "_API_KEY", "_TOKEN", "_SECRET", "_SECRET_KEY", "_PRIVATE_KEY", "_PASSWORD", "DATABASE_URL",
  ]

  init(path: String, environment: [String: String]) {
    self.path = path
    // Whatever installs packages runs code of theirs: it is shown no keys.
    self.environment = environment.filter { name, _ in
      !Self.secretEndings.contains { name.uppercased().hasSuffix($0) }
    }
  }

  struct Outcome {
    var succeeded: Bool
    /// The last 8 KiB of both outputs together.
    var tail: String
  }

  /// Runs Python to its end in `folder`, which must be one that only Stet writes to: Python looks
  /// for modules there first. Cancelling ends the process and its children.
  func run(
    _ arguments: [String], in folder: String, limit: Duration
  ) async throws(LocalModelError) -> Outcome {
    var tail = OutputTail()
    let ended = try await stream(arguments, in: folder, limit: limit, errors: .combinedWithOutput) {
      tail.append($0)
    }
    return Outcome(succeeded: ended, tail: tail.text)
  }

  /// Runs Python to its end and hands on its standard output as it comes.
  /// - Returns: whether the exit status was 0.
  /// - Throws: what `take` throws; `installFailed` when it cannot be started or takes longer than
  ///   `limit`; `cancelled`.
  func stream<Errors: ErrorOutputProtocol>(
    _ arguments: [String], in folder: String, limit: Duration, errors: Errors,
    take: (UnsafeRawBufferPointer) throws -> Void
  ) async throws(LocalModelError) -> Bool {
    var options = PlatformOptions()
    options.createSession = true
    options.teardownSequence = [
      .gracefulShutDown(toProcessGroup: true, allowedDurationToNextStep: .seconds(2))
    ]
    do {
      let result = try await Subprocess.run(
        .path(FilePath(path)), arguments: Arguments(arguments),
        environment: .exactly(environment),
        workingDirectory: FilePath(folder), platformOptions: options, input: .none,
        output: .sequence, error: errors
      ) { execution in
        let alarm = Task {
          try await Task.sleep(for: limit)
          try execution.send(signal: .kill, toProcessGroup: true)
        }
        defer { alarm.cancel() }
        for try await buffer in execution.standardOutput {
          try buffer.withUnsafeBytes { try take($0) }
        }
      }
      try Task.checkCancellation()
      return result.terminationStatus.isSuccess
    } catch let error as LocalModelError {
      throw error
    } catch {
      if Task.isCancelled { throw LocalModelError(.cancelled, "Interrupted while Python ran.") }
      throw LocalModelError(.installFailed, "Could not run \(path): \(error).")
    }
  }
}

extension Environment {
  static func exactly(_ values: [String: String]) -> Environment {
    .custom(values.map { Array("\($0)=\($1)\0".utf8) })
  }
}

/// The end of a program's output, at most 8 KiB of it however long it runs.
struct OutputTail: Sendable {
  static let limit = 8192
  private var bytes: [UInt8] = []

  mutating func append(_ more: UnsafeRawBufferPointer) {
    bytes += more.suffix(Self.limit)
    if bytes.count > 2 * Self.limit { bytes.removeFirst(bytes.count - Self.limit) }
  }

  var text: String { String(decoding: bytes.suffix(Self.limit), as: UTF8.self) }

  /// The last line that is not blank and that `matches`, without control characters, at most 300
  /// characters of it.
  static func lastLine(of text: String, where matches: (Substring) -> Bool = { _ in true })
    -> String?
  {
    let lines = text.split { $0.isNewline }
    for line in lines.reversed() where matches(line) && line.contains(where: { !$0.isWhitespace }) {
      let clean = line.unicodeScalars.filter { $0.value >= 0x20 && $0.value != 0x7f }
      return String(String.UnicodeScalarView(clean).description.prefix(300))
    }
    return nil
  }
}
