/// Code at the same depth below a statement that leaves the block.
/// Source: CWE-561. Python only: there, the same indentation proves the same block.
struct UnreachableCode: ReviewRule {
  let name = "unreachable-code"
  let summary = "Statements that can never run"
  let category = "bug"
  let severity = Severity.warning
  let confidence = 0.85

  private static let exits: [Needle] = ["return", "raise", "break", "continue"]
  private static let resumes: [Needle] = [
    "elif", "else", "except", "finally", "case", "def", "class",
  ]

  func findings(in file: RuleFile) -> [RuleFinding] {
    guard file.language == .python else { return [] }
    var found: [RuleFinding] = []
    for index in file.lines.indices where file.lines[index].kind != .removed {
      let line = file.lines[index]
      let start = line.code.indentation
      guard !line.startsInside, line.filter.mayContainAny(Self.exits),
        Self.exits.contains(where: { line.code.findWord($0, from: start) == start }),
        line.code.bracketBalance == 0, line.text.trimmed.last != UInt8(ascii: "\\"),
        let next = file.next(after: index)
      else { continue }
      let after = file.lines[next]
      guard line.kind == .added || after.kind == .added, !after.startsInside, !after.code.isBlank,
        after.code.indentation == start, after.text[0..<start] == line.text[0..<start],
        !Self.resumes.contains(where: { after.code.findWord($0, from: start) == start }),
        let first = after.code.trimmed.first, first.isWordByte, !insideBrackets(index, in: file)
      else { continue }
      let added = after.kind == .added ? next : index
      found.append(
        RuleFinding(
          at: added,
          "The statement above leaves the block, so the code below it can never run. Delete it, or "
            + "indent what was meant to be conditional."))
    }
    return found
  }

  /// A `return` cannot stand inside brackets, so an odd balance means the hunk began in a text.
  private func insideBrackets(_ index: Int, in file: RuleFile) -> Bool {
    var balance = 0
    for before in file.preceding(index, limit: 15) {
      balance += file.lines[before].code.bracketBalance
    }
    return balance > 0
  }
}

extension LineFilter {
  func mayContainAny(_ needles: [Needle]) -> Bool { needles.contains { mayContain($0.filter) } }
}
