import Domain
import Foundation
import TestKit
import Testing

/// From a review on the forge, by way of what people did there, to `stet runs outcomes`.
@Suite struct OutcomesCommandTests {
  private func fates(_ service: ServiceRunning) async throws -> [String: (
    fate: String, reason: String
  )] {
    let outcome = try await service.stet(
      ["runs", "outcomes", "octo-org/orders", "--ask-forge", "--json"])
    #expect(outcome.status == 0, "\(outcome.error)")
    let json = try JSONDecoder().decode(JSONValue.self, from: Data(outcome.output.utf8))
    var fates: [String: (fate: String, reason: String)] = [:]
    for finding in json["findings"]?.array ?? [] {
      fates[finding["fingerprint"]?.string ?? ""] = (
        finding["fate"]?.string ?? "", finding["reason"]?.string ?? ""
      )
    }
    return fates
  }

  @Test func thumbsAndLaterPushesAreFollowed() async throws {
    let service = try await ServiceRunning()
    let posting = ServicePosting(service)
    let subject = "octo-org/orders#1"
    _ = try await service.stet(["review", subject, "--post"])
    posting.expectPostedOnce()
    #expect(try await fates(service).values.map(\.fate) == ["open", "open"])

    let comments = posting.findings.sorted { $0.body < $1.body }
    let names = comments.map { $0.body.split(separator: " ")[2] }.map(String.init)
    let repository = ServicePosting.repository
    service.hub.react(.thumbsDown, by: "ada", to: comments[0].id, in: repository)
    service.hub.react(.thumbsUp, by: "ada", to: comments[1].id, in: repository)
    // Its own thumb says nothing.
    service.hub.react(.thumbsDown, by: "stet-account", to: comments[1].id, in: repository)
    var after = try await fates(service)
    #expect(after[names[0]]?.fate == "disputed" && after[names[0]]?.reason == "a thumb points down")
    #expect(after[names[1]]?.fate == "resolved" && after[names[1]]?.reason == "a thumb points up")

    // A push that mends it says more than the thumb that pointed up.
    service.hub.push(FakeGitHub.demoBase.mapValues { Optional($0) }, to: posting.reference)
    service.hub.push(["app/new.py": Array("VALUE = 1\n".utf8)], to: posting.reference)
    _ = try await service.stet(["review", subject, "--post"])
    after = try await fates(service)
    #expect(after[names[0]]?.fate == "disputed")
    #expect(after[names[1]]?.fate == "fixed", "\(after)")
    let text = try await service.stet(["runs", "outcomes", "--ask-forge", "--each"])
    #expect(text.output.contains("a thumb points down"), "\(text.output)")
  }
}
