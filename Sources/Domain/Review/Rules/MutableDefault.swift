/// A default is made once, when the function is defined, and shared by all calls.
/// Source: flake8-bugbear B006; the Python FAQ, "Why are default values shared between objects?".
struct MutableDefault: ReviewRule {
  let name = "mutable-default"
  let summary = "A list, dict or set as a parameter's default"
  let category = "bug"
  let severity = Severity.warning
  let confidence = 0.9

  func findings(in file: RuleFile) -> [RuleFinding] {
    guard file.language == .python else { return [] }
    var found: [RuleFinding] = []
    /// Brackets still open in a parameter list that began on an earlier line.
    var depth = 0
    for (index, line) in file.lines.enumerated() where line.kind != .removed {
      if index > 0, file.lines[index - 1].hunk != line.hunk { depth = 0 }
      let code = line.code
      var from = 0
      if depth == 0 {
        guard let at = code.findWord("def"), code.slice(0, at).trimmed.allSatisfy({ $0 > 96 }),
          let open = code.find("(", from: at)
        else { continue }
        from = open
      }
      if line.kind == .added, let name = Self.mutable(code, from: from, depth: depth) {
        found.append(
          RuleFinding(
            at: index,
            "The default of `\(name)` is made once and shared by every call, so one call's changes "
              + "show in the next. Use None, and make the value inside the function."))
      }
      for byte in code[from...] {
        if byte.is("(") || byte.is("[") || byte.is("{") { depth += 1 }
        if byte.is(")") || byte.is("]") || byte.is("}") { depth -= 1 }
        if depth <= 0 { break }
      }
      depth = max(0, depth)
    }
    return found
  }

  private static let makers: [Needle] = [
    "[]", "{}", "list()", "dict()", "set()", "defaultdict(", "OrderedDict()",
  ]

  /// The first parameter with a mutable default, at the depth of the parameter list.
  private static func mutable(_ code: [UInt8], from: Int, depth: Int) -> String? {
    var level = depth
    for i in from..<code.count {
      let byte = code[i]
      if byte.is("(") || byte.is("[") || byte.is("{") { level += 1 }
      if byte.is(")") || byte.is("]") || byte.is("}") {
        level -= 1
        if level == 0 { return nil }
      }
      guard level == 1, byte.is("="), i + 1 < code.count, !code[i + 1].is("=") else { continue }
      let value = code.skipBlanks(i + 1)
      let rest = code.slice(value, code.count)
      guard makers.contains(where: { rest.find($0) == 0 }) || rest.starts(with: "[") else {
        continue
      }
      return parameter(code, before: i)
    }
    return nil
  }

  /// The name before `= `, past an annotation.
  private static func parameter(_ code: [UInt8], before equals: Int) -> String {
    var start = equals
    var level = 0
    while start > 0 {
      let byte = code[start - 1]
      if byte.is("]") || byte.is(")") { level += 1 }
      if byte.is("[") || byte.is("(") { level -= 1 }
      if level < 0 || (level == 0 && byte.is(",")) { break }
      start -= 1
    }
    return code.path(from: code.skipBlanks(start)).string
  }
}
