/// What breaks out of a container that runs as root is root.
/// Source: hadolint DL3002, CIS Docker Benchmark 4.1.
struct DockerRootUser: ReviewRule {
  let name = "docker-root-user"
  let summary = "An image whose last user is root"
  let category = "security"
  let severity = Severity.warning
  let confidence = 0.75

  func findings(in file: RuleFile) -> [RuleFinding] {
    // Only a new file shows whether a later line changes the user again.
    guard file.language == .dockerfile, file.status == .added else { return [] }
    let users = file.added.filter { file.lines[$0].text.trimmed.lowered.starts(with: "user ") }
    guard let last = users.last else { return [] }
    let name = file.lines[last].uncommented.trimmed.slice(5, 200).trimmed
    guard ["root", "0", "root:root", "0:0"].contains(name.string) else { return [] }
    return [
      RuleFinding(
        at: last,
        "The container will run as root. End the file with a `USER` that owns only what it needs.")
    ]
  }
}
