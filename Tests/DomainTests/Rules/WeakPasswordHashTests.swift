import Testing

@testable import Domain

@Suite struct WeakPasswordHashTests {
  @Test(arguments: [
    RuleCase(
      "a.py",
      """
      h = hashlib.md5(password.encode())◀
      password_hash = hashlib.sha256(x)◀
      h = hashlib.md5(data)
      hashlib.pbkdf2_hmac('sha256', password, salt, n)
      # hashlib.md5(password)
      """),
    RuleCase(
      "a.go",
      """
      sum := md5.Sum([]byte(password))◀
      sum := md5.Sum(data)
      """),
    RuleCase(
      "a.ts",
      """
      crypto.createHash('md5').update(password)◀
      crypto.createHash('md5').update(body)
      """),
    RuleCase(
      "test_a.py",
      """
      hashlib.md5(password)
      """),
  ])
  func `Fires where marked and nowhere else`(source: RuleCase) { source.check(WeakPasswordHash()) }
}
