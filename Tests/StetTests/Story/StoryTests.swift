import Domain
import Foundation
import Jobs
import TestKit
import Testing

/// The whole way of one pull request, by the built program: opened, reviewed, labelled, sent back,
/// mended, approved, merged by the queue; people told once, all of it counted, and each action with
/// its reason in the audit trail.
@Suite(.serialized) struct Story {
  @Test(.timeLimit(.minutes(2)), arguments: StoryEngine.here)
  func aPullRequestFromItsOpeningToItsMerge(_ engine: StoryEngine) async throws {
    let bench = try await StoryBench(engine)
    let (hub, deliveries) = (bench.hub, bench.deliveries)
    try await bench.service.start()

    // It opens, and forges tell of things more than once.
    let opened = deliveries.pullRequest("opened")
    for _ in 0..<2 { try await bench.service.deliver(opened) }
    try await bench.eventually("a change that is reviewed, labelled and sent back") {
      bench.standing?.labels == ["python"]
        && bench.standing?.reviews.last == "stet-account CHANGES_REQUESTED"
    }
    #expect(bench.threads().open == 3, "\(bench.told)")
    #expect(bench.model.asked.count == 1)
    try await echo(bench)

    // A push mends all three; of the three files only the two that changed are looked at again.
    bench.push()
    try await bench.service.deliver(deliveries.pullRequest("synchronize"))
    try await bench.eventually("a review that is taken back") {
      bench.standing?.reviews.contains("stet-account DISMISSED") == true
    }
    #expect(bench.threads() == (open: 0, closed: 3), "\(bench.told)")
    let asked = bench.model.asked.map { String(decoding: $0.body, as: UTF8.self) }
    #expect(asked.count == 2)
    #expect(asked.first?.contains("app/notes.py") == true)
    #expect(asked.last?.contains("app/report.py") == true)
    #expect(asked.last?.contains("app/notes.py") == false)

    // Green alone merges nothing; neither does a word without the right behind it.
    hub.setStatus("build", "success", on: bench.head, in: StoryBench.repository)
    let green = deliveries.status("build", "success", on: bench.head, branch: "change")
    try await bench.service.deliver(green)
    hub.addReview("APPROVED", by: "mallory", on: bench.reference)
    try await bench.service.deliver(deliveries.review("approved", by: "mallory"))
    try await rest(bench)
    #expect(bench.standing?.state == .open)
    #expect(hub.branches(beginning: "stet-queue/", in: StoryBench.repository).isEmpty)

    // A person approves: the queue tries it on a branch, and merges it when that is green.
    hub.addReview("APPROVED", by: "ann", on: bench.reference)
    try await bench.service.deliver(deliveries.review("approved", by: "ann"))
    try await bench.eventually("a trial") {
      !hub.branches(beginning: "stet-queue/", in: StoryBench.repository).isEmpty
    }
    let trial = try #require(
      hub.branches(beginning: "stet-queue/", in: StoryBench.repository).first)
    #expect(bench.standing?.state == .open)
    try await bench.eventually("a trial that is made whole") {
      hub.branches(beginning: "stet-queue/", in: StoryBench.repository).values.contains {
        hub.stands($0, on: bench.head, in: StoryBench.repository)
      }
    }
    let commit =
      hub.branches(beginning: "stet-queue/", in: StoryBench.repository)[trial.key] ?? ""
    hub.setStatus("build", "success", on: commit, in: StoryBench.repository)
    // Until it is known what the trial is: then the news finds the queue at it.
    try await bench.eventually("a merge", within: .seconds(45)) {
      if bench.standing?.state == .merged { return true }
      try await bench.service.deliver(
        deliveries.status("build", "success", on: commit, branch: trial.key))
      return false
    }
    for _ in 0..<2 {
      try await bench.service.deliver(deliveries.pullRequest("closed", by: "stet-account"))
    }
    try await bench.eventually("people who are told of the merge") {
      try bench.messages().contains { $0.event == "merged" }
    }
    try await rest(bench)
    #expect(hub.branches(beginning: "stet-queue/", in: StoryBench.repository).isEmpty)

    try await expectTold(bench)
    try await expectCounted(bench)
    try await expectReasons(bench)
    await bench.end()
  }

  /// What Stet does comes back to it as webhooks: nothing follows from them.
  private func echo(_ bench: StoryBench) async throws {
    try await rest(bench)
    let before = bench.standing
    let deliveries = bench.deliveries
    try await bench.service.deliver(
      deliveries.pullRequest("labeled", by: "stet-account", #","label":{"name":"python"}"#))
    try await bench.service.deliver(deliveries.review("changes_requested", by: "stet-account"))
    try await rest(bench)
    #expect(bench.standing == before)
    #expect(bench.model.asked.count == 1)
  }

  /// Waits until nothing is left but looks that the queue has put off.
  private func rest(_ bench: StoryBench) async throws {
    try await bench.eventually("a service at rest") {
      try await bench.service.jobs().allSatisfy {
        $0.state.isFinal || $0.kind == "advance-merge-queue" && $0.state == .scheduled
      }
    }
  }

  // MARK: What is told

  /// One message for each review and one for the merge, each once.
  private func expectTold(_ bench: StoryBench) async throws {
    let messages = try bench.messages()
    #expect(messages.map(\.event).sorted() == ["merged", "review", "review"], "\(messages)")
    #expect(Set(messages.map(\.id)).count == messages.count)
    #expect(bench.standing?.comments.count { $0.hasPrefix("<!-- stet:summary -->") } == 1)
  }

  private func expectCounted(_ bench: StoryBench) async throws {
    let outcome = try await bench.service.stet(
      ["report", "\(StoryBench.repository)", "--format", "json", "--ask-forge"])
    #expect(outcome.status == 0, "\(outcome.error)")
    let report = try outcome.json()
    #expect(report["reviews"]?.integer == 2, "\(outcome.output)")
    #expect(report["opened"]?.integer == 1, "\(outcome.output)")
    #expect(report["merged"]?.integer == 1, "\(outcome.output)")
    #expect(report["findings"]?.integer == 3, "\(outcome.output)")
    let fates = try await bench.service.stet(["runs", "outcomes", "--json"])
    #expect(fates.status == 0, "\(fates.error)")
    #expect(fates.output.contains("fixed"), "\(fates.output)")
    #expect(!fates.output.contains("ignored\" : 3"), "\(fates.output)")
  }

  private func expectReasons(_ bench: StoryBench) async throws {
    let outcome = try await bench.service.stet(["audit", "list", "--json", "--limit", "1000"])
    #expect(outcome.status == 0, "\(outcome.error)")
    let entries = try #require(try outcome.json().array)
    var actions: [String] = []
    for entry in entries {
      let event = entry["event"] ?? entry
      let action = event["action"]?.string ?? ""
      actions.append(action)
      let reason = event["facts"]?["reason"]?.string ?? ""
      #expect(!reason.isEmpty, "\(action) has no reason: \(entry)")
      #expect(event["decidedBy"]?.string?.isEmpty == false, "\(entry)")
    }
    for (action, count) in [
      "policy.label": 1, "policy.request_changes": 1, "policy.dismiss": 1, "policy.queue": 1,
      "queue.merged": 1, "thread.resolved": 3, "notice.sent": 3, "policy.refused": 0,
      "policy.loop_cut": 0,
    ] {
      #expect(actions.count { $0 == action } == count, "\(action): \(actions)")
    }
    let shown = try await bench.service.stet(["audit", "verify"])
    #expect(shown.status == 0, "\(shown.error)")
  }
}
