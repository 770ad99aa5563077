/// `except:` catches KeyboardInterrupt and SystemExit too, so the program cannot be stopped.
/// Source: CWE-396, pycodestyle E722, PEP 8 "Programming Recommendations".
struct BareExcept: LineRule {
  let name = "bare-except"
  let summary = "An `except:` that catches even the request to stop"
  let category = "error-handling"
  let severity = Severity.warning
  let confidence = 0.85
  let triggers: [Needle] = ["except"]

  func applies(to file: RuleFile) -> Bool { file.language == .python }

  func check(_ line: CodeLine, at index: Int, in file: RuleFile) -> RuleFinding? {
    let code = line.code.trimmed
    guard code.starts(with: "except") else { return nil }
    let clause = code.slice(6, code.count)
    let colon = clause.skipBlanks(0)
    let bare = colon < clause.count && clause[colon].is(":")
    let base = clause.trimmed.starts(with: "BaseException:")
    guard bare || base, !raisesAgain(index, line, in: file) else { return nil }
    let start = line.code.indentation
    let end = (line.code.find(":", from: start) ?? start) + 1
    return RuleFinding(
      at: index,
      "This also catches KeyboardInterrupt and SystemExit, so the program cannot be stopped here. "
        + "Name the exceptions, or at least write `except Exception:`.",
      suggestion: line.text.replacing(start, end, with: "except Exception:"))
  }

  /// Whether the block below passes the exception on.
  private func raisesAgain(_ index: Int, _ line: CodeLine, in file: RuleFile) -> Bool {
    for next in file.following(index, limit: 30) {
      let code = file.lines[next].code
      if code.isBlank { continue }
      if code.indentation <= line.code.indentation { return false }
      if code.hasWord("raise") { return true }
    }
    return false
  }
}
