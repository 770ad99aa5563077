/// A member named `../../x` is written outside the folder.
/// Source: CWE-22, CVE-2007-4559, Bandit B202; PEP 706 added the filter.
struct TarExtraction: LineRule {
  let name = "tar-extraction"
  let summary = "An archive unpacked without checking where its members go"
  let category = "security"
  let severity = Severity.warning
  let confidence = 0.7
  let triggers: [Needle] = ["extractall"]

  func applies(to file: RuleFile) -> Bool { file.language == .python && !file.kind.isTest }

  func check(_ line: CodeLine, at index: Int, in file: RuleFile) -> RuleFinding? {
    let code = line.code
    guard let open = code.call("extractall", method: true) else { return nil }
    let close = code.closing(of: open)
    guard close < code.count, !code.slice(open, close).hasAny(["filter", "members"]) else {
      return nil
    }
    let near = ([index] + file.preceding(index, limit: 10)).contains {
      file.lines[$0].code.lowered.has("tar")
    }
    guard near else { return nil }
    let empty = code.slice(open + 1, close).isBlank
    return RuleFinding(
      at: index,
      "A tar file can name members outside the target folder and overwrite any file. Pass "
        + "`filter=\"data\"`.",
      suggestion: line.text.replacing(close, close, with: (empty ? "" : ", ") + "filter=\"data\""))
  }
}
