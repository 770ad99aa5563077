import Testing

@testable import Domain

/// A piece of source in which every line that a rule must report ends in `◀`; any other report is
/// a failure too. With `diff`, each line begins with `+`, `-` or a blank, as in a hunk.
struct RuleCase: Sendable, CustomTestStringConvertible {
  let path: String
  let source: String
  let isDiff: Bool
  let status: RuleFile.Status

  init(_ path: String, _ source: String, status: RuleFile.Status = .changed) {
    (self.path, self.source, isDiff, self.status) = (path, source, false, status)
  }
  init(_ path: String, diff: String, status: RuleFile.Status = .changed) {
    (self.path, source, isDiff, self.status) = (path, diff, true, status)
  }

  var testDescription: String {
    "\(path): \(source.split(separator: "\n").first.map(String.init) ?? "")"
  }

  /// The file without its marks, and the marked lines by index.
  func parsed() -> (file: RuleFile, marked: Set<Int>) {
    var marked: Set<Int> = []
    var lines: [RuleFile.RawLine] = []
    var (old, new) = (1, 1)
    for (index, line) in source.split(separator: "\n", omittingEmptySubsequences: false)
      .enumerated()
    {
      var text = String(line)
      if text.hasSuffix("◀") {
        text.removeLast()
        marked.insert(index)
      }
      var kind = CodeLine.Kind.added
      if isDiff, let sign = text.first {
        text.removeFirst()
        kind = sign == "+" ? .added : sign == "-" ? .removed : .context
      }
      lines.append(
        RuleFile.RawLine(
          kind: kind, oldNumber: kind == .added ? nil : old,
          newNumber: kind == .removed ? nil : new, text: Array(text.utf8)))
      if kind != .added { old += 1 }
      if kind != .removed { new += 1 }
    }
    let facts = ChangeFacts([
      (kind: PathKind(SourcePath(path)), language: Language(path: SourcePath(path)), lines: lines)
    ])
    return (
      RuleFile(path: SourcePath(path), status: status, hunks: [lines], facts: facts), marked
    )
  }

  func check(_ rule: any ReviewRule, sourceLocation: SourceLocation = #_sourceLocation) {
    let (file, marked) = parsed()
    let claims = rule.findings(in: file)
    let hit = Set(claims.map(\.lines.lowerBound))
    for index in marked.symmetricDifference(hit).sorted() {
      let line = file.lines[index].text.string
      Issue.record(
        "\(rule.name) \(hit.contains(index) ? "reported" : "missed"): \(line)",
        sourceLocation: sourceLocation)
    }
    for claim in claims {
      #expect(claim.message.count < 400, sourceLocation: sourceLocation)
      #expect(claim.message.last == ".", sourceLocation: sourceLocation)
    }
  }

  /// The suggestion that a rule makes for the first marked line.
  func suggestion(_ rule: any ReviewRule) -> String? {
    rule.findings(in: parsed().file).first?.suggestion
  }

  /// The severity of the first report.
  func severity(_ rule: any ReviewRule) -> Severity? {
    rule.findings(in: parsed().file).first.map { $0.severity ?? rule.severity }
  }
}
