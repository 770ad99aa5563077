/// Encryption without knowing to whom.
/// Source: CWE-295, Bandit B501 and B323, gosec G402.
struct TLSVerificationDisabled: LineRule {
  let name = "tls-verification-disabled"
  let summary = "TLS certificates accepted without a check"
  let category = "security"
  let severity = Severity.error
  let confidence = 0.85
  let triggers: [Needle] = [
    "verify", "rejectUnauthorized", "NODE_TLS_REJECT", "CERT_NONE", "unverified", "curl", "wget",
    "check_hostname", "danger_accept_invalid", "strict-ssl", "GIT_SSL_NO_VERIFY", "verifymode",
    "strictSSL", "certificateVerification", "trusted-host",
  ]

  func applies(to file: RuleFile) -> Bool { !file.kind.isTest && file.language != .markdown }

  func check(_ line: CodeLine, at index: Int, in file: RuleFile) -> RuleFinding? {
    guard disables(line, in: file) else { return nil }
    return RuleFinding(
      at: index,
      "Certificates are not checked here, so anyone on the way can read and change the traffic. "
        + "Keep the check, and add the private authority's certificate if there is one.")
  }

  private func disables(_ line: CodeLine, in file: RuleFile) -> Bool {
    let code = line.code
    let text = line.uncommented
    switch file.language {
    case .python:
      if code.hasWord("verify=False"), !code.hasWord("def"), !code.has("jwt") { return true }
      if code.has("._create_unverified_context"), !code.has("._create_unverified_context =") {
        return true
      }
      if code.hasWord("check_hostname"), let at = code.find("= False"), at > 0 {
        return code.slice(0, at).trimmed.last != UInt8(ascii: "=") && !code.hasWord("if")
      }
      return code.hasAny(["verify_mode = ssl.CERT_NONE", "cert_reqs=ssl.CERT_NONE"])
        || text.has("cert_reqs=\"CERT_NONE\"")
    case .javascript, .typescript:
      return code.hasAny([
        "rejectUnauthorized: false", "rejectUnauthorized:false", "strictSSL: false",
      ])
        || text.has("NODE_TLS_REJECT_UNAUTHORIZED") && text.hasAny(["= '0'", "= \"0\"", "= 0"])
    case .go: return code.hasAny(["InsecureSkipVerify: true", "InsecureSkipVerify = true"])
    case .rust: return code.has("danger_accept_invalid_certs(true)")
    case .swift:
      return code.hasAny(["certificateVerification = .none", "certificateVerification: .none"])
    case .shell, .dockerfile, .yaml: return command(text)
    default: return false
    }
  }

  private func command(_ text: [UInt8]) -> Bool {
    if let at = text.findWord("curl") {
      let rest = text.slice(at, text.count)
      if rest.hasAny([" --insecure", " -k "]) { return true }
      // Short options stand together, as in `-fsSLk`; upper-case `-K` names a file.
      for word in rest.split(separator: 32).prefix(4).map(Array.init) {
        if word.count > 1, word[0] == 45, word[1] != 45, word.count < 8,
          word.dropFirst().allSatisfy(\.isLetter), word.contains(UInt8(ascii: "k"))
        {
          return true
        }
      }
    }
    if text.hasWord("wget"), text.has("--no-check-certificate") { return true }
    return text.hasAny([
      "NODE_TLS_REJECT_UNAUTHORIZED=0", "NODE_TLS_REJECT_UNAUTHORIZED: 0",
      "http.sslVerify false", "http.sslVerify=false", "strict-ssl false", "strict-ssl=false",
      "GIT_SSL_NO_VERIFY=1", "GIT_SSL_NO_VERIFY=true",
    ])
  }
}
