import Domain
import Foundation
import Jobs
import TestKit
import Testing
import WebClient

/// Tokens made and taken back beside a running server.
@Suite struct ServeTokenTests {
  private func bearer(_ token: String) -> [(String, String)] {
    [("authorization", "Bearer " + token)]
  }

  private struct Made {
    var id: String
    var text: String
  }

  private func make(_ service: ServiceRunning, _ scope: String) async throws -> Made {
    let outcome = try await service.stet(["token", "create", "ci", "--scope", scope, "--json"])
    #expect(outcome.status == 0, "\(outcome.error)")
    let json = try outcome.json()
    return Made(
      id: try #require(json["id"]?.string), text: try #require(json["token"]?.string))
  }

  @Test func tokensOpenAndCloseTheAPI() async throws {
    let service = try await ServiceRunning()
    try await service.start()
    #expect(try await service.ask("GET", "/v1/jobs").status == 200)

    let reader = try await make(service, "read")
    try await eventually("a closed API", within: .seconds(6)) {
      try await service.ask("GET", "/v1/jobs").status == 401
    }
    #expect(try await service.ask("GET", "/v1/jobs", headers: bearer(reader.text)).status == 200)
    #expect(
      try await service.ask("GET", "/v1/jobs", headers: bearer(reader.text + "x")).status == 401)
    let issue = #"{"title":"It fails","description":"At start."}"#
    let refused = try await service.ask(
      "POST", "/issues", headers: bearer(reader.text), body: issue)
    #expect(refused.status == 403)
    #expect(refused.headers["content-type"]?.hasPrefix("application/problem+json") == true)

    let writer = try await make(service, "write")
    let created = try await service.ask(
      "POST", "/issues", headers: bearer(writer.text), body: issue)
    #expect(created.status == 201)
    let place = try #require(created.headers["location"])
    try await eventually("an enriched issue", within: .seconds(10)) {
      let answer = try await service.ask("GET", place, headers: bearer(reader.text))
      return String(decoding: answer.body, as: UTF8.self).contains("\"enriched\"")
    }

    let list = try await service.stet(["token", "list"])
    #expect(list.output.contains(reader.id) && list.output.contains("valid"), "\(list.output)")
    #expect(!list.output.contains(reader.text))
    let revoked = try await service.stet(["token", "revoke", reader.id])
    #expect(revoked.status == 0, "\(revoked.error)")
    try await eventually("a refused token", within: .seconds(6)) {
      try await service.ask("GET", "/v1/jobs", headers: self.bearer(reader.text)).status == 401
    }
    #expect(try await service.stet(["token", "list"]).output.contains("revoked"))
    #expect(try await service.stet(["token", "revoke", reader.id]).status == 2)
    #expect(try await service.ask("GET", "/v1/jobs", headers: bearer(writer.text)).status == 200)
    #expect(try await service.ask("GET", "/healthz").status == 200)
  }

  /// A tunnel or a page of another site is no program of this machine.
  @Test(arguments: [
    ("host", "stet.example"), ("origin", "https://evil.example"), ("x-forwarded-for", "192.0.2.1"),
  ])
  func whoOnlySeemsLocalIsRefused(_ header: (String, String)) async throws {
    let service = try await ServiceRunning()
    let url = try await service.start().url
    guard FileManager.default.isExecutableFile(atPath: "/usr/bin/curl") else {
      print("skipped: there is no curl here")
      return
    }
    let outcome = try await StartedService(
      try service.launched(
        [
          "--silent", "--header", "\(header.0): \(header.1)", "--write-out", " %{http_code}",
          url + "/v1/jobs",
        ], program: "/usr/bin/curl")
    ).ended(within: .seconds(10))
    #expect(outcome.output.hasSuffix(" 401"), "\(outcome.output)")
    #expect(outcome.output.contains("stet token create"), "\(outcome.output)")
  }
}
