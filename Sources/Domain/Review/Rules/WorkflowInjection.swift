/// GitHub puts the expression into the script before the shell reads it, quotes and all.
/// Source: GitHub Security Lab, "Untrusted input"; CWE-78.
struct WorkflowInjection: LineRule {
  let name = "workflow-injection"
  let summary = "Text of strangers put into a workflow's script"
  let category = "security"
  let severity = Severity.error
  let confidence = 0.9
  let triggers: [Needle] = ["github.event", "github.head_ref"]
  private let untrusted: [Needle] = [
    "github.event.issue.title", "github.event.issue.body", "github.event.pull_request.title",
    "github.event.pull_request.body", "github.event.comment.body", "github.event.review.body",
    "github.event.discussion.title", "github.event.discussion.body",
    "github.event.head_commit.message", "github.event.head_commit.author",
    "github.event.commits", "github.head_ref", "github.event.pull_request.head.ref",
    "github.event.pull_request.head.label", "github.event.workflow_run.head_branch",
    "github.event.pull_request.head.repo.default_branch",
  ]

  func applies(to file: RuleFile) -> Bool { file.isWorkflow }

  func check(_ line: CodeLine, at index: Int, in file: RuleFile) -> RuleFinding? {
    let text = line.uncommented
    guard let open = text.find("${{"),
      let name = untrusted.first(where: { text.find($0, from: open) != nil }),
      isScript(line, index, in: file)
    else { return nil }
    return RuleFinding(
      at: index,
      "Whoever writes `\(name.bytes.string)` can run commands here, because it is put into the script "
        + "unquoted. Pass it through `env:` and use the shell variable.")
  }

  /// Whether the line is a `run:` or `script:`, or stands in the block below one.
  private func isScript(_ line: CodeLine, _ index: Int, in file: RuleFile) -> Bool {
    let key = line.text.trimmed
    if key.hasAny(["run:", "script:"]),
      key.starts(with: "run:") || key.starts(with: "- run:") || key.starts(with: "script:")
    {
      return true
    }
    var indentation = line.text.indentation
    for before in file.preceding(index, limit: 200) {
      let text = file.lines[before].text
      if text.isBlank || text.indentation >= indentation { continue }
      indentation = text.indentation
      let parent = text.trimmed
      guard let last = parent.last, last.is("|") || last.is(">") || last.is("-") || last.is(":")
      else { continue }
      if parent.has("run:") || parent.has("script:") { return true }
      if last.is(":") { return false }
    }
    return false
  }
}
