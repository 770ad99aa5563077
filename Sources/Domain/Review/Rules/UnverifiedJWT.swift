/// A token whose signature is not checked says whatever its bearer likes.
/// Source: CWE-347, RFC 8725 section 3.1.
struct UnverifiedJWT: LineRule {
  let name = "unverified-jwt"
  let summary = "A JSON Web Token read without its signature"
  let category = "security"
  let severity = Severity.error
  let confidence = 0.85
  let triggers: [Needle] = ["verify_signature", "jwt", "algorithm", "ParseUnverified"]

  func applies(to file: RuleFile) -> Bool { !file.kind.isTest }

  func check(_ line: CodeLine, at index: Int, in file: RuleFile) -> RuleFinding? {
    let text = line.uncommented
    let low = text.lowered
    let hit =
      text.hasAny([
        "verify_signature\": False", "verify_signature': False", "verify_signature=False",
      ])
      || line.code.has("jwt.decode(") && line.code.has("verify=False")
      || line.code.has(".ParseUnverified(")
      || low.has("algorithm") && low.hasAny(["['none']", "[\"none\"]", ": 'none'", ": \"none\""])
    guard hit else { return nil }
    return RuleFinding(
      at: index,
      "The token's signature is not checked, so anybody can write one. Verify it with a key and a "
        + "fixed list of algorithms.")
  }
}
