import Domain
import Testing
import UseCases

@Suite struct IssuePolicyTests {
  private func read(_ text: String) throws -> PolicyFile {
    try PolicyReader.read(Array(text.utf8))
  }

  @Test func everything() throws {
    let file = try read(
      """
      issues:
        mode: gated
        labels: [bug, "type: docs", bug]
        instructions: Short.
        max_labels: 2
        comment: false
        duplicates: false
        learn: false
      """)
    #expect(
      file.issues
        == IssuePolicy(
          mode: .gated, labels: ["bug", "type: docs"], instructions: "Short.", maxLabels: 2,
          comments: false, duplicates: false, learns: false))
    #expect(file.warnings.isEmpty)
  }

  @Test(arguments: ["", "issues:\n", "issues: {}\n", "review: {}\n"])
  func withoutAWordNothingHappens(_ text: String) throws {
    #expect(try read(text).issues.mode == .off)
  }

  @Test(arguments: [
    ("off", IssuePolicy.Mode.off), ("shadow", .shadow), ("gated", .gated), ("Live", .live),
  ])
  func modesAreReadAsWritten(_ word: String, _ mode: IssuePolicy.Mode) throws {
    #expect(try read("issues:\n  mode: \(word)\n").issues.mode == mode)
  }

  @Test func allProblemsTogether() {
    let text = """
      issues:
        mode: gatd
        labels: bug
        max_labels: 6
        comment: perhaps
        duplicate: true
      """
    #expect {
      try read(text)
    } throws: { error in
      let problems = (error as? PolicyError)?.problems ?? []
      return problems.map(\.keyPath)
        == [
          "issues.mode", "issues.labels", "issues.max_labels", "issues.comment",
          "issues.duplicate",
        ]
        && problems[0].message.contains("'gated'")
        && problems[4].message.contains("'duplicates'")
        && problems.map(\.line) == [2, 3, 4, 5, 6]
    }
  }
}
