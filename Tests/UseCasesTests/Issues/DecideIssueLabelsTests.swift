import Domain
import Forges
import Foundation
import Jobs
import Storage
import TestKit
import Testing
import WebClient

@testable import UseCases

/// A word that was given elsewhere than on the forge, done on a fake GitHub by the real adapter.
@Suite struct DecideIssueLabelsTests {
  private static let repository = RepositoryName(owner: "octo-org", name: "shop")

  private struct Scene {
    let hub = FakeGitHub()
    let ports: EnrichForgeIssue.Ports
    let issue: PullRequestReference
    let server: FaultServer

    /// An issue whose labels were proposed, and wait.
    init(_ folder: URL) async throws {
      let repository = DecideIssueLabelsTests.repository
      hub.addRepository(
        repository, files: [".stet.yml": Array("issues:\n  mode: gated\n".utf8)])
      hub.addLabels(["bug", "ui"], to: repository)
      issue = hub.addIssue(in: repository, title: "Crash in the form", body: "The page breaks.")
      let token = ["token", "of", "the", "decision"].joined(separator: "-")
      hub.addToken(token, for: "stet-account")
      hub.setPermission(.write, of: "stet-account", in: repository)
      server = try await hub.listen()
      let connection = try GitHubConnection(
        GitHubConfiguration(
          apiURL: server.url, credentials: .token(token),
          client: WebClient(configuration: WebClientConfiguration(userAgent: "stet/test")),
          deadline: .seconds(10), retry: .never))
      ports = EnrichForgeIssue.Ports(
        openForge: { access throws(ForgeError) in
          connection.forge(for: access.repository, installation: access.installation)
        }, model: nil, publications: InMemoryPublicationStore(), runs: InMemoryRunStore(),
        audit: InMemoryAuditTrail(),
        jobs: SQLJobStore(SQLiteDatabase(path: folder.appending(path: "stet.db").path)))
      _ = try await EnrichForgeIssue(ports: ports).run(
        Work.EnrichForgeIssue(
          access: ForgeAccess(forge: "github", repository: repository), reference: issue,
          askedBy: "github:ada", run: "run-1", cause: .opened), job: nil)
    }

    var waiting: [LabelProposal] {
      get async throws {
        try await ReadProposals(
          jobs: ports.jobs, publications: ports.publications, runs: ports.runs
        ).page(limit: 10).proposals
      }
    }

    func decide(_ job: String, isYes: Bool, by who: String) async throws -> DecideIssueLabels.Answer
    {
      try await DecideIssueLabels(
        jobs: ports.jobs, publications: ports.publications, audit: ports.audit
      ).decide(job, isYes: isYes, by: who)
    }

    /// Runs what is due as a worker would, once.
    func work() async throws -> [JobOutcome] {
      var outcomes: [JobOutcome] = []
      for claimed in try await ports.jobs.claim(
        kinds: [Work.ConfirmIssueLabels.kind], limit: 10, worker: "w", lease: .seconds(60))
      {
        let outcome = try await ConfirmIssueLabels(ports: ports).handle(claimed.job)
        outcomes.append(outcome)
        _ = try await ports.jobs.finish(
          claimed.lease, outcome == .completed ? .completed : .cancelled(reason: "test"))
      }
      return outcomes
    }
  }

  private func withScene(_ body: (Scene) async throws -> Void) async throws {
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "stet-decide-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let scene = try await Scene(folder)
    try await body(scene)
    await scene.server.stop()
  }

  @Test(arguments: [true, false])
  func aWordIsDoneAtOnceAndOnce(isYes: Bool) async throws {
    try await withScene { scene in
      let proposal = try #require(try await scene.waiting.first)
      #expect(proposal.labels == ["bug", "ui"] && proposal.word == nil)
      // Nothing is due before a minute is over.
      #expect(try await scene.work() == [])
      let first = try await scene.decide(proposal.job, isYes: isYes, by: "token:t1")
      guard case .taken = first else {
        Issue.record("\(first)")
        return
      }
      for _ in 0..<2 {
        #expect(try await scene.decide(proposal.job, isYes: !isYes, by: "token:t2") == .alreadySaid)
      }
      #expect(
        try await scene.waiting.map(\.word) == [
          Work.ConfirmIssueLabels.Word(isYes: isYes, by: "token:t1")
        ])
      #expect(try await scene.work() == [.completed])
      #expect(scene.hub.labels(of: scene.issue) == (isYes ? ["bug", "ui"] : []))
      let comments = scene.hub.comments(on: scene.issue)
      #expect(comments.count == 1)
      #expect(comments[0].body.contains(isYes ? "Labels: `bug`, `ui`" : "were not wanted"))
      #expect(try await scene.waiting.isEmpty)
      #expect(try await scene.decide(proposal.job, isYes: true, by: "token:t3") == .settled)
      #expect(try await scene.work() == [])
      let events = try await scene.ports.audit.entries(after: 0, limit: 20).map(\.event)
      let said = events.filter { $0.action.hasPrefix("labels.") || $0.action == "issue.labeled" }
      #expect(
        said.map(\.action) == [
          isYes ? "labels.confirmed" : "labels.rejected",
          isYes ? "issue.labeled" : "labels.declined",
        ])
      #expect(said.allSatisfy { $0.actor == "token:t1" })
    }
  }

  @Test func aNewProposalTakesThePlaceOfAWordOnTheOld() async throws {
    try await withScene { scene in
      let old = try #require(try await scene.waiting.first)
      _ = try await scene.decide(old.job, isYes: true, by: "token:t1")
      scene.hub.setText(title: "The page breaks", body: "A bug.", of: scene.issue)
      _ = try await EnrichForgeIssue(ports: scene.ports).run(
        Work.EnrichForgeIssue(
          access: ForgeAccess(forge: "github", repository: Self.repository),
          reference: scene.issue, askedBy: "github:ada", run: "run-2", cause: .edited), job: nil)
      #expect(try await scene.work() == [])
      let new = try await scene.waiting
      #expect(new.map(\.run) == ["run-2"] && new.first?.word == nil)
      #expect(scene.hub.labels(of: scene.issue) == [])
      #expect(try await scene.decide(old.job, isYes: true, by: "token:t1") == .settled)
    }
  }

  @Test func whatIsNoProposalIsUnknown() async throws {
    try await withScene { scene in
      let other = try await scene.ports.jobs.enqueue([NewJob(kind: "upkeep", arguments: "{}")])
      for id in ["none", other[0].id] {
        #expect(try await scene.decide(id, isYes: true, by: "cli") == .unknown)
      }
    }
  }
}
