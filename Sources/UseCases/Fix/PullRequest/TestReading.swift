import Domain
import Foundation

/// What one run of the tests came to, as far as its output tells.
struct TestReading: Sendable, Hashable {
  /// How many tests a run told of, in the words of pytest, unittest, jest and vitest.
  struct Counts: Sendable, Hashable {
    var ran = 0
    var skipped = 0
  }

  /// The command ended with status 0.
  var passed: Bool
  /// How it ended, in words: `status 1`.
  var ended: String
  var counts: Counts?
  /// The end of its output, harmless and without secrets.
  var tail: String
  var seconds: Double
  /// It ran for as long as it may.
  var isTimedOut: Bool
  /// All it wrote, to look for a word in.
  fileprivate var output: String

  init(_ result: SandboxResult) {
    passed = result.end == .exited(0)
    ended =
      switch result.end {
      case .exited(let status): "status \(status)"
      case .signaled(let signal): "signal \(signal)"
      case .timedOut: "no end within its time"
      case .outOfMemory: "too much memory"
      }
    isTimedOut = result.end == .timedOut
    output = result.outputText + "\n" + result.errorText
    counts = Self.counts(in: output)
    let masked = SecretMask.masked(HiddenText.stripped(output).text).text
    tail = Defanged.forTerminal(String(masked.suffix(6_000)), limit: 6_000)
    seconds = result.seconds
  }

  func tells(of word: String) -> Bool { output.contains(word) }

  /// `3 passed, 1 skipped` of pytest's last line that has them, or `Ran 3 tests` and `skipped=1`;
  /// `Tests: 1 failed, 4 passed, 5 total` of jest, `Tests  1 failed | 4 passed (5)` of vitest.
  static func counts(in output: String) -> Counts? {
    let lines = output.split(whereSeparator: \.isNewline)
    for line in lines.reversed() {
      var counts = Counts()
      var found = false
      let words = line.split { !$0.isLetter && !$0.isNumber }
      for (number, word) in zip(words, words.dropFirst()) {
        guard let number = Int(number) else { continue }
        switch word {
        case "passed", "failed", "xpassed":
          counts.ran += number
          found = true
        case "skipped", "xfailed", "deselected", "todo": counts.skipped += number
        case "error", "errors": found = true
        default: break
        }
      }
      let isSummary =
        line.contains(" in ") || line.contains("===") || words.first == "Tests"
      if found, isSummary { return counts }
    }
    for line in lines.reversed() where line.hasPrefix("Ran ") {
      let words = line.split(separator: " ")
      guard words.count >= 3, let ran = Int(words[1]), words[2].hasPrefix("test") else { continue }
      var counts = Counts(ran: ran)
      if let line = lines.last(where: { $0.contains("skipped=") }),
        let start = line.range(of: "skipped=")?.upperBound
      {
        counts.skipped = Int(line[start...].prefix(while: \.isNumber)) ?? 0
      }
      return counts
    }
    return nil
  }
}

/// A test that has to fail. Where the command finds it and says nothing of it, the command's word
/// that all tests passed is worth nothing: the code under test may have ended it early.
struct TestCanary: Sendable {
  /// A word of its own, by which its failure is known in the output.
  let word: String
  private let folders: [String]

  /// - Returns: `nil` where the command is none that finds tests by itself.
  init?(command: [String], tests: [SourcePath], random: UInt64) {
    let words = command.flatMap { $0.split(separator: " ") }.map(String.init)
    guard words.contains(where: { $0.hasSuffix("pytest") || $0 == "unittest" }) else { return nil }
    word = "stetcanary" + String(random, radix: 16)
    var folders: Set<String> = [""]
    for word in words.dropFirst() where !word.hasPrefix("-") && !word.contains("=") {
      let name = word.hasSuffix("/") ? String(word.dropLast()) : word
      let isPlain = name.unicodeScalars.allSatisfy {
        $0.properties.isAlphabetic || $0.properties.numericType != nil
          || "_-/".unicodeScalars.contains($0)
      }
      if isPlain, !Self.programs.contains(name), !name.hasPrefix("/") { folders.insert(name) }
    }
    for test in tests {
      let parts = test.description.split(separator: "/").dropLast()
      folders.insert(parts.joined(separator: "/"))
    }
    self.folders = folders.sorted().prefix(8).map { $0 }
  }

  private static let programs: Set<String> = [
    "pytest", "python", "python3", "unittest", "discover", "sh", "bash", "env", "exec", "coverage",
    "run", "tox", "nox", "make", "uv", "poetry",
  ]

  var files: [SourcePath: [UInt8]?] {
    let text = """
      import unittest


      class Stet_\(word)(unittest.TestCase):
          def test_must_fail(self):
              self.assertEqual(1, 2, "\(word)")

      """
    var files: [SourcePath: [UInt8]?] = [:]
    for (index, folder) in folders.enumerated() {
      // First in its folder, so that a command which stops at the first failure meets it.
      let name = "test_00\(word)_\(index).py"
      files[SourcePath(folder.isEmpty ? name : "\(folder)/\(name)")] = .some(Array(text.utf8))
    }
    return files
  }
}
