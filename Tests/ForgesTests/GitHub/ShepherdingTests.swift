import Domain
import TestKit
import Testing

@testable import Forges

@Suite("Moving pull requests along on GitHub")
struct ShepherdingTests {
  private struct Scene {
    let hub: FakeGitHub
    let server: FaultServer
    let forge: GitHubForge
    let reference: PullRequestReference
    var repository: RepositoryName { reference.repository }
    var head: String { hub.standing(of: reference)?.head ?? "" }
    var state: PullRequest.State? { hub.standing(of: reference)?.state }
  }

  private func scene() async throws -> Scene {
    let hub = FakeGitHub()
    let reference = hub.addPullRequest(
      in: ForgeBench.repository, author: "ada", base: ["a.py": Array("a = 1\n".utf8)],
      head: ["b.py": Array("b = 1\nb = 2\n".utf8)], labels: ["old"])
    hub.addToken(ForgeBench.token, for: "stet-account")
    for login in ["stet-account", "ann"] {
      hub.setPermission(.admin, of: login, in: ForgeBench.repository)
    }
    let server = try await hub.listen { _ in }
    return Scene(
      hub: hub, server: server, forge: try ForgeBench.forge(server.url), reference: reference)
  }

  private func refusal(_ body: () async throws -> Void) async -> ForgeError.Code? {
    do {
      try await body()
      return nil
    } catch {
      return (error as? ForgeError)?.code
    }
  }

  @Test("facts are read as they stand")
  func facts() async throws {
    let scene = try await scene()
    let (forge, hub, reference) = (scene.forge, scene.hub, scene.reference)
    #expect(try await forge.defaultBranch(of: scene.repository) == "main")
    #expect(
      try await forge.tip(of: "main", in: scene.repository) == hub.commit(in: scene.repository))
    #expect(try await forge.tip(of: "no/such", in: scene.repository) == nil)
    let details = try await forge.details(of: reference)
    #expect(details.mergeability == .clean)
    #expect(details.pullRequest.head == scene.head)
    #expect(!details.isLocked)
    #expect(
      try await forge.changedFiles(of: reference) == [.init(path: "b.py", additions: 2)])
    hub.addReview("CHANGES_REQUESTED", by: "ann", on: reference)
    let review = hub.addReview("APPROVED", by: "ann", on: reference)
    try await forge.dismiss(review: review, on: reference, message: "late")
    #expect(
      try await forge.statedReviews(of: reference).map(\.state) == [.changesRequested, .dismissed])
    hub.setStatus("build", "pending", on: scene.head, in: scene.repository)
    hub.setStatus("build", "success", on: scene.head, in: scene.repository)
    hub.setStatus("lint", "error", on: scene.head, in: scene.repository)
    let checks = try await forge.allChecks(on: scene.head, in: scene.repository)
    #expect(
      Set(checks) == [
        .init(name: "build", conclusion: .success, commit: scene.head),
        .init(name: "lint", conclusion: .failure, commit: scene.head),
      ])
    #expect(try await forge.protection(of: "main", in: scene.repository) == .init())
    hub.protect("main", in: scene.repository, approvals: 2, checks: ["build"], isStrict: true)
    #expect(
      try await forge.protection(of: "main", in: scene.repository)
        == .init(approvals: 2, checks: ["build"], needsUpToDate: true))
    hub.commit(["c.py": [1]], in: scene.repository)
    #expect(
      try await forge.commitsBehind(base: "main", head: scene.head, in: scene.repository) == 1)
    hub.addTeam("octo/core", members: ["ann"])
    #expect(try await forge.isMember("ann", ofTeam: "octo/core") == true)
    #expect(try await forge.isMember("ada", ofTeam: "octo/core") == false)
    #expect(try await forge.isMember("ada", ofTeam: "octo/unseen") == nil)
    let open = try await forge.pullRequests(in: scene.repository, areOpen: true, limit: 5)
    #expect(open.map(\.reference) == [reference])
    #expect(try await forge.pullRequests(in: scene.repository, areOpen: false, limit: 5).isEmpty)
  }

  @Test("a suite with jobs to come is a check that has not ended")
  func openSuite() async throws {
    let scene = try await scene()
    func checks() async throws -> [String: PolicyFacts.Check.Conclusion] {
      Dictionary(
        uniqueKeysWithValues: try await scene.forge.allChecks(on: scene.head, in: scene.repository)
          .map { ($0.name, $0.conclusion) })
    }
    scene.hub.addJob("build", "success", isLast: false, on: scene.head, in: scene.repository)
    #expect(
      try await checks() == ["build": .success, "github-actions's check suite": .pending])
    scene.hub.addJob("deploy", "success", isLast: true, on: scene.head, in: scene.repository)
    #expect(try await checks() == ["build": .success, "deploy": .success])
  }

  @Test("who may not administer sees a branch's checks, and is not told that it is unprotected")
  func protectionWithoutTheRight() async throws {
    let scene = try await scene()
    scene.hub.setPermission(.write, of: "stet-account", in: scene.repository)
    func protection() async throws -> PolicyFacts.Protection? {
      try await scene.forge.protection(of: "main", in: scene.repository)
    }
    #expect(try await protection() == .init())
    scene.hub.protect("main", in: scene.repository, approvals: 2, checks: ["build"])
    #expect(try await protection() == .init(checks: ["build"]))
    #expect(
      try await scene.forge.protection(of: "no-such", in: scene.repository) == nil)
  }

  @Test("labels, people, state and lock are changed")
  func changes() async throws {
    let scene = try await scene()
    let (forge, reference) = (scene.forge, scene.reference)
    try await forge.setLabels(add: ["new"], remove: ["old", "none"], on: reference)
    try await forge.assign(["ann"], to: reference)
    try await forge.requestReviews(from: ["ann", "octo/core"], on: reference)
    #expect(try await forge.reviewLoads(in: scene.repository) == ["ann": 1])
    #expect(
      try await forge.details(of: reference).requestedReviewers == ["ann", "@octo/core"])
    #expect(
      await refusal { try await forge.requestReviews(from: ["ada"], on: reference) } == .rejected)
    try await forge.lock(reference, reason: .tooHeated)
    try await forge.setOpen(false, reference)
    let standing = try #require(scene.hub.standing(of: reference))
    #expect(standing.labels == ["new"])
    #expect(standing.assignees == ["ann"])
    #expect(standing.isLocked)
    #expect(standing.state == .closed)
    try await forge.setOpen(true, reference)
    #expect(scene.state == .open)
    try await forge.setStatus(
      "gate", .pending, description: "waits", on: scene.head, in: scene.repository)
    #expect(
      try await forge.allChecks(on: scene.head, in: scene.repository).map(\.conclusion) == [
        .pending
      ]
    )
    try await forge.dispatch(
      workflow: "deploy.yml", ref: "main", inputs: ["n": "7"], in: scene.repository)
  }

  @Test(
    "a merge is for the expected head, and only where the branch allows it",
    arguments: MergeMethod.allCases)
  func merge(_ method: MergeMethod) async throws {
    let scene = try await scene()
    let (forge, reference) = (scene.forge, scene.reference)
    func merge(_ head: String) async -> ForgeError.Code? {
      await refusal {
        _ = try await forge.merge(
          reference, expectedHead: head, method: method, title: "T", message: nil)
      }
    }
    scene.hub.protect("main", in: scene.repository, approvals: 1, checks: ["build"])
    let before = scene.head
    scene.hub.push(["d.py": [1]], to: reference)
    #expect(await merge("") == .rejected)
    #expect(await merge(before) == .conflict)
    #expect(await merge(scene.head) == .rejected)
    scene.hub.addReview("APPROVED", by: "ann", on: reference)
    #expect(await merge(scene.head) == .rejected)
    scene.hub.setStatus("build", "success", on: scene.head, in: scene.repository)
    #expect(scene.state == .open)
    #expect(await merge(scene.head) == nil)
    #expect(scene.state == .merged)
    #expect(await merge(scene.head) == .rejected)
    #expect(
      try await forge.details(of: reference).mergeCommit == scene.hub.commit(in: scene.repository))
  }

  @Test("two merges at once are a conflict, which passes; what the branch asks for does not")
  func mergesAtOnce() async throws {
    let scene = try await scene()
    for (words, code) in [
      ("Base branch was modified. Review and try the merge again.", .conflict),
      ("Pull Request is not mergeable", .rejected),
    ] as [(String, ForgeError.Code)] {
      scene.hub.inject(
        GitHubFault(.answer(status: 405, body: #"{"message": "\#(words)"}"#), on: "PUT", "/merge"))
      let refused = await refusal {
        _ = try await scene.forge.merge(
          scene.reference, expectedHead: scene.head, method: .merge, title: nil, message: nil)
      }
      #expect(refused == code)
    }
  }

  @Test("the base comes into the head, if the head is the expected one")
  func updateBranch() async throws {
    let scene = try await scene()
    let (forge, reference) = (scene.forge, scene.reference)
    scene.hub.commit(["c.py": [1]], in: scene.repository)
    let before = scene.head
    #expect(
      await refusal { try await forge.updateBranch(of: reference, expectedHead: "0") } == .rejected)
    try await forge.updateBranch(of: reference, expectedHead: before)
    #expect(scene.head != before)
    #expect(
      try await forge.commitsBehind(base: "main", head: scene.head, in: scene.repository) == 0)
  }

  @Test("heads are put together on a trial branch, which may be begun anew and removed")
  func trial() async throws {
    let scene = try await scene()
    let forge = scene.forge
    let other = scene.hub.addPullRequest(
      in: scene.repository, author: "bob", head: ["c.py": [1]], headBranch: "c")
    let clash = scene.hub.addPullRequest(
      in: scene.repository, author: "bob", head: ["b.py": [2]], headBranch: "clash")
    func head(_ reference: PullRequestReference) -> (number: Int, commit: String) {
      (reference.number, scene.hub.standing(of: reference)?.head ?? "")
    }
    let base = try #require(scene.hub.commit(in: scene.repository))
    for _ in 1...2 {
      let trial = try await forge.makeTrial(
        branch: "stet-queue/main/1", upon: base, heads: [head(scene.reference), head(other)],
        in: scene.repository)
      guard case .built(let commit) = trial else {
        Issue.record("\(trial)")
        return
      }
      for (_, own) in [head(scene.reference), head(other)] {
        #expect(scene.hub.stands(commit, on: own, in: scene.repository))
      }
    }
    let conflict = try await forge.makeTrial(
      branch: "stet-queue/main/2", upon: base, heads: [head(scene.reference), head(clash)],
      in: scene.repository)
    #expect(conflict == .conflicted(number: clash.number))
    for _ in 1...2 {
      for batch in 1...2 {
        try await forge.removeBranch("stet-queue/main/\(batch)", in: scene.repository)
      }
    }
    #expect(scene.hub.branches(beginning: "stet-queue", in: scene.repository).isEmpty)
  }
}
