import Testing

@testable import Domain

@Suite struct KnownTokenTests {
  /// Put together here, so that no scanner takes this file for a leak.
  static let body = "Zq7Rk2Vw9Xb4Nc6Td8Yf3Gh5Jm1Lp0SaEuWi2Oo7Bv9Kt4Rx6Qz8Mn3Hd5Fj1Cg"

  static func token(_ prefix: String, _ length: Int) -> String {
    String(prefix.reversed()).reversed().map(String.init).joined() + body.prefix(length)
  }

  @Test(arguments: [
    ("g" + "hp_", 36), ("gl" + "pat-", 20), ("xo" + "xb-", 40), ("AI" + "za", 35),
    ("sk-" + "ant-", 40), ("sk-" + "proj-", 44), ("sk_" + "live_", 24), ("np" + "m_", 36),
    ("py" + "pi-AgEIcHlwaS5vcmc", 60), ("h" + "f_", 34), ("sh" + "pat_", 32),
  ])
  func `A token of a known shape is found wherever it stands`(prefix: String, length: Int) {
    let token = Self.token(prefix, length)
    for source in ["key = \"\(token)\"◀", "# \(token)◀", "TOKEN=\(token)◀"] {
      RuleCase("a.py", source).check(KnownToken())
    }
    // Too short, or the middle of something longer.
    RuleCase("a.py", "x = '\(token.prefix(prefix.count + 8))'").check(KnownToken())
    RuleCase("a.py", "x = 'abc\(token)'").check(KnownToken())
  }

  @Test func `An AWS key id is upper case and sixteen long`() {
    let id = "AK" + "IA" + "Z7QK2VW9XB4NC6TD"
    RuleCase("a.tf", "id = \"\(id)\"◀").check(KnownToken())
    RuleCase("a.tf", "id = \"\(id)9\"\nid = \"\(id.lowercased())\"").check(KnownToken())
    RuleCase("a.tf", "id = \"AK" + "IAIOSFODNN7EXAMPLE\"").check(KnownToken())
  }

  @Test func `A JSON Web Token has three parts`() {
    let token = "eyJ" + "hbGciOiJIUzI1NiJ9.\(Self.body.prefix(40)).\(Self.body.prefix(43))"
    RuleCase("a.ts", "const t = '\(token)'◀").check(KnownToken())
    RuleCase("a.ts", "const t = '\(token.replacing(".", with: "_"))'").check(KnownToken())
  }

  @Test func `The message does not repeat the token, and a test's token weighs less`() throws {
    let token = Self.token("g" + "hp_", 36)
    let source = "key = '\(token)'"
    let found = try #require(
      KnownToken().findings(in: RuleCase("a.py", source).parsed().file).first)
    #expect(!found.message.contains(Self.body.prefix(8)))
    #expect(RuleCase("tests/a.py", source).severity(KnownToken()) == .warning)
  }

  @Test func `Long lines are read too`() {
    let pad = String(repeating: "x ", count: 2_000)
    RuleCase("a.json", pad + Self.token("g" + "hp_", 36) + "◀").check(KnownToken())
  }
}
