/// One changed text file as the built-in rules see it.
public struct RuleFile: Sendable {
  /// What became of the file.
  enum Status: Sendable, Equatable {
    case added, deleted, changed

    init(_ status: FileDiff.Status) {
      switch status {
      case .added: self = .added
      case .deleted: self = .deleted
      case .modified, .renamed, .copied, .typeChanged: self = .changed
      }
    }
  }

  /// A line of a hunk before it is lexed. `text` has no line ending.
  struct RawLine: Sendable {
    var kind: CodeLine.Kind
    var oldNumber: Int?
    var newNumber: Int?
    var text: [UInt8]
  }

  let path: SourcePath
  let language: Language?
  let status: Status
  /// Every line of every hunk, in order.
  let lines: [CodeLine]
  /// Indices into `lines` of added lines of at most `longLine` bytes.
  let added: [Int]
  /// Indices into `lines` of every added line.
  let allAdded: [Int]
  let removed: [Int]
  let kind: PathKind
  let facts: ChangeFacts

  /// A longer line is data; only the rules about secrets read it.
  static let longLine = 2_000

  init(
    path: SourcePath, status: Status, hunks: [[RawLine]], facts: ChangeFacts = ChangeFacts(),
    language: Language? = nil
  ) {
    self.path = path
    self.status = status
    self.facts = facts
    kind = PathKind(path)
    let first = hunks.first?.first { $0.newNumber == 1 }?.text ?? []
    let language = language ?? Language(path: path) ?? Self.interpreter(first)
    self.language = language
    let family = CodeLexer.Family(language)
    var lines: [CodeLine] = []
    lines.reserveCapacity(hunks.reduce(0) { $0 + $1.count })
    for (index, hunk) in hunks.enumerated() {
      Self.lex(hunk, index, family, into: &lines)
    }
    self.lines = lines
    allAdded = lines.indices.filter { lines[$0].kind == .added }
    added = allAdded.filter { lines[$0].text.count <= Self.longLine }
    removed = lines.indices.filter {
      lines[$0].kind == .removed && lines[$0].text.count <= Self.longLine
    }
  }

  init(_ file: FileDiff, facts: ChangeFacts) {
    self.init(
      path: file.path, status: Status(file.status), hunks: file.hunks.map(Self.rawLines),
      facts: facts)
  }

  static func rawLines(_ hunk: Hunk) -> [RawLine] {
    hunk.lines.map { line in
      let text = line.bytes.last == 13 ? line.bytes.dropLast() : line.bytes
      let kind: CodeLine.Kind =
        switch line.kind {
        case .context: .context
        case .added: .added
        case .removed: .removed
        }
      return RawLine(
        kind: kind, oldNumber: line.oldNumber, newNumber: line.newNumber, text: Array(text))
    }
  }

  private static func lex(
    _ hunk: [RawLine], _ index: Int, _ family: CodeLexer.Family, into lines: inout [CodeLine]
  ) {
    let hasRemoved = hunk.contains { $0.kind == .removed }
    func lexer(without kind: CodeLine.Kind) -> CodeLexer {
      let side = hunk.filter { $0.kind != kind }
      let first = side.first.flatMap { kind == .removed ? $0.newNumber : $0.oldNumber }
      return CodeLexer(family, startingWith: side.map(\.text), atTop: first == 1)
    }
    var new = lexer(without: .removed)
    var old = hasRemoved ? lexer(without: .added) : new
    for raw in hunk {
      let lexed: CodeLexer.Line
      if raw.text.count > longLine {
        // What a minified line leaves open is a guess; the lines after it are read as code.
        lexed = CodeLexer.Line(code: raw.text, commentStart: raw.text.count, startsInside: false)
      } else {
        switch raw.kind {
        case .removed: lexed = old.next(raw.text)
        case .added: lexed = new.next(raw.text)
        case .context:
          lexed = new.next(raw.text)
          if hasRemoved { _ = old.next(raw.text) }
        }
      }
      lines.append(
        CodeLine(
          kind: raw.kind, oldNumber: raw.oldNumber, newNumber: raw.newNumber, hunk: index,
          text: raw.text, code: lexed.code, commentStart: lexed.commentStart,
          startsInside: lexed.startsInside, filter: LineFilter(raw.text)))
    }
  }

  /// The language that a `#!` line names, for scripts without an extension.
  private static func interpreter(_ line: [UInt8]) -> Language? {
    guard line.starts(with: "#!") else { return nil }
    if line.has("python") { return .python }
    if line.has("node") { return .javascript }
    if line.hasAny(["/sh", "bash", "zsh", " sh", "dash", "ksh"]) { return .shell }
    return nil
  }

  var isScript: Bool { language == .javascript || language == .typescript }

  /// A GitHub Actions workflow or composite action.
  var isWorkflow: Bool {
    language == .yaml
      && (path.bytes.has(".github/workflows/") || path.bytes.has(".github/actions/")
        || path.name == "action.yml" || path.name == "action.yaml")
  }

  /// Indices of the lines of the new side (added and context) after `index`, within its hunk.
  func following(_ index: Int, limit: Int = 40) -> [Int] {
    neighbours(index, step: 1, limit: limit, without: .removed)
  }

  /// Indices of the lines of the new side before `index`, nearest first, within its hunk.
  func preceding(_ index: Int, limit: Int = 40) -> [Int] {
    neighbours(index, step: -1, limit: limit, without: .removed)
  }

  private func neighbours(
    _ index: Int, step: Int, limit: Int, without kind: CodeLine.Kind
  ) -> [Int] {
    var found: [Int] = []
    var i = index + step
    while lines.indices.contains(i), lines[i].hunk == lines[index].hunk, found.count < limit {
      if lines[i].kind != kind { found.append(i) }
      i += step
    }
    return found
  }

  /// The next line of the new side that is not blank.
  func next(after index: Int) -> Int? {
    following(index, limit: 8).first { !lines[$0].text.isBlank }
  }
}

/// What a file's path says of how its code is used.
struct PathKind: Sendable {
  /// Tests, their fixtures and mocks.
  let isTest: Bool
  /// Code that people run by hand or read: examples, docs, scripts, benchmarks, commands.
  let isTool: Bool

  init(_ path: SourcePath) {
    let parts = path.description.lowercased().split(separator: "/").map(String.init)
    let name = parts.last ?? ""
    let stem = name.split(separator: ".").first.map(String.init) ?? name
    let folders = parts.dropLast()
    isTest =
      folders.contains {
        Self.testFolders.contains($0) || $0.hasSuffix("tests") || $0.hasSuffix("_test")
          || $0.hasSuffix("testsupport")
      } || stem.hasPrefix("test_") || stem == "conftest" || stem == "tests" || stem == "test"
      || stem.hasSuffix("_test") || stem.hasSuffix("_tests") || stem.hasSuffix("_spec")
      || name.contains(".test.") || name.contains(".spec.")
      || (name.hasSuffix(".swift") || name.hasSuffix(".java")) && stem.hasSuffix("tests")
      || name.hasSuffix(".java") && stem.hasSuffix("test")
    isTool =
      folders.contains { Self.toolFolders.contains($0) }
      || [
        "setup", "manage", "main", "cli", "__main__", "noxfile", "conf", "gulpfile", "bin", "bench",
      ]
      .contains(stem)
  }

  private static let testFolders: Set<String> = [
    "test", "tests", "testing", "testdata", "__tests__", "__mocks__", "spec", "specs", "fixtures",
    "fixture", "mocks", "e2e", "cypress", "assets",
  ]
  private static let toolFolders: Set<String> = [
    "examples", "example", "docs", "doc", "scripts", "script", "tools", "tool", "bin", "cmd",
    "benchmarks", "benchmark", "bench", "demo", "demos", "samples", "sample", "cli", "commands",
    "play", "playground", "build", "ci", "hack",
  ]
}
