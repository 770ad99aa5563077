import Testing

@testable import Domain

@Suite struct InsecureRandomTests {
  @Test(arguments: [
    RuleCase(
      "a.py",
      """
      token = random.choice(letters)◀
      self.reset_code = str(random.randint(0, 9))◀
      token = secrets.token_hex()
      token = rng.random.choice(x)
      colour = random.choice(colours)
      num_tokens = random.randint(0, 9)
      """),
    RuleCase(
      "a.ts",
      """
      const token = Math.random().toString(36)◀
      const x = Math.random()
      """),
    RuleCase(
      "a.go",
      """
      nonce := rand.Int()◀
      n := rand.Int()
      """),
    RuleCase(
      "test_a.py",
      """
      token = random.choice(letters)
      """),
  ])
  func `Fires where marked and nowhere else`(source: RuleCase) { source.check(InsecureRandom()) }
}
