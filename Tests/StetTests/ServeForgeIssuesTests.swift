import Domain
import Foundation
import Jobs
import TestKit
import Testing
import WebClient

/// An issue is opened on a forge, and the running program does what the repository lets it do.
@Suite struct ServeForgeIssuesTests {
  private static func confirmation(_ service: ServiceRunning) async throws -> Job? {
    try await service.jobs().last { $0.kind == "confirm-issue-labels" }
  }

  /// Has the look at the comment's reactions happen now rather than in a minute.
  private static func hasten(_ service: ServiceRunning) async throws {
    let job = try #require(try await confirmation(service))
    let before = job.attempt
    let outcome = try await service.stet(["jobs", "retry", job.id])
    #expect(outcome.status == 0, "\(outcome.error)")
    try await eventually("a look at the reactions") {
      guard let now = try await Self.confirmation(service) else { return false }
      return now.state.isFinal || (now.state == .scheduled && now.scheduledAt > job.scheduledAt)
        || now.attempt > before && now.state != .running
    }
  }

  @Test(arguments: [nil, "issues:\n  mode: off\n", "issues:\n  mode: shadow\n"])
  func offAndShadowChangeNothing(_ policy: String?) async throws {
    let service = try await ServiceRunning()
    let scene = ForgeIssueScene(service, policy: policy)
    try await service.start()
    #expect(try await service.deliver(scene.delivery("opened")).status == 202)
    try await service.idles()
    #expect(scene.comments.isEmpty && scene.labels.isEmpty)
    #expect(scene.changes.isEmpty)
    let runs = try await service.stet(["runs", "list", "--json"]).json().array ?? []
    #expect(runs.count == (policy?.contains("shadow") == true ? 1 : 0))
    if let id = runs.first?["id"]?.string {
      let run = try await service.stet(["runs", "show", id, "--json"]).json()
      #expect(run["result"]?["tags"]?.string == "bug,ui,performance")
      #expect(run["result"]?["mode"]?.string == "shadow")
    }
  }

  @Test func liveLabelsAndKeepsOneComment() async throws {
    let service = try await ServiceRunning()
    let scene = ForgeIssueScene(
      service, policy: "issues:\n  mode: live\n  labels: [bug, UI, none]\n")
    let twin = scene.hub.addIssue(
      in: ForgeIssueScene.repository, title: "Crash when the form is sent",
      body: "The page breaks.")
    let model = FakeModelServer(.openAI)
    model.script(
      [
        // Neither list has these: it is asked again.
        try SaidOfIssues.tagged(["bug", "evil"], "It breaks.", duplicates: ["999"]),
        try SaidOfIssues.tagged(["bug"], "It breaks.", duplicates: ["\(twin.number)"]),
      ], always: try SaidOfIssues.tagged(["ui", "bug"], "A new look is wanted."))
    let socket = try await service.asking(model)
    try await service.start()
    #expect(try await service.deliver(scene.delivery("opened")).status == 202)
    try await service.idles()
    #expect(scene.labels == ["bug"])
    #expect(scene.comments.count == 1)
    let said = scene.comments.first?.body ?? ""
    #expect(said.contains("It breaks."))
    #expect(said.contains("#\(twin.number) (") && said.contains("% alike"), "\(said)")
    #expect(!said.contains("999") && !said.contains("evil"))
    #expect(said.contains("`bug`") && said.contains("none"))

    // The same event under another id, and another text.
    #expect(try await service.deliver(scene.delivery("opened")).status == 200)
    scene.hub.setText(title: "A dark mode", body: "Please.", of: scene.issue)
    let edited = try scene.delivery("edited", title: "A dark mode", body: "Please.")
    #expect(try await service.deliver(edited).status == 202)
    try await service.idles(atLeast: 4)
    #expect(scene.comments.count == 1)
    #expect(scene.comments.first?.id == scene.comments.last?.id)
    #expect(scene.comments.first?.body.contains("A new look is wanted.") == true)
    #expect(scene.labels == ["bug", "ui"])

    // A person takes one away: it counts, and stays away.
    model.script([], always: try SaidOfIssues.tagged(["ui"], "A new look is wanted."))
    scene.hub.removeLabel("bug", from: scene.issue)
    #expect(
      try await service.deliver(scene.delivery("unlabeled", by: "grace", labels: ["ui"])).status
        == 202)
    try await service.idles(atLeast: 6)
    let asked = try scene.said("@stet enrich", by: "ada")
    _ = try await service.deliver(asked)
    try await service.idles(atLeast: 9)
    #expect(scene.labels == ["ui"])
    let report = try await service.stet(["enrich", "report", "--json"]).json()
    let rows = report["rows"]?.array ?? []
    let bug = try #require(rows.first { $0["tag"]?.string == "bug" })
    #expect(bug["given"]?.integer == 1 && bug["removed"]?.integer == 1)
    let ui = try #require(rows.first { $0["tag"]?.string == "ui" })
    #expect(ui["given"]?.integer == 1 && ui["removed"]?.integer == 0)
    let trail = try await service.stet(["audit", "verify"])
    #expect(trail.status == 0, "\(trail.error)")
    await socket.stop()
  }

  @Test(arguments: [Reaction.thumbsUp, .thumbsDown])
  func gatedWaitsForAPersonWhoMay(_ reaction: Reaction) async throws {
    let service = try await ServiceRunning()
    let scene = ForgeIssueScene(service, policy: "issues:\n  mode: gated\n")
    try await service.start()
    #expect(try await service.deliver(scene.delivery("opened")).status == 202)
    try await eventually("a proposal") {
      try await Self.confirmation(service) != nil
    } told: {
      scene.changes.joined(separator: "\n")
    }
    #expect(scene.labels.isEmpty)
    #expect(scene.comments.count == 1)
    let comment = try #require(scene.comments.first)
    #expect(comment.body.contains("👍"))
    scene.hub.react(reaction, by: "mallory", to: comment.id, in: ForgeIssueScene.repository)
    try await Self.hasten(service)
    #expect(scene.labels.isEmpty)
    #expect(scene.comments.first?.body == comment.body)
    scene.hub.react(reaction, by: "grace", to: comment.id, in: ForgeIssueScene.repository)
    try await Self.hasten(service)
    try await service.idles(atLeast: 3)
    #expect(scene.labels == (reaction == .thumbsUp ? ["bug", "ui", "performance"] : []))
    #expect(scene.comments.count == 1 && scene.comments.first?.id == comment.id)
    #expect(scene.comments.first?.body.contains("👍") == false)
    let report = try await service.stet(["enrich", "report", "--json"]).json()
    let rows = report["rows"]?.array ?? []
    #expect(rows.count == 3)
    let removed = reaction == .thumbsUp ? 0 : 1
    #expect(rows.allSatisfy { $0["removed"]?.integer == removed })
  }
}
