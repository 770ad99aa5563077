import Testing

@testable import Domain

@Suite struct WorkflowPermissionsTests {
  @Test(arguments: [
    RuleCase(
      ".github/workflows/ci.yml",
      """
      permissions: write-all◀
      permissions: read-all
      # permissions: write-all
      """),
    RuleCase(
      "a.yml",
      """
      permissions: write-all
      """),
  ])
  func `Fires where marked and nowhere else`(source: RuleCase) {
    source.check(WorkflowPermissions())
  }
}
