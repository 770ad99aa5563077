import Foundation

/// A folder of its own that goes when the test ends.
final class TemporaryFolder: Sendable {
  let path: String

  init() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "stet-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    path = folder.path
  }
  deinit { try? FileManager.default.removeItem(atPath: path) }

  @discardableResult
  func write(_ text: String, to name: String, mode: Int = 0o600) throws -> String {
    let file = "\(path)/\(name)"
    let folder = URL(filePath: file).deletingLastPathComponent().path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try Data(text.utf8).write(to: URL(filePath: file))
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
    return file
  }
}

/// The built program, run as a user runs it.
struct ProgramRunning {
  struct Result {
    var status: Int32
    var output: String
    var error: String
  }

  /// Beside the tests' own executable, where SwiftPM puts both.
  static let program: String = {
    let link = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let own = URL(filePath: link ?? CommandLine.arguments[0])
    return own.deletingLastPathComponent().appending(path: "stet").path
  }()

  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  func run(
    _ arguments: [String], environment: [String: String] = [:], output: String? = nil
  ) throws -> Result {
    let redirect = output.map { " > \($0)" } ?? ""
    return try shell(
      "exec \"$0\" \"$@\"\(redirect)", [Self.program] + arguments, environment: environment)
  }

  /// Runs a shell line; `$0` and so on are the arguments.
  func shell(
    _ line: String, _ arguments: [String], environment: [String: String] = [:]
  ) throws -> Result {
    let process = Process()
    process.executableURL = URL(filePath: "/bin/bash")
    process.arguments = ["-c", line] + arguments
    let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
    process.environment = ["HOME": folder.path, "PATH": path].merging(environment) { $1 }
    process.currentDirectoryURL = URL(filePath: folder.path)
    // Files rather than pipes: they take any amount while nobody reads.
    let out = try folder.write("", to: "stdout")
    let err = try folder.write("", to: "stderr")
    process.standardOutput = FileHandle(forWritingAtPath: out)
    process.standardError = FileHandle(forWritingAtPath: err)
    process.standardInput = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    return Result(
      status: process.terminationStatus, output: try String(contentsOfFile: out, encoding: .utf8),
      error: try String(contentsOfFile: err, encoding: .utf8))
  }
}
