/// A tag or branch of somebody else's action can be moved to other code, which then runs with this
/// repository's secrets.
/// Source: GitHub's "Security hardening for GitHub Actions"; OpenSSF Scorecard, Pinned-Dependencies.
struct UnpinnedAction: LineRule {
  let name = "unpinned-action"
  let summary = "A third-party action not pinned to a commit"
  let category = "supply-chain"
  let severity = Severity.warning
  let confidence = 0.8
  let triggers: [Needle] = ["uses:"]

  func applies(to file: RuleFile) -> Bool { file.isWorkflow }

  func check(_ line: CodeLine, at index: Int, in file: RuleFile) -> RuleFinding? {
    guard let (action, reference) = Self.action(line) else { return nil }
    guard !(reference.count == 40 && reference.allSatisfy { $0.isDigit || $0.lowered &- 97 < 6 })
    else { return nil }
    let owner = action.prefix { !$0.is("/") }
    let own = ["actions", "github"].contains(Array(owner).string)
    let branch = ["main", "master", "develop", "HEAD", "latest"].contains(reference.string)
    if own, !branch { return nil }
    // A version bump is not where pinning was decided.
    if !branch, bumps(action, index, in: file) { return nil }
    return RuleFinding(
      at: index,
      "`\(action.string)@\(reference.string)` can be moved to other code, which would run here with "
        + "this repository's secrets. Pin it to a full commit, with the version in a comment.",
      severity: branch ? nil : .note)
  }

  static func action(_ line: CodeLine) -> (name: [UInt8], reference: [UInt8])? {
    let text = line.uncommented
    guard let at = text.find("uses:"),
      text.slice(0, at).allSatisfy({ $0.isBlank || $0.is("-") })
    else { return nil }
    let value = text.slice(at + 5, text.count).trimmed.filter { !$0.is("\"") && !$0.is("'") }
    guard !value.starts(with: "./"), !value.starts(with: "docker:"),
      let sign = value.lastIndex(of: UInt8(ascii: "@"))
    else { return nil }
    return (value.slice(0, sign), value.slice(sign + 1, value.count))
  }

  private func bumps(_ action: [UInt8], _ index: Int, in file: RuleFile) -> Bool {
    file.removed.contains {
      file.lines[$0].hunk == file.lines[index].hunk && Self.action(file.lines[$0])?.name == action
    }
  }
}
