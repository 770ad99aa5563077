/// Tests that a change takes away without putting any in their place.
/// Source: reviewers' common rule that a test is changed with its code, or stays.
struct DeletedTests: ReviewRule {
  let name = "deleted-tests"
  let summary = "Tests removed and none added"
  let category = "tests"
  let severity = Severity.warning
  let confidence = 0.65

  func findings(in file: RuleFile) -> [RuleFinding] {
    // A change that adds as many as it takes away rewrites its tests.
    guard file.kind.isTest, !file.facts.shrinksSource,
      file.facts.removedTests > file.facts.addedTests.count
    else { return [] }
    var first: Int?
    var names: [String] = []
    for index in file.removed {
      guard let name = testName(file.lines[index].text, file.language) else { continue }
      // Moved, or rewritten under the same name.
      if file.facts.addedTests.contains(name) { continue }
      if first == nil { first = index }
      names.append(name.string)
    }
    let adds = file.added.contains { testName(file.lines[$0].text, file.language) != nil }
    guard let first, !adds, let name = names.first else { return [] }
    let others = names.count == 1 ? "" : " and \(names.count - 1) more"
    return [
      RuleFinding(
        at: first,
        "This change removes `\(name.prefix(60))`\(others) and adds no test in its place. Say why, or "
          + "keep what still applies.")
    ]
  }
}
