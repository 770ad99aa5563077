/// Permissions that let every user of the machine change the file.
/// Source: CWE-732, Bandit B103.
struct WorldWritable: LineRule {
  let name = "world-writable"
  let summary = "Permissions 777: everybody may write"
  let category = "security"
  let severity = Severity.warning
  let confidence = 0.85
  let triggers: [Needle] = ["777", "a+rwx", "a=rwx", "ugo+rwx", "S_IRWXO"]

  func applies(to file: RuleFile) -> Bool { !file.kind.isTest && file.language != .markdown }

  func check(_ line: CodeLine, at index: Int, in file: RuleFile) -> RuleFinding? {
    let text = line.uncommented
    let code = line.code
    let hit: Bool
    switch file.language {
    case .shell, .dockerfile, .yaml, nil:
      guard text.hasAnyWord(["chmod", "--chmod=777", "mode"]) || text.has("--chmod=") else {
        return nil
      }
      hit =
        text.hasAnyWord(["777", "0777", "1777"]) && !text.hasWord("1777")
        || text.hasAny(["a+rwx", "a=rwx", "ugo+rwx"])
    default:
      let number = code.hasAnyWord(["0o777", "0777", "S_IRWXO"]) || code.has("S_IRWXO")
      // A umask or an `&` takes bits away.
      hit =
        number && !code.has("&") && !code.has("umask")
        && code.lowered.hasAny(["chmod", "mkdir", "writefile", "openfile", "permission", "mode"])
        && !code.lowered.has("mkdir")
    }
    guard hit else { return nil }
    return RuleFinding(
      at: index,
      "Every user and process of the machine may change this. Grant what is needed, such as 755 for "
        + "a program or 640 for data.")
  }
}
