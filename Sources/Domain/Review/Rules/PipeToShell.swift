/// What the server sends is run unread, and half of it if the connection breaks.
/// Source: CWE-494; OpenSSF Scorecard, Pinned-Dependencies.
struct PipeToShell: LineRule {
  let name = "pipe-to-shell"
  let summary = "A download run by a shell at once"
  let category = "supply-chain"
  let severity = Severity.warning
  let confidence = 0.7
  let triggers: [Needle] = ["curl", "wget"]

  func applies(to file: RuleFile) -> Bool {
    switch file.language {
    case .shell, .dockerfile, .yaml: return true
    default: return file.path.name == "Makefile"
    }
  }

  func check(_ line: CodeLine, at index: Int, in file: RuleFile) -> RuleFinding? {
    let text = line.uncommented
    guard let at = ["curl", "wget"].compactMap({ text.findWord(Needle($0)) }).min() else {
      return nil
    }
    // The start of a comment or of a printed hint is not a command.
    if text.trimmed.starts(with: "echo") { return nil }
    var from = at
    while let pipe = text.find("|", from: from) {
      from = pipe + 1
      let words = text.slice(pipe + 1, text.count).split(separator: 32).prefix(3).map { Array($0) }
      for word in words {
        let name = word.string
        if name == "sudo" || name == "-E" || name.contains("=") { continue }
        if ["sh", "bash", "zsh", "/bin/sh", "/bin/bash", "python", "python3", "sh)", "bash)"]
          .contains(name)
        {
          return RuleFinding(
            at: index,
            "What the server sends is run unread, and in part if the connection breaks. Download it, "
              + "check its hash, then run it.")
        }
        break
      }
    }
    let substituted =
      text.hasAny([
        "bash <(curl", "sh <(curl", "sh -c \"$(curl", "bash -c \"$(curl", "eval \"$(curl",
      ])
    guard substituted else { return nil }
    return RuleFinding(
      at: index,
      "What the server sends is run unread. Download it, check its hash, then run it.")
  }
}
