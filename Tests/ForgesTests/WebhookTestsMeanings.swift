import Domain
import Foundation
import Testing

@testable import Forges

@Suite(
  .enabled(
    if: !SharedWebhooks.names.isEmpty, "no shared data: set STET_SHARED_DATA to run these tests"))
struct WebhookSharedMeaningTests {
  /// Samples that tell of one occurrence, as two hooks of one repository would: they differ in
  /// `installation`, `organization`, or in members that a later version of the API added.
  static let same: [Set<String>] = [
    ["issue_comment.created", "issue_comment.created.with-installation"],
    ["pull_request.opened", "pull_request.opened.with-organization"],
    ["pull_request.ready_for_review", "pull_request.ready_for_review.with-installation"],
    ["pull_request_review.submitted", "pull_request_review.submitted.with-organization"],
    ["check_suite.requested", "check_suite.requested.with-email-with-special-characters"],
    ["push", "push.1", "push.with-installation"],
    ["push.with-new-branch", "push.with-no-username-committer"],
    ["status", "status.with-installation"],
    ["workflow_run.completed", "workflow_run.completed.with-pull-requests"],
  ]

  @Test func differentOnesDiffer() throws {
    var groups: [String: Set<String>] = [:]
    for name in SharedWebhooks.names {
      groups[try webhookMeaning(SharedWebhooks.event(name), SharedWebhooks.body(name)), default: []]
        .insert(name)
    }
    #expect(Set(groups.values.filter { $0.count > 1 }) == Set(Self.same))
  }

  /// Buttons and lists that look the same each time.
  static let untold = SharedWebhooks.names.filter { name in
    [
      "ping", "label", "installation_repositories", "github_app_authorization",
      "check_run.re", "check_suite.rereq", "pull_request_review_thread",
    ].contains { name.hasPrefix($0) }
  }

  @Test(arguments: SharedWebhooks.names)
  func aReplayUnderANewDeliveryMeansTheSame(name: String) throws {
    let body = try SharedWebhooks.body(name)
    let event = SharedWebhooks.event(name)
    let first = try webhookMeaning(event, body, delivery: "a")
    #expect(try webhookMeaning(event, body, delivery: "a") == first)
    #expect(
      (try webhookMeaning(event, body, delivery: "b") == first) == !Self.untold.contains(name))
  }
}

private func webhookMeaning(
  _ event: String, _ body: [UInt8], delivery: String = "d"
) throws -> String {
  let headers = webhookHeaders(event, delivery: delivery, signature: webhookSignature(body))
  return try GitHubWebhooks(secret: SharedWebhooks.secret).verify(body: body) { headers[$0] }
    .meaning
}

/// Occurrences that follow one another on one object, each of which must be heard.
struct WebhookMeaningTests {
  private static let pull = """
    {"action":"%","number":1,"before":"b0","after":"c0","repository":{"id":1},
     "label":{"id":5,"name":"l"},"changes":{"title":{"from":"x"}},"requested_reviewer":{"id":3},
     "pull_request":{"id":9,"number":1,"title":"t","body":"b","state":"open","draft":false,
     "updated_at":"2020-01-01T00:00:00Z","head":{"sha":"h0"}}}
    """

  @Test(arguments: [
    ("opened", "reopened"), ("2020-01-01T00:00:00Z", "2020-01-01T00:00:01Z"), ("h0", "h1"),
    ("b0", "b1"), ("\"id\":5", "\"id\":6"), ("\"id\":9", "\"id\":10"),
    ("\"id\":3", "\"id\":4"), ("\"from\":\"x\"", "\"from\":\"y\""),
    ("\"body\":\"b\"", "\"body\":\"c\""),
    ("\"repository\":{\"id\":1}", "\"repository\":{\"id\":2}"),
    ("\"draft\":false", "\"draft\":true"),
  ])
  func everyDifferenceCounts(old: String, new: String) throws {
    let text = Self.pull.replacingOccurrences(of: "%", with: "opened")
    let other = text.replacingOccurrences(of: old, with: new)
    #expect(text != other)
    let first = try webhookMeaning("pull_request", Array(text.utf8))
    #expect(try webhookMeaning("pull_request", Array(other.utf8)) != first)
    #expect(try webhookMeaning("issues", Array(text.utf8)) != first)
    let noise = text.dropLast() + #","installation":{"id":4},"organization":{"id":5}}"#
    #expect(try webhookMeaning("pull_request", Array(noise.utf8)) == first)
  }

  /// The same branch made, deleted and made again.
  @Test func pushesAreToldApartByTheirMoment() throws {
    func push(_ moment: Int) -> [UInt8] {
      Array(
        #"{"ref":"r","before":"0","after":"1","repository":{"id":1,"pushed_at":\#(moment)}}"#.utf8)
    }
    #expect(try webhookMeaning("push", push(1)) != webhookMeaning("push", push(2)))
    #expect(try webhookMeaning("push", push(1)) == webhookMeaning("push", push(1)))
  }

  @Test func anUnknownEventMeansAllThatItSays() throws {
    let one = Array(#"{"action":"created","star":1}"#.utf8)
    let two = Array(#"{"action":"created","star":2}"#.utf8)
    #expect(try webhookMeaning("star", one) != webhookMeaning("star", two))
    #expect(try webhookMeaning("star", one, delivery: "x") == webhookMeaning("star", one))
  }

  /// Parts are kept apart: what one loses the next does not gain.
  @Test func neighboursDoNotRunTogether() throws {
    let one = #"{"action":"a","repository":{"id":1},"issue":{"id":1,"number":23}}"#
    let two = #"{"action":"a","repository":{"id":1},"issue":{"id":12,"number":3}}"#
    #expect(
      try webhookMeaning("issues", Array(one.utf8)) != webhookMeaning("issues", Array(two.utf8)))
  }
}
