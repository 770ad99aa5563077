/// Fast hashes are guessed by the billion a second.
/// Source: CWE-916, CWE-328, OWASP Password Storage Cheat Sheet.
struct WeakPasswordHash: LineRule {
  let name = "weak-password-hash"
  let summary = "A password hashed with MD5, SHA-1 or a bare SHA-2"
  let category = "security"
  let severity = Severity.error
  let confidence = 0.85
  let triggers: [Needle] = ["md5", "sha1", "sha256", "sha512"]
  private let hashes: [Needle] = [
    "hashlib.md5", "hashlib.sha1", "hashlib.sha256", "hashlib.sha512", "md5.sum", "sha1.sum",
    "sha256.sum256", "insecure.md5", "insecure.sha1", "sha256.hash", "createhash", "md5(", "sha1(",
  ]

  func applies(to file: RuleFile) -> Bool { !file.kind.isTest && file.language != .markdown }

  func check(_ line: CodeLine, at index: Int, in file: RuleFile) -> RuleFinding? {
    let low = line.code.lowered
    guard hashes.contains(where: { low.has($0) }),
      low.hasAny(["password", "passwd", "passphrase"]),
      !low.hasAny(["pbkdf2", "hmac", "scrypt", "digestmod"])
    else { return nil }
    // The password must be what is hashed, not merely on the line.
    guard let open = hashes.compactMap({ low.find($0) }).min(),
      low.slice(open, low.count).hasAny(["password", "passwd", "passphrase"])
        || low.slice(0, open).hasAny(["password", "passwd"])
    else { return nil }
    return RuleFinding(
      at: index,
      "A fast hash does not protect a password: once leaked, it is guessed in minutes. Use argon2, "
        + "scrypt or bcrypt, with a salt for each user.")
  }
}
