/// A nil ends the whole process.
/// Source: swift-format NeverForceUnwrap, SwiftLint force_unwrapping; CWE-476.
struct SwiftForceUnwrap: ReviewRule {
  let name = "swift-force-unwrap"
  let summary = "A force unwrap: nil ends the process"
  let category = "error-handling"
  let severity = Severity.note
  let confidence = 0.6

  func findings(in file: RuleFile) -> [RuleFinding] {
    guard file.language == .swift, !file.kind.isTest, !file.kind.isTool,
      file.path.name != "Package.swift"
    else { return [] }
    return file.added.compactMap { index in
      let line = file.lines[index]
      guard line.code.contains(UInt8(ascii: "!")), unwraps(line), !line.hasComment,
        !file.preceding(index, limit: 1).contains(where: {
          file.lines[$0].text.trimmed.starts(with: "//")
        })
      else { return nil }
      return RuleFinding(
        at: index,
        "A nil here ends the whole process. Unwrap it with `guard let`, or say in a comment why it "
          + "cannot be nil.")
    }
  }

  private func unwraps(_ line: CodeLine) -> Bool {
    let code = line.code
    for i in code.indices where code[i].is("!") && i > 0 {
      let before = code[i - 1]
      guard before.isWordByte || before.is(")") || before.is("]") else { continue }
      if i + 1 < code.count, code[i + 1].is("=") || code[i + 1].is("(") { continue }
      let word = code.path(before: i)
      if ["try", "as", "init"].contains(word.string) { continue }
      // `var view: View!` declares, and unwraps nothing.
      if !word.isEmpty, word[0] &- 65 < 26,
        code.slice(0, i - word.count).trimmed.last?.is(":") == true
      {
        continue
      }
      // A literal that the author wrote: `URL(string: "…")!`.
      if before.is(")"), let open = code.find("URL(string: \""), open < i { continue }
      return true
    }
    return false
  }
}
