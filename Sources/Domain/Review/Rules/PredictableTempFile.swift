/// Between choosing the name and opening the file, somebody else can make it.
/// Source: CWE-377, Bandit B306; the Python library reference deprecates mktemp.
struct PredictableTempFile: LineRule {
  let name = "predictable-temp-file"
  let summary = "A temporary file under a name that others can guess"
  let category = "security"
  let severity = Severity.warning
  let confidence = 0.8
  let triggers: [Needle] = ["mktemp", "/tmp/", "tmpnam"]

  func check(_ line: CodeLine, at index: Int, in file: RuleFile) -> RuleFinding? {
    switch file.language {
    case .python:
      guard line.code.call("tempfile.mktemp", method: true) != nil else { return nil }
      return RuleFinding(
        at: index,
        "`mktemp` only picks a name, and another program can make that file first. Use "
          + "`NamedTemporaryFile` or `mkstemp`.")
    case .shell, .dockerfile:
      let text = line.uncommented
      guard let at = text.find("/tmp/"), text.slice(at, text.count).hasAny(["$$", "${$}"]) else {
        return nil
      }
      return RuleFinding(
        at: index,
        "The process id is easy to guess, so another user can make this file first. Use `mktemp`.")
    case .c, .cpp:
      guard line.code.call("tmpnam") != nil || line.code.call("mktemp") != nil else { return nil }
      return RuleFinding(
        at: index,
        "This only picks a name, and another program can make that file first. Use mkstemp.")
    default: return nil
    }
  }
}
