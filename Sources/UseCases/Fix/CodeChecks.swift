import Domain
import Foundation

/// Runs what a Python text says of itself, and tests that were given with it, in the sandbox.
struct CodeChecks: Sendable {
  struct Check: Sendable, Hashable {
    /// From what the check says, not where it stands.
    var id: String
    /// As a person knows it.
    var name: String
    /// `nil` where it could not be tried, for want of a package.
    var passed: Bool?
    var message: String
  }

  enum Outcome: Sendable, Equatable {
    case ran([Check])
    /// The end of a sentence that begins "Its tests were not run: ".
    case notRun(String)
    /// The code ended the program, ran out of time, or tampered with its tests; and the tests that
    /// it was seen to have, as far as it could be read.
    case spoiled(String, [Check])
  }

  let sandbox: any CodeSandbox

  func run(
    _ text: [UInt8], given: [String], path: SourcePath?, time: Duration
  ) async throws(SandboxError) -> Outcome {
    let time = min(max(time, .milliseconds(100)), .seconds(10))
    var files = [SandboxFile("code.py", text)]
    for (number, text) in given.enumerated() {
      files.append(SandboxFile("given_\(number).txt", text: text))
    }
    let task = SandboxTask(
      .python(TrustedPython.program(PackageResources.code_checks_py)),
      image: Self.image(text, given), arguments: [Self.module(path)], files: files,
      limits: SandboxLimits(time: time, processorTime: time))
    let result: SandboxResult
    do {
      result = try await sandbox.run(task)
    } catch {
      guard error.code == .imageMissing else { throw error }
      return .notRun(
        "the image `\(task.image.rawValue)` is not prepared (`stet sandbox prepare "
          + "\(task.image.rawValue)`)")
    }
    let named = result.report?["checks"]?.array.map(Self.checks)
    let wrong = result.report?["error"]?.string
    if let named, wrong == nil { return .ran(named) }
    switch result.end {
    case .timedOut:
      return .spoiled("it did not end within \(Int(time / .seconds(1))) s", named ?? [])
    case .outOfMemory: return .spoiled("it took more memory than it may", named ?? [])
    default:
      let why = wrong.map { Self.shown($0, 400) }
      return .spoiled(why ?? "it ended the program before its tests had run", named ?? [])
    }
  }

  private static func checks(_ values: [JSONValue]) -> [Check] {
    values.prefix(1_000).compactMap { check in
      guard let id = check["id"]?.string, let name = check["name"]?.string else { return nil }
      var passed: Bool?
      if case .bool(let value)? = check["passed"] { passed = value }
      return Check(
        id: id, name: shown(name, 160), passed: passed,
        message: shown(check["message"]?.string ?? "", 400))
    }
  }

  private static func shown(_ text: String, _ limit: Int) -> String {
    Defanged.forTerminal(SecretMask.masked(text).text, oneLine: true, limit: limit)
  }

  private static func image(_ text: [UInt8], _ given: [String]) -> SandboxImage {
    let all = ([String(decoding: text, as: UTF8.self)] + given).joined(separator: "\n")
    func imports(_ package: String) -> Bool {
      all.contains("import \(package)") || all.contains("from \(package)")
    }
    if imports("pytest") || imports("hypothesis") { return .test }
    return imports("numpy") || imports("pandas") ? .data : .python
  }

  /// `src/app/stats.py` is what a test would import as `src.app.stats`, or as `stats`.
  private static func module(_ path: SourcePath?) -> String {
    guard let path, path.fileExtension == "py" else { return "code" }
    let parts = path.description.dropLast(3).split(separator: "/")
    let isName = parts.allSatisfy { part in
      part.first?.isNumber == false
        && part.unicodeScalars.allSatisfy {
          $0 == "_" || $0.properties.isAlphabetic || $0.value < 58 && $0.value > 47
        }
    }
    return isName && !parts.isEmpty ? parts.joined(separator: ".") : "code"
  }
}

/// Texts of a request that may be Python tests.
enum GivenTests {
  /// Fenced blocks, or the whole where it has none; those that hold nothing like a test are left out.
  static func texts(in words: String?) -> [String] {
    guard let words else { return [] }
    var blocks: [String] = []
    var open: [Substring]?
    for line in words.split(omittingEmptySubsequences: false, whereSeparator: \.endsLine) {
      let isFence = line.drop { $0 == " " }.hasPrefix("```")
      if isFence {
        if let lines = open { blocks.append(lines.joined(separator: "\n")) }
        open = open == nil ? [] : nil
      } else {
        open?.append(line)
      }
    }
    if let lines = open { blocks.append(lines.joined(separator: "\n")) }
    return (blocks.isEmpty ? [words] : blocks).filter(mayTest).prefix(5).map { $0 + "\n" }
  }

  private static func mayTest(_ text: String) -> Bool {
    text.contains("assert ") || text.contains("assert(") || text.contains(">>> ")
      || text.contains("def test")
  }
}
