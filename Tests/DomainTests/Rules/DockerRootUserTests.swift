import Testing

@testable import Domain

@Suite struct DockerRootUserTests {
  @Test func `Only the last user of a new file counts`() {
    RuleCase("Dockerfile", "FROM a:1\nUSER root◀\nCMD x", status: .added).check(DockerRootUser())
    RuleCase("Dockerfile", "USER root\nRUN x\nUSER app", status: .added).check(DockerRootUser())
    RuleCase("Dockerfile", "USER rooted", status: .added).check(DockerRootUser())
    RuleCase("Dockerfile", "USER root", status: .changed).check(DockerRootUser())
  }
}
