/// Every step, and every action it uses, may then write to the repository.
/// Source: GitHub's "Security hardening for GitHub Actions"; OpenSSF Scorecard, Token-Permissions.
struct WorkflowPermissions: LineRule {
  let name = "workflow-permissions"
  let summary = "A workflow with all write permissions"
  let category = "security"
  let severity = Severity.warning
  let confidence = 0.9
  let triggers: [Needle] = ["write-all"]

  func applies(to file: RuleFile) -> Bool { file.isWorkflow }

  func check(_ line: CodeLine, at index: Int, in file: RuleFile) -> RuleFinding? {
    guard line.uncommented.trimmed == Array("permissions: write-all".utf8) else { return nil }
    return RuleFinding(
      at: index,
      "Every step and every action may write to everything here. Grant `contents: read`, and more "
        + "only to the job that needs it.")
  }
}
