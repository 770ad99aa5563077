/// Any site may act with the visitor's cookies.
/// Source: CWE-942, the Fetch standard, "CORS protocol and credentials".
struct CORSWildcard: LineRule {
  let name = "cors-wildcard"
  let summary = "Every origin allowed, with credentials"
  let category = "security"
  let severity = Severity.error
  let confidence = 0.8
  let triggers: [Needle] = ["credentials"]

  func applies(to file: RuleFile) -> Bool { !file.kind.isTest }

  func check(_ line: CodeLine, at index: Int, in file: RuleFile) -> RuleFinding? {
    guard allowsCredentials(line.uncommented.lowered) else { return nil }
    let near = [index] + file.preceding(index, limit: 8) + file.following(index, limit: 8)
    guard near.contains(where: { allowsAll(file.lines[$0].uncommented.lowered) }) else {
      return nil
    }
    return RuleFinding(
      at: index,
      "Every origin is allowed together with credentials, so any site can act as the visitor. List "
        + "the origins that may.")
  }

  private func allowsCredentials(_ low: [UInt8]) -> Bool {
    low.hasAny([
      "allow_credentials=true", "allowcredentials: true", "allowcredentials = true",
      "credentials: true", "allow-credentials\", \"true", "allow-credentials', 'true",
      "allow-credentials: true", "allow-credentials\"] = \"true", "allow_credentials = true",
    ])
  }

  private func allowsAll(_ low: [UInt8]) -> Bool {
    low.hasAny([
      "allow_origins=[\"*\"]", "allow_origins=['*']", "origin: true", "origin: \"*\"",
      "origin: '*'", "allowallorigins: true", "allowallorigins = true", "allow-origin\", \"*\"",
      "allow-origin', '*'", "allow-origin: *", "alloworigins: []string{\"*\"}",
      "allow-origin\"] = \"*\"", "cors_allow_all_origins = true", "cors_origin_allow_all = true",
    ])
  }
}
