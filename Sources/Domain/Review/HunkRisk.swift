/// How much a hunk deserves a reviewer's time, so that the riskiest are looked at first.
///
/// Pure and cheap: it sees a path and the changed lines, never a model.
public enum HunkRisk {
  /// - Returns: 0 (prose) to about 100 (removed checks in code that guards something).
  public static func score(
    path: SourcePath, language: Language?, added: [String], removed: [String]
  ) -> Int {
    var score = base(path: path, language: language)
    let lowered = path.description.lowercased()
    if sensitivePaths.contains(where: lowered.contains) { score += 20 }
    if testPaths.contains(where: lowered.contains) { score -= 15 }
    let words = (added + removed).lazy.map { $0.lowercased() }
    var hits = 0
    for line in words.prefix(400) where sensitiveWords.contains(where: line.contains) { hits += 1 }
    score += min(hits * 3, 24)
    // Behaviour that goes away is missed more often than behaviour that comes.
    if removed.count > added.count { score += 4 }
    score += min((added.count + removed.count) / 10, 10)
    return max(score, 0)
  }

  private static func base(path: SourcePath, language: Language?) -> Int {
    switch language {
    case .markdown, .html, .css: 5
    case .json, .toml, .yaml: 20
    case nil: 15
    case .sql, .dockerfile, .shell: 40
    default: 35
    }
  }

  private static let sensitivePaths = [
    "auth", "secur", "crypt", "login", "session", "payment", "billing", "migration", "permission",
    ".github/workflows", "token", "password", "admin",
  ]
  private static let testPaths = ["test", "spec", "fixture", "example", "docs/"]
  private static let sensitiveWords = [
    "password", "secret", "token", "auth", "permission", "admin", "exec", "eval", "sql", "select ",
    "delete ", "lock", "await", "thread", "unsafe", "catch", "except", "raise", "throw", "return",
    " if ", "while", "for ", "null", "none", "nil", "index", "range", "len(", "count", "close",
    "open(", "encode", "decode", "parse", "timeout", "retry", "commit", "rollback",
  ]
}
