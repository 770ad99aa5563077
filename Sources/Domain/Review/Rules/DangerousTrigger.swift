/// `pull_request_target` runs with the base repository's secrets; checking out the pull request's
/// code there hands them to whoever opened it.
/// Source: GitHub Security Lab, "Preventing pwn requests"; CWE-829.
struct DangerousTrigger: LineRule {
  let name = "dangerous-trigger"
  let summary = "A privileged workflow that runs a pull request's own code"
  let category = "security"
  let severity = Severity.error
  let confidence = 0.85
  let triggers: [Needle] = [
    "pull_request_target", "github.event.pull_request.head", "github.head_ref",
    "workflow_run.head",
  ]
  private let heads: [Needle] = [
    "github.event.pull_request.head", "github.head_ref", "github.event.workflow_run.head",
    "refs/pull/",
  ]

  func applies(to file: RuleFile) -> Bool { file.isWorkflow }

  func check(_ line: CodeLine, at index: Int, in file: RuleFile) -> RuleFinding? {
    let text = line.uncommented
    if checksOutHead(text) {
      let privileged = file.lines.contains {
        $0.kind != .removed && $0.uncommented.hasAny(["pull_request_target", "workflow_run:"])
      }
      guard privileged else { return nil }
      return RuleFinding(
        at: index,
        "The workflow has the base repository's secrets and checks out the pull request's own code, "
          + "so whoever opens one can take them. Use `pull_request`, or do not run that code.")
    }
    guard text.hasWord("pull_request_target"), !text.has("${{"), !text.has("==") else { return nil }
    if file.lines.contains(where: { $0.kind == .added && checksOutHead($0.uncommented) }) {
      return nil  // Reported there.
    }
    return RuleFinding(
      at: index,
      "`pull_request_target` runs with this repository's secrets for pull requests of strangers. Make "
        + "sure that no step checks out or runs their code.", severity: .warning, confidence: 0.6)
  }

  private func checksOutHead(_ text: [UInt8]) -> Bool {
    guard let at = text.findWord("ref"), text.slice(0, at).isBlank else { return false }
    return heads.contains { text.has($0) }
  }
}
