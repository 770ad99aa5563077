/// The private half of a key pair, in PEM form.
/// Source: CWE-321, RFC 7468 section 10.
struct PrivateKey: LineRule {
  let name = "private-key"
  let summary = "A private key in the repository"
  let category = "committed-secret"
  let severity = Severity.error
  let confidence = 0.95
  let triggers: [Needle] = ["PRIVATE"]

  func check(_ line: CodeLine, at index: Int, in file: RuleFile) -> RuleFinding? {
    guard let begin = line.text.find("-----BEGIN "),
      let end = line.text.find("PRIVATE KEY", from: begin)
    else { return nil }
    // Code that only names the header has no key body after it.
    let body =
      file.following(index, limit: 1).first.map { file.lines[$0].text.trimmed } ?? []
    let rest = line.text.slice(end + 16, line.text.count)
    guard Self.isBase64(body) || body.has("Proc-Type") || rest.count > 60 else { return nil }
    let test = file.kind.isTest
    return RuleFinding(
      at: index,
      "A private key is committed here, and stays in the history once pushed. Revoke it, and read "
        + "the key from a secret store or a file outside the repository.",
      severity: test ? .note : nil, confidence: test ? 0.5 : nil)
  }

  private static func isBase64(_ text: [UInt8]) -> Bool {
    let body = text.filter { !$0.is("\"") && !$0.is("'") && !$0.is("+") && !$0.is("\\") }
    guard body.count >= 32 else { return false }
    return body.allSatisfy {
      $0.isLetter || $0.isDigit || $0.is("/") || $0.is("=") || $0.is(",") || $0.is(" ")
    } && body.filter { $0 == 32 }.count <= 2
  }
}
