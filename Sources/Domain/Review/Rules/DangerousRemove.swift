/// With the variable empty this deletes from the root.
/// Source: ShellCheck SC2115.
struct DangerousRemove: LineRule {
  let name = "dangerous-remove"
  let summary = "`rm -rf` of a path that may begin with an empty variable"
  let category = "bug"
  let severity = Severity.error
  let confidence = 0.8
  let triggers: [Needle] = ["-rf", "-fr", "-r "]

  func applies(to file: RuleFile) -> Bool {
    switch file.language {
    case .shell, .dockerfile, .yaml: return true
    default: return file.path.name == "Makefile"
    }
  }

  func check(_ line: CodeLine, at index: Int, in file: RuleFile) -> RuleFinding? {
    let text = line.uncommented
    guard let at = text.findWord("rm") else { return nil }
    let words = text.slice(at + 2, text.count).split(separator: 32).map { Array($0) }
    guard let option = words.first, option.first == 45,
      option.contains(UInt8(ascii: "r")) || option.contains(UInt8(ascii: "R"))
    else { return nil }
    for word in words.dropFirst() {
      if word.hasAny([";", "&&", "|"]) { break }
      let bare = word.filter { !$0.is("\"") }
      guard bare.first?.is("$") == true, !bare.starts(with: "$(") else { continue }
      var end = 1
      if bare.count > 1, bare[1].is("{") {
        guard let close = bare.firstIndex(of: UInt8(ascii: "}")) else { continue }
        // `${x:?}` stops on an empty value.
        if bare.slice(0, close).hasAny([":?", ":-"]) { continue }
        end = close + 1
      } else {
        while end < bare.count, bare[end].isWordByte, !bare[end].is("$") { end += 1 }
      }
      let rest = bare.slice(end, bare.count)
      guard rest == Array("/".utf8) || rest == Array("/*".utf8) || rest == Array("*".utf8) else {
        continue
      }
      let variable = bare.slice(0, end).filter { $0.isWordByte && !$0.is("$") }.string
      if ["PWD", "HOME", "TMPDIR"].contains(variable), rest.count > 1 { continue }
      return RuleFinding(
        at: index,
        "If `\(variable)` is empty or unset, this deletes from the root of the machine. Write "
          + "`${\(variable):?}` so that the script stops instead.")
    }
    return nil
  }
}
