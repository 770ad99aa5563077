import Testing

@testable import Domain

@Suite struct UnverifiedJWTTests {
  @Test(arguments: [
    RuleCase(
      "a.py",
      """
      jwt.decode(t, options={"verify_signature": False})◀
      jwt.decode(t, verify=False)◀
      jwt.decode(t, key, algorithms=["none"])◀
      jwt.decode(t, key, algorithms=["HS256"])
      # jwt.decode(t, verify=False)
      """),
    RuleCase(
      "a.go",
      """
      token, _, err := parser.ParseUnverified(s, claims)◀
      parser.Parse(s, f)
      """),
    RuleCase(
      "a.ts",
      """
      sign(x, y, { algorithm: 'none' })◀
      sign(x, y, { algorithm: 'RS256' })
      """),
    RuleCase(
      "test_a.py",
      """
      jwt.decode(t, verify=False)
      """),
  ])
  func `Fires where marked and nowhere else`(source: RuleCase) { source.check(UnverifiedJWT()) }
}
