/// Both sides are the same expression, so one of them is a slip.
/// Source: CWE-571, Pylint R0124, ESLint no-self-compare.
struct SelfComparison: ReviewRule {
  let name = "self-comparison"
  let summary = "A value compared with itself"
  let category = "bug"
  let severity = Severity.warning
  let confidence = 0.85
  private let marks: [Needle] = ["===", "==", "<=", ">="]

  func applies(to file: RuleFile) -> Bool {
    guard !file.kind.isTest else { return false }
    switch file.language {
    case .python, .swift, .javascript, .typescript, .go, .rust, .java, .c, .cpp, .ruby: return true
    default: return false
    }
  }

  func findings(in file: RuleFile) -> [RuleFinding] {
    guard applies(to: file) else { return [] }
    return file.added.compactMap { check(file.lines[$0], at: $0, in: file) }
  }

  func check(_ line: CodeLine, at index: Int, in file: RuleFile) -> RuleFinding? {
    let code = line.code
    guard code.contains(UInt8(ascii: "=")) else { return nil }
    for mark in marks {
      guard let at = code.find(mark) else { continue }
      if at > 0, "=<>!~".utf8.contains(code[at - 1]) { continue }
      var end = at
      while end > 0, code[end - 1].isBlank { end -= 1 }
      let left = code.path(before: end)
      let start = code.skipBlanks(at + mark.bytes.count)
      let right = code.path(from: start)
      guard !left.isEmpty, left == right, left.contains(where: { $0.isLetter }) else { continue }
      let after = start + right.count
      // A call, an index, an operator or a quote around it makes it another expression.
      if after < code.count, !") ,;:{&|]".utf8.contains(code[after]) { continue }
      let next = code.skipBlanks(after)
      if next < code.count, "+-*/%.[(?".utf8.contains(code[next]) { continue }
      var before = end - left.count
      while before > 0, code[before - 1].isBlank { before -= 1 }
      if before > 0, "+-*/%.])\"'@&~!".utf8.contains(code[before - 1]) { continue }
      return RuleFinding(
        at: index,
        "`\(left.string)` is compared with itself. One side should probably be something else.")
    }
    return nil
  }
}
