import Domain

/// Whether a change makes tests weaker. Told from the texts alone, so that it does not depend on
/// what a run of them says.
enum TestGuard {
  /// Whether a file holds tests, by its name.
  static func isTest(_ path: SourcePath) -> Bool {
    let name = path.name.lowercased()
    let stem = name.prefix { $0 != "." }
    let folders = path.description.lowercased().split(separator: "/").dropLast()
    return name == "conftest.py" || stem.hasPrefix("test_") || stem == "tests" || stem == "test"
      || stem.hasSuffix("_test") || stem.hasSuffix("_tests") || stem.hasSuffix("tests")
      || name.contains(".test.") || name.contains(".spec.") || stem.hasSuffix("_spec")
      || folders.contains {
        ["test", "tests", "testing", "spec", "specs", "__tests__"].contains($0)
      }
  }

  /// - Returns: the end of a sentence that begins "it"; `nil` where tests are as strong as before.
  static func weakness(
    _ path: SourcePath, before: [UInt8], after: [UInt8]
  ) -> String? {
    let old = Counts(before)
    let new = Counts(after)
    for word in escapes where new[word] > old[word] {
      return "would let tests be passed over (\(word.trimmingEdges))"
    }
    // Asserts in code are tests as well.
    for word in assertions where new[word] < old[word] {
      let isOther = assertions.contains { $0 != word && new[$0] > old[$0] }
      if isTest(path) || !isOther { return "would take away assertions (\(word.trimmingEdges))" }
    }
    guard isTest(path) else { return nil }
    for word in definitions where new[word] < old[word] {
      return "would take away tests"
    }
    if LineComparison(old: before, new: after).deletions > 0 {
      return "would change tests that stand; only new ones may be added"
    }
    if Self.returns(after) > Self.returns(before) { return "would end tests early" }
    return nil
  }

  /// How many lines leave a function with nothing, which no test needs to.
  private static func returns(_ text: [UInt8]) -> Int {
    text.split { $0 == 0x0A || $0 == 0x0D }.count { line in
      let words = String(decoding: line, as: UTF8.self).split(whereSeparator: \.isWhitespace)
        .joined(separator: " ")
      return ["return", "return;", "return None", "return undefined;"].contains(words)
    }
  }

  /// What makes a test not run, not count, or end the program as if all were well.
  private static let escapes = [
    "os._exit", "os.abort", "sys.exit(", "raise SystemExit", "atexit.register", "os.kill(",
    "pytest.skip", "pytest.exit", "mark.skip", "mark.xfail", "importorskip", "unittest.skip",
    "SkipTest", "skipTest(", "expectedFailure", "collect_ignore", "__test__ = False",
    "pytest_collection_modifyitems", "pytest_runtest_", "pytest_sessionfinish", "sys.modules[",
    ".skip(", ".only(", "xit(", "xdescribe(", "it.todo(", "t.Skip(", "t.SkipNow(", "#[ignore",
    "XCTSkip", ".disabled(", "@Ignore", "@Disabled", "process.exit(",
  ]
  private static let assertions = [
    "assert ", "assert(", "self.assert", "pytest.raises", "expect(", "t.Error", "t.Fatal",
    "assert_eq!", "assert!", "#expect", "#require", "XCTAssert", ">>> ",
  ]
  private static let definitions = [
    "def test", "class Test", "func Test", "func test", "@Test", "#[test]", "it(", "test(",
    "describe(",
  ]

  /// How often each word stands in a text, comments and strings included: a word more in a comment
  /// is no reason to let a weaker test pass.
  private struct Counts {
    private let text: [UInt8]
    init(_ text: [UInt8]) { self.text = text }

    subscript(word: String) -> Int {
      let word = Array(word.utf8)
      guard let first = word.first, text.count >= word.count else { return 0 }
      var count = 0
      var index = 0
      while index + word.count <= text.count {
        if text[index] == first, text[index...].starts(with: word) {
          // `it(` is no part of `exit(`.
          let isInside = index > 0 && Self.isLetter(first) && Self.isLetter(text[index - 1])
          if !isInside { count += 1 }
          index += word.count
        } else {
          index += 1
        }
      }
      return count
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
      (0x61...0x7A).contains(byte | 0x20) || byte == UInt8(ascii: "_")
    }
  }
}

extension String {
  fileprivate var trimmingEdges: String {
    String(drop { $0 == " " || $0 == "." }.reversed().drop { $0 == "(" || $0 == " " }.reversed())
  }
}
