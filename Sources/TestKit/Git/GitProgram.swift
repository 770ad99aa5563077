import Dispatch
import Foundation

/// Why git of a test's own repository failed.
public struct GitProgramFailure: Error, CustomStringConvertible {
  public var description: String
}

/// The machine's git, for repositories that tests make. It trusts what it reads.
struct GitProgram: Sendable {
  struct Outcome: Sendable {
    var status: Int32
    var output: [UInt8]
    var error: String
  }

  private static let queue = DispatchQueue(label: "testkit.git", attributes: .concurrent)

  static let environment: [String: String] = {
    var all = [
      "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/nonexistent", "LC_ALL": "C",
      "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null",
    ]
    for role in ["AUTHOR", "COMMITTER"] {
      all["GIT_\(role)_NAME"] = "Ada"
      all["GIT_\(role)_EMAIL"] = "ada@example.org"
    }
    return all
  }()

  /// Runs off the cooperative pool, since it blocks.
  static func run(
    _ arguments: [String], in folder: String, input: [UInt8] = [],
    environment: [String: String] = [:]
  ) async throws -> Outcome {
    try await withCheckedThrowingContinuation { reply in
      queue.async {
        reply.resume(
          with: Result {
            try runBlocking(arguments, in: folder, input: input, environment: environment)
          })
      }
    }
  }

  /// Standard output of a call that has to succeed.
  static func output(
    _ arguments: [String], in folder: String, input: [UInt8] = []
  ) async throws -> [UInt8] {
    let outcome = try await run(arguments, in: folder, input: input)
    guard outcome.status == 0 else {
      throw GitProgramFailure(
        description: "git \(arguments.joined(separator: " ")): \(outcome.error)")
    }
    return outcome.output
  }

  static func text(
    _ arguments: [String], in folder: String, input: [UInt8] = []
  ) async throws -> String {
    String(decoding: try await output(arguments, in: folder, input: input), as: UTF8.self)
      .trimmingCharacters(in: .whitespacesAndNewlines)
  }

  private static func runBlocking(
    _ arguments: [String], in folder: String, input: [UInt8], environment: [String: String]
  ) throws -> Outcome {
    // Files instead of pipes: no deadlock whatever it reads and prints.
    let base = NSTemporaryDirectory() + "/testkit-git-\(UUID().uuidString)"
    defer {
      for name in ["in", "out", "err"] { try? FileManager.default.removeItem(atPath: base + name) }
    }
    try Data(input).write(to: URL(fileURLWithPath: base + "in"))
    for name in ["out", "err"] { try Data().write(to: URL(fileURLWithPath: base + name)) }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["git"] + arguments
    process.environment = Self.environment.merging(environment) { $1 }
    process.currentDirectoryURL = URL(fileURLWithPath: folder)
    process.standardInput = try FileHandle(forReadingFrom: URL(fileURLWithPath: base + "in"))
    process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: base + "out"))
    process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: base + "err"))
    try process.run()
    process.waitUntilExit()
    let output = try Data(contentsOf: URL(fileURLWithPath: base + "out"))
    let error = try Data(contentsOf: URL(fileURLWithPath: base + "err"))
    return Outcome(
      status: process.terminationStatus, output: Array(output),
      error: String(decoding: error, as: UTF8.self))
  }
}
