/// Calling a coroutine function runs nothing until the result is awaited.
/// Source: the Python library reference, "Coroutines"; a RuntimeWarning at best.
struct MissingAwait: LineRule {
  let name = "missing-await"
  let summary = "A coroutine of asyncio that is never awaited"
  let category = "bug"
  let severity = Severity.error
  let confidence = 0.95
  let triggers: [Needle] = ["asyncio."]

  func applies(to file: RuleFile) -> Bool { file.language == .python }

  func check(_ line: CodeLine, at index: Int, in file: RuleFile) -> RuleFinding? {
    let code = line.code
    let start = code.indentation
    for name in ["asyncio.sleep", "asyncio.wait", "asyncio.wait_for", "asyncio.to_thread"]
      as [Needle]
    {
      guard code.findWord(name, from: start) == start, let open = code.call(name, method: true)
      else { continue }
      let close = code.closing(of: open)
      guard close < code.count, code.slice(close + 1, code.count).isBlank else { continue }
      // Inside brackets that an earlier line opened it is an argument, awaited elsewhere.
      let before = file.preceding(index, limit: 1).first.map { file.lines[$0].code.trimmed } ?? []
      if let last = before.last, "([{,=\\".utf8.contains(last) { continue }
      return RuleFinding(
        at: index, "This makes a coroutine and never runs it. Write `await` before the call.",
        suggestion: line.text.replacing(start, start, with: "await "))
    }
    return nil
  }
}
