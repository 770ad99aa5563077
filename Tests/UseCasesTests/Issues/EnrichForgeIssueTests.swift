import Domain
import Forges
import Foundation
import Jobs
import LanguageModels
import Storage
import TestKit
import Testing
import WebClient

@testable import UseCases

/// Issues of a fake GitHub, looked at by the real adapter.
@Suite struct EnrichForgeIssueTests {
  private static let repository = RepositoryName(owner: "octo-org", name: "shop")
  private static let account = "stet-account"

  /// What one test works on.
  private final class Scene: Sendable {
    let hub = FakeGitHub()
    let server: FaultServer
    let ports: EnrichForgeIssue.Ports
    let issue: PullRequestReference
    let access = ForgeAccess(forge: "github", repository: EnrichForgeIssueTests.repository)
    let runs = InMemoryRunStore()
    let audit = InMemoryAuditTrail()
    let publications = InMemoryPublicationStore()
    let jobs: SQLJobStore
    private let folder: URL

    init(
      policy: String?, labels: [String] = ["bug", "enhancement", "performance", "ui"],
      model: (any LanguageModel)? = nil, title: String = "Crash when the form is sent",
      body: String = "The page breaks. It is slow, too."
    ) async throws {
      let files = policy.map { [".stet.yml": Array($0.utf8)] } ?? [:]
      hub.addRepository(EnrichForgeIssueTests.repository, files: files)
      hub.addLabels(labels, to: EnrichForgeIssueTests.repository)
      issue = hub.addIssue(in: EnrichForgeIssueTests.repository, title: title, body: body)
      let token = ["token", "of", "the", "issues"].joined(separator: "-")
      hub.addToken(token, for: EnrichForgeIssueTests.account)
      hub.setPermission(
        .write, of: EnrichForgeIssueTests.account, in: EnrichForgeIssueTests.repository)
      hub.setPermission(.triage, of: "grace", in: EnrichForgeIssueTests.repository)
      hub.setPermission(.read, of: "mallory", in: EnrichForgeIssueTests.repository)
      server = try await hub.listen()
      let connection = try GitHubConnection(
        GitHubConfiguration(
          apiURL: server.url, credentials: .token(token),
          client: WebClient(configuration: WebClientConfiguration(userAgent: "stet/test")),
          deadline: .seconds(10), retry: .never))
      folder = FileManager.default.temporaryDirectory
        .appending(path: "stet-issues-\(UUID().uuidString)")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      jobs = SQLJobStore(SQLiteDatabase(path: folder.appending(path: "stet.db").path))
      ports = EnrichForgeIssue.Ports(
        openForge: { access throws(ForgeError) in
          connection.forge(for: access.repository, installation: access.installation)
        }, model: model, publications: publications, runs: runs, audit: audit, jobs: jobs)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    @discardableResult
    func look(
      _ cause: Work.EnrichForgeIssue.Cause = .opened, run: String = "run-1",
      publishes: Bool = true
    ) async throws -> JobOutcome {
      try await EnrichForgeIssue(ports: ports).run(
        Work.EnrichForgeIssue(
          access: access, reference: issue, askedBy: "github:ada", run: run, cause: cause,
          publishes: publishes), job: nil)
    }

    /// The job that waits for a person's word, tried once.
    func confirm() async throws -> JobOutcome {
      let filter = JobFilter(
        states: [.scheduled, .available], kind: Work.ConfirmIssueLabels.kind)
      var job = try #require(try await jobs.jobs(filter).first)
      // The store knows it as waiting; one that is run by hand is nobody else's.
      job.id = "by-hand"
      return try await ConfirmIssueLabels(ports: ports).handle(job)
    }

    var comments: [FakeGitHub.Posted] { hub.comments(on: issue) }
    var labels: [String] { hub.labels(of: issue) }
    func result(_ run: String = "run-1") async throws -> JSONValue? {
      try await runs.run(id: run)?.result
    }
  }

  // MARK: Modes

  @Test(arguments: [nil, "issues:\n  mode: off\n"])
  func offDoesNothing(_ policy: String?) async throws {
    let scene = try await Scene(policy: policy)
    guard case .cancelled = try await scene.look() else {
      Issue.record("not cancelled")
      return
    }
    #expect(scene.comments.isEmpty && scene.labels.isEmpty)
    #expect(try await scene.result() == nil)
  }

  @Test func shadowRecordsAndChangesNothing() async throws {
    let scene = try await Scene(policy: "issues:\n  mode: shadow\n")
    #expect(try await scene.look() == .completed)
    #expect(scene.comments.isEmpty && scene.labels.isEmpty)
    #expect(try await scene.result()?["tags"]?.string == "bug,ui,performance")
    #expect(scene.hub.log.allSatisfy { $0.method == "GET" })
  }

  @Test func liveSetsLabelsAndSaysSoOnce() async throws {
    let scene = try await Scene(policy: "issues:\n  mode: live\n  max_labels: 2\n")
    #expect(try await scene.look() == .completed)
    #expect(scene.labels == ["bug", "ui"])
    #expect(scene.comments.count == 1)
    #expect(scene.comments[0].body.hasPrefix("<!-- stet:enrichment -->"))
    #expect(scene.comments[0].body.contains("`bug`, `ui`"))
    // Another text: the same comment says it.
    scene.hub.setText(title: "Dark mode, please add it", body: "x", of: scene.issue)
    #expect(try await scene.look(.edited, run: "run-2") == .completed)
    #expect(scene.comments.count == 1)
    #expect(scene.labels == ["bug", "ui", "enhancement"])
    #expect(scene.comments[0].body.contains("`enhancement`"))
    let actions = try await scene.audit.entries(after: 0, limit: 20).map(\.event.action)
    #expect(
      actions == [
        "issue.labeled", "enrichment.posted", "issue.labeled", "enrichment.edited",
      ])
  }

  @Test func theSameRunDoesNothingTwice() async throws {
    let scene = try await Scene(policy: "issues:\n  mode: live\n")
    for _ in 0..<2 { #expect(try await scene.look() == .completed) }
    // Its record was lost: what stands there is found.
    #expect(try await scene.look(run: "run-2") == .completed)
    #expect(scene.comments.count == 1)
    #expect(scene.hub.log.count { $0.method == "POST" && $0.plainPath.hasSuffix("/labels") } == 1)
  }

  @Test func onlyLabelsOfTheListAreSetAndNoneIsMade() async throws {
    let scene = try await Scene(
      policy: "issues:\n  mode: live\n  labels: [UI, missing-one]\n")
    try await scene.look()
    #expect(scene.labels == ["ui"])
    #expect(scene.comments[0].body.contains("missing-one"))
    let names = try await scene.ports.openForge(scene.access).labels(in: Self.repository)
    #expect(names == ["bug", "enhancement", "performance", "ui"])
  }

  // MARK: A person's word

  @Test(arguments: ["issues:\n  mode: gated\n", "issues:\n  mode: shadow\n", ""])
  func whatIsProposedWaitsForAThumb(_ policy: String) async throws {
    let scene = try await Scene(policy: policy)
    #expect(try await scene.look(.asked) == .completed)
    #expect(scene.labels.isEmpty)
    let comment = try #require(scene.comments.first)
    #expect(comment.body.contains("👍"))
    // Nobody said anything; one who may not; Stet itself.
    #expect(try await scene.confirm().wait != nil)
    scene.hub.react(.thumbsUp, by: "mallory", to: comment.id, in: Self.repository)
    #expect(try await scene.confirm().wait != nil)
    #expect(scene.labels.isEmpty)
    scene.hub.react(.thumbsUp, by: "grace", to: comment.id, in: Self.repository)
    #expect(try await scene.confirm() == .completed)
    #expect(scene.labels == ["bug", "ui", "performance"])
    #expect(scene.comments.count == 1)
    #expect(!scene.comments[0].body.contains("👍"))
    let last = try await scene.audit.entries(after: 0, limit: 20)
      .first { $0.event.action == "issue.labeled" }
    #expect(last?.event.actor == "github:grace")
    guard case .cancelled = try await scene.confirm() else {
      Issue.record("it waits still")
      return
    }
  }

  /// One comment is edited in place, and its thumbs stay.
  @Test func aThumbForEarlierLabelsIsNoWordOnOthers() async throws {
    let scene = try await Scene(policy: "issues:\n  mode: gated\n", labels: ["bug"])
    try await scene.look()
    let comment = try #require(scene.comments.first)
    scene.hub.react(.thumbsUp, by: "grace", to: comment.id, in: Self.repository)
    scene.hub.addLabels(["ui", "performance"], to: Self.repository)
    try await scene.look(.edited, run: "run-2")
    #expect(scene.comments.count == 1)
    #expect(try await scene.confirm().wait != nil)
    #expect(scene.labels.isEmpty)
    scene.hub.setPermission(.triage, of: "dan", in: Self.repository)
    scene.hub.react(.thumbsUp, by: "dan", to: comment.id, in: Self.repository)
    #expect(try await scene.confirm() == .completed)
    #expect(scene.labels == ["bug", "ui", "performance"])
  }

  @Test func aNoWeighsMoreAndIsRemembered() async throws {
    let scene = try await Scene(policy: "issues:\n  mode: gated\n")
    try await scene.look()
    let comment = try #require(scene.comments.first)
    scene.hub.setPermission(.admin, of: "ada", in: Self.repository)
    scene.hub.react(.thumbsUp, by: "ada", to: comment.id, in: Self.repository)
    scene.hub.react(.thumbsDown, by: "grace", to: comment.id, in: Self.repository)
    #expect(try await scene.confirm() == .completed)
    #expect(scene.labels.isEmpty)
    #expect(scene.comments[0].body.contains("not wanted"))
    try await scene.look(.asked, run: "run-2")
    #expect(try await scene.result("run-2")?["tags"]?.string == "")
    let report = try await EnrichmentReport.read(runs: scene.runs, issues: InMemoryIssueStore())
    #expect(report.rows.allSatisfy { $0.given == 1 && $0.removed == 1 && $0.precision == 0 })
    #expect(report.rows.count == 3)
  }

  @Test func aLabelThatWasTakenAwayStaysAwayAndCounts() async throws {
    let scene = try await Scene(policy: "issues:\n  mode: live\n")
    try await scene.look()
    scene.hub.removeLabel("bug", from: scene.issue)
    #expect(try await scene.look(.unlabeled, run: "run-2") == .completed)
    guard case .cancelled = try await scene.look(.unlabeled, run: "run-3") else {
      Issue.record("it counted twice")
      return
    }
    try await scene.look(.edited, run: "run-4")
    #expect(scene.labels == ["ui", "performance"])
    let report = try await EnrichmentReport.read(
      runs: scene.runs, issues: InMemoryIssueStore(), place: "github:\(Self.repository)")
    let bug = try #require(report.rows.first { $0.tag == "bug" })
    #expect(bug.given == 1 && bug.removed == 1)
    #expect(report.rows.first { $0.tag == "ui" }?.precision == 1)
    #expect(report.enrichments == 2 && report.fallbacks == 2)
  }

  // MARK: What is known

  @Test func anEarlierIssueThatSaysTheSameIsNamedWithItsScore() async throws {
    let scene = try await Scene(policy: "issues:\n  mode: gated\n")
    let twin = scene.hub.addIssue(
      in: Self.repository, title: "Crash when the form is sent", body: "The page breaks.")
    scene.hub.addIssue(in: Self.repository, title: "Dark mode", body: "Add one.")
    try await scene.look()
    let body = try #require(scene.comments.first?.body)
    #expect(body.contains("#\(twin.number) ("))
    #expect(body.contains("% alike"))
    #expect(!body.contains("#\(twin.number + 1)"))
  }

  @Test func aRepositorysLabelsAreLearned() async throws {
    let scene = try await Scene(
      policy: "issues:\n  mode: live\n", labels: ["area/printing", "area/login"],
      title: "Printer prints blank pages", body: "Paper jams in the tray.")
    for number in 0..<40 {
      scene.hub.addIssue(
        in: Self.repository, title: "Printer \(number) jams paper", body: "The tray prints blank.",
        labels: ["area/printing"])
      scene.hub.addIssue(
        in: Self.repository, title: "Password \(number) refused", body: "Login forgets sessions.",
        labels: ["area/login"])
    }
    try await scene.look()
    #expect(scene.labels == ["area/printing"])
    #expect(try await scene.result()?["source"]?.string == "classifier")
  }

  @Test func aModelMayNameLabelsOfTheRepositoryAlone() async throws {
    let fake = try await AnsweringModel([
      .tagged(["bug", "bug"], "The form crashes. @octocat")
    ])
    let scene = try await Scene(
      policy: "issues:\n  mode: live\n  instructions: Prefer bug.\n", model: fake.model)
    try await scene.look()
    #expect(scene.labels == ["bug"])
    #expect(!scene.comments[0].body.contains(" @octocat"))
    #expect(fake.asked.first?.contains("Prefer bug.") == true)
    #expect(try await scene.result()?["source"]?.string == "model")
  }

  @Test func duplicatesAreChosenAmongThoseThatWereFound() {
    var prompt = IssuePrompt()
    prompt.tags = ["bug", "docs"]
    prompt.areLabels = true
    prompt.candidates = [.init(id: "4", title: "a"), .init(id: "7", title: "b")]
    let answer = JSONValue.object([
      "summary": .string("It breaks."),
      "tags": .array(["evil", "docs"].map(JSONValue.string)),
      "duplicates": .array(["99", "7"].map(JSONValue.string)),
    ])
    #expect(
      prompt.reading(of: answer) == .init(summary: "It breaks.", tags: ["docs"], duplicates: ["7"]))
    #expect(prompt.reading(of: nil) == .init(summary: "", tags: []))
    let words = prompt.turns(title: "t", description: "d", random: { 1 }).map(\.text).joined()
    #expect(words.contains("4: a") && words.contains("7: b"))
  }

  @Test func aModelThatFailsIsTriedAgainThenTheWordsSpeak() async throws {
    let fake = try await AnsweringModel([], always: .error(status: 500, message: "down"))
    let scene = try await Scene(policy: "issues:\n  mode: live\n", model: fake.model)
    func attempt(_ number: Int) async throws -> JobOutcome {
      let work = Work.EnrichForgeIssue(
        access: scene.access, reference: scene.issue, askedBy: "github:ada", run: "run-1",
        cause: .opened)
      let job = Job(
        id: "job-1", kind: Work.EnrichForgeIssue.kind, arguments: try work.json(),
        state: .running, uniqueKey: nil, supersedeKey: nil, priority: 0, attempt: number,
        maxAttempts: 8, createdAt: Date(), scheduledAt: Date(), attemptedAt: Date(),
        finishedAt: nil, errors: [], cancelRequested: false, run: "run-1")
      return try await EnrichForgeIssue(ports: scene.ports).run(work, job: job)
    }
    for (number, seconds) in [(1, 60), (2, 120), (3, 180)] {
      let failure = await #expect(throws: JobFailure.self) { try await attempt(number) }
      #expect(failure?.retryAfter == .seconds(seconds))
    }
    #expect(scene.comments.isEmpty)
    #expect(try await attempt(4) == .completed)
    #expect(scene.labels == ["bug", "ui", "performance"])
    // So many failures at once also open the breaker.
    let failure = try await scene.result()?["model_failure"]?.string?.prefix { $0 != ":" }
    #expect(["unavailable", "suspended"].contains(failure))
  }

  // MARK: Bad input

  @Test func aPolicyThatCannotBeReadIsToldToWhoAsks() async throws {
    let scene = try await Scene(policy: "issues:\n  mode: lively\n")
    guard case .cancelled = try await scene.look() else {
      Issue.record("something was done")
      return
    }
    try await scene.look(.asked, run: "run-2")
    #expect(scene.comments.first?.body.contains("issues.mode") == true)
  }

  @Test func aLookWithoutPublishingChangesNothing() async throws {
    let scene = try await Scene(policy: "issues:\n  mode: live\n")
    try await scene.look(.asked, publishes: false)
    #expect(scene.labels.isEmpty && scene.comments.isEmpty)
    #expect(try await scene.result()?["tags"]?.string == "bug,ui,performance")
  }

  @Test func anIssueThatIsGoneIsLeft() async throws {
    let scene = try await Scene(policy: "issues:\n  mode: live\n")
    scene.hub.delete(scene.issue)
    guard case .cancelled(let reason) = try await scene.look() else {
      Issue.record("not cancelled")
      return
    }
    #expect(reason.contains("gone"))
  }
}
