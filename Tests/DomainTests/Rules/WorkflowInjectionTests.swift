import Testing

@testable import Domain

@Suite struct WorkflowInjectionTests {
  @Test(arguments: [
    RuleCase(
      ".github/workflows/ci.yml",
      """
            - run: echo ${{ github.event.issue.title }}◀
      """),
    RuleCase(
      ".github/workflows/ci.yml",
      """
            - name: x
              run: |
                set -e
                echo "${{ github.head_ref }}"◀
      """),
    RuleCase(
      ".github/workflows/ci.yml",
      """
              with:
                script: |
                  const t = '${{ github.event.comment.body }}'◀
      """),
    RuleCase(
      ".github/workflows/ci.yml",
      """
              env:
                TITLE: ${{ github.event.issue.title }}
              run: echo "$TITLE"
      """),
    RuleCase(
      ".github/workflows/ci.yml",
      """
            - run: echo ${{ github.event.number }} ${{ github.sha }}
            - if: ${{ github.head_ref == 'x' }}
      """),
    RuleCase(
      ".github/workflows/ci.yml",
      """
      concurrency:
        group: ${{ github.head_ref }}
      """),
    RuleCase(
      "a.yml",
      """
      run: echo ${{ github.head_ref }}
      """),
  ])
  func `Fires where marked and nowhere else`(source: RuleCase) { source.check(WorkflowInjection()) }
}
