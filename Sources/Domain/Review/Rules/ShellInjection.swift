/// A command line put together from values and handed to a shell.
/// Source: CWE-78, Bandit B602 and B605, the Python library reference on subprocess security.
struct ShellInjection: LineRule {
  let name = "shell-injection"
  let summary = "A shell command built from values"
  let category = "security"
  let severity = Severity.warning
  let confidence = 0.75
  let triggers: [Needle] = [
    "shell=True", "os.system", "os.popen", "exec", "getoutput", "create_subprocess_shell",
  ]

  func applies(to file: RuleFile) -> Bool { !file.kind.isTest }

  func check(_ line: CodeLine, at index: Int, in file: RuleFile) -> RuleFinding? {
    switch file.language {
    case .python: return python(line, index, file)
    case .javascript, .typescript: return script(line, index, file)
    case .go: return go(line, index)
    default: return nil
    }
  }

  private func python(_ line: CodeLine, _ index: Int, _ file: RuleFile) -> RuleFinding? {
    let code = line.code
    for name in [
      "os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput",
      "asyncio.create_subprocess_shell",
    ] as [Needle] {
      guard let open = code.call(name, method: true) else { continue }
      let argument = line.text.slice(open + 1, code.closing(of: open)).trimmed
      if argument.isEmpty || Self.isLiteral(argument) { continue }
      return finding(index, built: true)
    }
    guard let at = code.findWord("shell=True") else { return nil }
    // The command is on this line or on one of the lines above, up to the call.
    if let open = code.find("("), open < at {
      let argument = line.text.slice(open + 1, at).trimmed
      if Self.isLiteral(Array(argument.prefix { !$0.is(",") })) { return nil }
      return finding(index, built: Self.isBuilt(argument))
    }
    for before in file.preceding(index, limit: 6) {
      let text = file.lines[before].text.trimmed
      if Self.isBuilt(text) { return finding(index, built: true) }
      if text.first?.is("\"") == true || text.first?.is("'") == true { return nil }
      if file.lines[before].code.bracketBalance > 0 { break }
    }
    return finding(index, built: false)
  }

  /// One string literal with nothing put into it.
  private static func isLiteral(_ argument: [UInt8]) -> Bool {
    guard let first = argument.first, first.is("\"") || first.is("'") else { return false }
    return !argument.has("\" +") && !argument.has("' +") && !argument.has("\" %")
      && !argument.has("' %") && !argument.has(".format(")
  }

  private static func isBuilt(_ argument: [UInt8]) -> Bool {
    let formatted =
      argument.starts(with: "f\"") || argument.starts(with: "f'") || argument.starts(with: "rf")
    return (formatted && argument.has("{")) || argument.has("\" +") || argument.has("' +")
      || argument.has("\" %") || argument.has("' %") || argument.has(".format(")
  }

  private func script(_ line: CodeLine, _ index: Int, _ file: RuleFile) -> RuleFinding? {
    for name in ["exec", "execSync"] as [Needle] {
      guard let open = line.code.call(name, method: true) else { continue }
      let at = open - name.bytes.count
      // `regex.exec(…)` is not a command.
      if at > 0, line.code[at - 1].is(".") {
        let owner = line.code.path(before: at - 1)
        if !["child_process", "cp", "childProcess"].contains(owner.string) { continue }
      }
      let argument = line.text.slice(open + 1, line.text.count).trimmed
      guard let first = argument.first else { continue }
      if first.is("`"), argument.has("${") { return finding(index, built: true) }
      if first.is("\"") || first.is("'"), argument.has("\" + ") || argument.has("' + ") {
        return finding(index, built: true)
      }
    }
    return nil
  }

  private func go(_ line: CodeLine, _ index: Int) -> RuleFinding? {
    guard let open = line.code.call("exec.Command", method: true) else { return nil }
    let text = line.text.slice(open, line.text.count)
    guard text.hasAny(["\"sh\", \"-c\",", "\"bash\", \"-c\",", "\"/bin/sh\", \"-c\","]),
      text.hasAny(["fmt.Sprintf(", "\"+", "\" +"])
    else { return nil }
    return finding(index, built: true)
  }

  private func finding(_ index: Int, built: Bool) -> RuleFinding {
    built
      ? RuleFinding(
        at: index,
        "A shell runs this command with values put into it, so a value with a `;` or `$(` runs "
          + "another one. Pass the program and its arguments as a list, without a shell.",
        severity: .error)
      : RuleFinding(
        at: index,
        "This runs through a shell. If any part of the command comes from outside, it can run "
          + "another one: pass a list of arguments, without `shell=True`.", confidence: 0.6)
  }
}
