import Testing

@testable import Domain

@Suite struct UnpinnedActionTests {
  @Test(arguments: [
    RuleCase(
      ".github/workflows/ci.yml",
      """
            - uses: some/action@v1◀
            - uses: actions/checkout@main◀
            - uses: actions/checkout@v4
            - uses: some/action@0123456789abcdef0123456789abcdef01234567 # v1
            - uses: ./local
            # - uses: some/action@v1
      """),
    RuleCase(
      ".github/workflows/ci.yml",
      diff: """
        -      - uses: some/action@v1
        +      - uses: some/action@v2
        """),
    RuleCase(
      ".github/workflows/ci.yml",
      diff: """
        -      - uses: some/action@v1
        +      - uses: some/action@main◀
        """),
    RuleCase(
      "config.yml",
      """
      uses: some/action@v1
      """),
  ])
  func `Fires where marked and nowhere else`(source: RuleCase) { source.check(UnpinnedAction()) }

  @Test func `A branch weighs more than a tag`() {
    let path = ".github/workflows/ci.yml"
    #expect(RuleCase(path, "uses: a/b@main").severity(UnpinnedAction()) == .warning)
    #expect(RuleCase(path, "uses: a/b@v1").severity(UnpinnedAction()) == .note)
  }
}
