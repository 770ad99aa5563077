/// A generator whose next output can be computed from the ones before.
/// Source: CWE-338, Bandit B311.
struct InsecureRandom: LineRule {
  let name = "insecure-random"
  let summary = "A secret made with a predictable random generator"
  let category = "security"
  let severity = Severity.error
  let confidence = 0.8
  let triggers: [Needle] = ["random", "rand."]
  private let secrets: [Needle] = [
    "token", "secret", "password", "passwd", "nonce", "otp", "salt", "session_id", "sessionid",
    "api_key", "apikey", "csrf", "reset_code", "resetcode",
  ]
  private let tokenizers: [Needle] = ["token_count", "tokens", "tokenizer", "num_token", "salted"]

  func applies(to file: RuleFile) -> Bool { !file.kind.isTest && !file.kind.isTool }

  func check(_ line: CodeLine, at index: Int, in file: RuleFile) -> RuleFinding? {
    let code = line.code
    let source: Int?
    switch file.language {
    case .python:
      source = [
        "random.random", "random.randint", "random.choice", "random.choices", "random.randrange",
        "random.getrandbits", "random.sample",
      ].lazy.compactMap { code.findWord($0) }.first { $0 == 0 || !code[$0 - 1].is(".") }
    case .javascript, .typescript: source = code.find("Math.random(")
    case .go:
      source =
        ["rand.Int", "rand.Intn", "rand.Int63", "rand.Float64"].lazy.compactMap {
          code.findWord($0)
        }.first
    default: source = nil
    }
    guard let source else { return nil }
    let target = code.slice(0, source).lowered
    guard secrets.contains(where: { target.has($0) }),
      !tokenizers.contains(where: { target.has($0) })
    else { return nil }
    return RuleFinding(
      at: index,
      "This generator is predictable, so the value can be guessed. Use the system's secure source "
        + "(`secrets` in Python, `crypto` in JavaScript, `crypto/rand` in Go).")
  }
}
