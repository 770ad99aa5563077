/// A guard of who may do what that a change takes away.
/// Source: CWE-862, CWE-352, CWE-347; OWASP Code Review Guide.
struct RemovedCheck: ReviewRule {
  let name = "removed-check"
  let summary = "A permission, signature or request-forgery check removed"
  let category = "security"
  let severity = Severity.warning
  let confidence = 0.65

  private static let checks: [Needle] = [
    "@login_required", "@permission_required", "@requires_auth", "@require_auth", "@csrf_protect",
    "@PreAuthorize", "@RolesAllowed", "@staff_member_required", "is_authenticated",
    "isAuthenticated", "has_permission", "hasPermission", "check_permission", "checkPermission",
    "requireAuth", "require_permission", "requirePermission", "verify_signature",
    "verifySignature", "compare_digest", "timingSafeEqual", "ConstantTimeCompare",
    "validate_csrf", "verifyToken", "verify_token", "authorize(", "is_admin", "isAdmin",
    "check_password", "checkPassword",
  ]

  static func looksLikeCheck(_ text: [UInt8]) -> Bool {
    let filter = LineFilter(text)
    return checks.contains { filter.mayContain($0.filter) && text.find($0) != nil }
  }

  func findings(in file: RuleFile) -> [RuleFinding] {
    guard file.status != .deleted, !file.kind.isTest, file.language != .markdown else { return [] }
    var found: [RuleFinding] = []
    for index in file.removed {
      let line = file.lines[index]
      guard
        let check = Self.checks.first(where: {
          line.filter.mayContain($0.filter) && line.code.has($0)
        }),
        !line.code.hasAnyWord(["import", "def", "func", "function"]),
        !file.facts.addedChecks.contains(line.text.trimmed),
        !replaced(index, check, in: file), !functionRemoved(index, in: file)
      else { continue }
      let word = check.bytes.filter { $0.isWordByte }.string
      found.append(
        RuleFinding(
          at: index,
          "The change takes away the check `\(word)` and puts none in its place nearby. Make sure that "
            + "something else still guards this."))
    }
    return found
  }

  /// Any check that the same hunk adds counts as the replacement.
  private func replaced(_ index: Int, _ check: Needle, in file: RuleFile) -> Bool {
    let hunk = file.lines[index].hunk
    return file.lines.contains {
      $0.hunk == hunk && $0.kind == .added && Self.looksLikeCheck($0.code)
    }
  }

  /// Whether what the check guarded goes too: the next function head after it, or the nearest one
  /// above it, is among the removed lines.
  private func functionRemoved(_ index: Int, in file: RuleFile) -> Bool {
    let line = file.lines[index]
    let isDecorator = line.code.trimmed.first?.is("@") == true
    var i = index
    while file.lines.indices.contains(i), file.lines[i].hunk == line.hunk {
      let here = file.lines[i]
      if i != index, here.kind != .added,
        here.code.hasAnyWord(["def", "func", "function", "class"])
      {
        return here.kind == .removed
      }
      i += isDecorator ? 1 : -1
    }
    return false
  }
}
