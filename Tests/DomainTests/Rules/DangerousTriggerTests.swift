import Testing

@testable import Domain

@Suite struct DangerousTriggerTests {
  @Test(arguments: [
    RuleCase(
      ".github/workflows/ci.yml",
      """
      on:
        pull_request_target:
          types: [opened]
      jobs:
            - uses: actions/checkout@v4
              with:
                ref: ${{ github.event.pull_request.head.sha }}◀
      """),
    RuleCase(
      ".github/workflows/ci.yml",
      """
      on:
        pull_request_target:◀
          types: [labeled]
      """),
    RuleCase(
      ".github/workflows/ci.yml",
      """
      on:
        pull_request:
            - uses: actions/checkout@v4
              with:
                ref: ${{ github.event.pull_request.head.sha }}
      """),
    RuleCase(
      ".github/workflows/ci.yml",
      """
      if: github.event_name == 'pull_request_target'
      # pull_request_target is not used
      """),
    RuleCase(
      "a.yml",
      """
      on: pull_request_target
      """),
  ])
  func `Fires where marked and nowhere else`(source: RuleCase) { source.check(DangerousTrigger()) }
}
