import Testing

@testable import Domain

@Suite struct DockerRemoteAddTests {
  @Test(arguments: [
    RuleCase(
      "Dockerfile",
      """
      ADD https://a.b/c.tar /c◀
      ADD --checksum=sha256:00 https://a.b/c /c
      ADD c.tar /c
      # ADD https://a.b/c /c
      RUN echo ADD https://a.b
      """)
  ])
  func `Fires where marked and nowhere else`(source: RuleCase) { source.check(DockerRemoteAdd()) }
}
