import Testing

@testable import Domain

@Suite struct PipeToShellTests {
  @Test(arguments: [
    RuleCase(
      "a.sh",
      """
      curl -fsSL https://a.b/i.sh | sh◀
      curl https://a.b | sudo -E bash -◀
      bash <(curl -s https://a.b)◀
      sh -c "$(curl -fsSL https://a.b)"◀
      """),
    RuleCase(
      "a.sh",
      """
      curl https://a.b | tar xz
      curl https://a.b | jq .
      # curl https://a.b | sh
      curl -o x https://a.b
      echo "curl x | sh"
      cat x | sh
      """),
    RuleCase(
      "Dockerfile",
      """
      RUN wget -qO- https://a.b | bash◀
      """),
    RuleCase(
      "README.md",
      """
      curl https://a.b | sh
      """),
  ])
  func `Fires where marked and nowhere else`(source: RuleCase) { source.check(PipeToShell()) }
}
