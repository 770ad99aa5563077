/// What the rules need to know of the whole change.
struct ChangeFacts: Sendable {
  /// Names of the test functions that the change adds, anywhere.
  var addedTests: Set<[UInt8]> = []
  /// Trimmed text of the added lines that hold a test or a check: what moved was not removed.
  var addedChecks: Set<[UInt8]> = []
  /// How many test functions the change removes, anywhere.
  var removedTests = 0
  /// Whether the change removes more lines from sources than it adds: a feature taken out.
  var shrinksSource: Bool { balance < 0 }
  /// Lines added to sources less those removed from them.
  private var balance = 0

  init() {}

  init(_ files: [(kind: PathKind, language: Language?, lines: [RuleFile.RawLine])]) {
    for (kind, language, lines) in files { add(lines, kind, language) }
  }

  /// Takes in lines of one file; the lines themselves are not kept.
  mutating func add(_ lines: [RuleFile.RawLine], _ kind: PathKind, _ language: Language?) {
    for line in lines {
      if !kind.isTest, line.kind != .context {
        balance += line.kind == .added ? 1 : -1
      }
      if line.kind == .removed, testName(line.text, language) != nil { removedTests += 1 }
      guard line.kind == .added, line.text.count <= RuleFile.longLine else { continue }
      if let name = testName(line.text, language) { addedTests.insert(name) }
      if RemovedCheck.looksLikeCheck(line.text) { addedChecks.insert(line.text.trimmed) }
    }
  }
}

/// The name of the test that a line declares: a function's, or a JavaScript test's title.
func testName(_ text: [UInt8], _ language: Language?) -> [UInt8]? {
  let start = text.indentation
  switch language {
  case .python:
    for prefix in ["def ", "async def "] as [Needle]
    where text.find(prefix, from: start) == start {
      let name = text.path(from: start + prefix.bytes.count)
      return name.starts(with: "test") ? name : nil
    }
  case .go:
    guard text.starts(with: "func Test") else { return nil }
    let name = text.path(from: 5)
    return name.count > 4 && (name[4].is("_") || !name[4].isLetter || name[4] < 97) ? name : nil
  case .swift:
    guard let at = text.findWord("func") else { return nil }
    let name = text.path(from: text.skipBlanks(at + 4))
    return name.starts(with: "test") || text.has("@Test") ? name : nil
  case .javascript, .typescript:
    for call in ["it(", "test(", "it.each(", "test.each("] as [Needle]
    where text.find(call, from: start) == start {
      let title = text.slice(start + call.bytes.count, text.count)
      guard let quote = title.first, quote.is("'") || quote.is("\"") || quote.is("`") else {
        return nil
      }
      return Array(title.dropFirst().prefix { $0 != quote })
    }
  default: return nil
  }
  return nil
}
