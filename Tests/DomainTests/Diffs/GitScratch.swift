import Foundation
import Testing

@testable import Domain

/// A folder of its own in which git runs with no settings of the machine.
final class GitScratch {
  let folder: URL

  init() throws {
    folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("stet-diffs-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  func write(_ bytes: [UInt8], to name: String) throws {
    let file = folder.appendingPathComponent(name)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: file)
  }

  func read(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: folder.appendingPathComponent(name)))
  }

  /// What git printed; its exit status is not looked at, because `diff --no-index` fails by design.
  @discardableResult
  func git(_ arguments: String...) throws -> [UInt8] { try git(arguments) }

  @discardableResult
  func git(_ arguments: [String]) throws -> [UInt8] {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["git"] + arguments
    process.currentDirectoryURL = folder
    var environment = ProcessInfo.processInfo.environment
    for key in environment.keys where key.hasPrefix("GIT_") { environment[key] = nil }
    environment["GIT_CONFIG_GLOBAL"] = "/dev/null"
    environment["GIT_CONFIG_SYSTEM"] = "/dev/null"
    for role in ["AUTHOR", "COMMITTER"] {
      environment["GIT_\(role)_NAME"] = "a"
      environment["GIT_\(role)_EMAIL"] = "a@example.org"
      environment["GIT_\(role)_DATE"] = "2026-01-01T00:00:00Z"
    }
    process.environment = environment
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    let data = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return [UInt8](data)
  }
}

/// Random numbers that are the same at every run, so that a failure can be looked at again.
struct SeededNumbers: RandomNumberGenerator {
  private var state: UInt64

  init(_ seed: Int) { state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 &+ 1 }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }
}

/// Texts that make diffs hard: few different lines, lines that look like headers, odd endings.
enum RandomText {
  private static let lines: [String] = [
    "", "{", "}", "  return x", "-- a", "++ b", "-- ", "@@ -1,2 +3,4 @@", "diff --git a/x b/x",
    "\\ No newline at end of file", "\tcafé", "a", "b", "c", "d\r", "--- a/x", "+++ b/x",
    "index 1..2",
  ]

  static func text(_ random: inout SeededNumbers, upTo count: Int = 30) -> [UInt8] {
    var bytes: [UInt8] = []
    for _ in 0..<Int.random(in: 0...count, using: &random) {
      bytes.append(contentsOf: (lines.randomElement(using: &random) ?? "").utf8)
      if Int.random(in: 0..<12, using: &random) == 0 { bytes.append(0xff) }
      bytes.append(10)
    }
    if Int.random(in: 0..<4, using: &random) == 0, bytes.last == 10 { bytes.removeLast() }
    return bytes
  }

  /// The text with a few lines removed, changed and added.
  static func edit(_ text: [UInt8], _ random: inout SeededNumbers) -> [UInt8] {
    let lines = TextLines(text)
    var bytes: [UInt8] = []
    for index in 0..<lines.count {
      switch Int.random(in: 0..<12, using: &random) {
      case 0: break
      case 1: bytes.append(contentsOf: Self.text(&random, upTo: 3))
      case 2:
        bytes.append(contentsOf: Self.text(&random, upTo: 2))
        bytes.append(contentsOf: lines[index])
      default: bytes.append(contentsOf: lines[index])
      }
      if bytes.last != 10, index + 1 < lines.count { bytes.append(10) }
    }
    return bytes
  }
}

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }
