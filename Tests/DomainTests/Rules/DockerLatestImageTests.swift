import Testing

@testable import Domain

@Suite struct DockerLatestImageTests {
  @Test(arguments: [
    RuleCase(
      "Dockerfile",
      """
      FROM ubuntu◀
      FROM --platform=linux/amd64 debian:latest◀
      FROM localhost:5000/app◀
      FROM debian:12 AS base
      FROM base
      FROM scratch
      FROM a@sha256:00
      FROM ${IMAGE}
      # FROM ubuntu
      """),
    RuleCase(
      "a.sh",
      """
      FROM ubuntu
      """),
  ])
  func `Fires where marked and nowhere else`(source: RuleCase) { source.check(DockerLatestImage()) }
}
