import Domain
import Jobs

/// One try of one fix.
struct FixAttempt: Sendable {
  let ports: FixPullRequest.Ports
  let arguments: Work.FixPullRequest
  let forge: any Forge
  let ledger: FixLedger
  let number: Int
  let isLast: Bool
  let job: Job?
  let progress: @Sendable (String) -> Void
  private let began = ContinuousClock.now

  /// Of all runs of the tests: what is left of the job's hour is for saying what came of them.
  private static let longest = Duration.seconds(3_300)

  init(
    ports: FixPullRequest.Ports, arguments: Work.FixPullRequest, forge: any Forge,
    ledger: FixLedger, number: Int, isLast: Bool, job: Job?,
    progress: @escaping @Sendable (String) -> Void
  ) {
    self.ports = ports
    self.arguments = arguments
    self.forge = forge
    self.ledger = ledger
    self.number = number
    self.isLast = isLast
    self.job = job
    self.progress = progress
  }

  var reference: PullRequestReference { arguments.reference }

  func run() async throws -> JobOutcome {
    if try await isAnswered() { return .completed }
    guard let pull = try await readPullRequest() else {
      return try await ended("the pull request is gone")
    }
    if let before = try await pushedBefore(pull) {
      ledger.change { $0 = before }
      try await finish(before, pull)
      return .completed
    }
    guard pull.state == .open else {
      return try await ended("the pull request is \(pull.state.rawValue)")
    }
    guard try await mayStillAsk() else {
      try await ledger.trail.note("fix.refused")
      return try await ended("who asked has no write permission in this repository any more")
    }
    guard let policy = try await readPolicy() else {
      return try await ended("its policy \(BasePolicies.file) cannot be read")
    }
    do {
      return try await mend(pull, policy, mayReopen: true)
    } catch let error as WorkspaceError {
      return try await ended(error)
    }
  }

  private func mend(
    _ pull: PullRequest, _ policy: FixPolicy, mayReopen: Bool
  ) async throws -> JobOutcome {
    let opened = try await open(pull)
    do {
      let change = try await forge.diff(of: reference)
      // The forge's diff is of the head as it stands now.
      if mayReopen, let now = try await readPullRequest(), now.head != opened.workspace.head {
        await opened.workspace.close()
        progress("the branch has moved; fetching it anew")
        return try await mend(now, policy, mayReopen: false)
      }
      let outcome = try await mend(pull, policy, opened, change)
      await opened.workspace.close()
      return outcome
    } catch {
      await opened.workspace.close()
      throw error
    }
  }

  private func mend(
    _ pull: PullRequest, _ policy: FixPolicy, _ opened: FixCheckout, _ change: ForgeDiff
  ) async throws -> JobOutcome {
    guard let diff = try? Diff(parsing: change.bytes) else {
      return try await ended("the forge's diff of it cannot be read")
    }
    ledger.note(input: "diff", change.bytes)
    let findings = try await findings()
    if arguments.finding != nil, findings.isEmpty {
      return try await ended("the finding that it was asked for is not known any more")
    }
    let targets = try await FixTargets(
      diff, leftOut: change.leftOut,
      wish: .init(
        wanted: wanted(findings), named: arguments.paths, ofMaintainer: try await isMaintainer()),
      findings: findings, policy: policy, in: opened.workspace)
    ledger.change { $0.left = targets.left }
    var fix = FoundFix(targets: targets, outcome: FixLoop.Outcome(), diff: diff)
    if !targets.files.isEmpty {
      var loop = FixLoop(
        ports: .init(
          model: ports.model?.within(ports.tokenBudget, of: arguments.access),
          syntax: ports.syntax, sandbox: ports.sandbox, random: ports.random),
        limits: .init(rounds: ports.limits.rounds, end: .now + time(policy)),
        files: targets.files, trial: trial(policy, targets.files.map(\.path), opened.workspace),
        progress: progress)
      fix.outcome = try await loop.run()
      ledger.note(fix.outcome.toll)
      ledger.change { $0.take(fix.outcome, command: policy.testCommand) }
    }
    try Task.checkCancellation()
    if let failure = fix.outcome.modelFailure, !isLast, number < ports.limits.modelTries,
      fix.outcome.chosen.isEmpty, ModelPatience.waits(for: failure)
    {
      throw JobFailure(
        "the model failed (\(failure.code.rawValue)): \(SecretMask.masked(failure.detail).text)",
        retryAfter: failure.retryAfter)
    }
    return try await FixDelivery(attempt: self, pull: pull, policy: policy).deliver(fix, opened)
  }

  // MARK: What it goes by

  func readPullRequest() async throws(ForgeError) -> PullRequest? {
    do {
      return try await forge.pullRequest(reference)
    } catch {
      if error.code == .notFound { return nil }
      throw error
    }
  }

  /// Time enough for some runs of slow tests.
  private func time(_ policy: FixPolicy) -> Duration {
    guard policy.testCommand != nil else { return ports.limits.time }
    return max(ports.limits.time, min(policy.timeout * 6, .seconds(3_000)))
  }

  /// What stands against a change now: minutes pass while it is found.
  /// - Returns: the pull request, or why nothing may be changed: the middle of a sentence.
  func standing(_ before: PullRequest) async throws -> (pull: PullRequest?, reason: String) {
    guard let now = try await readPullRequest() else { return (nil, "the pull request is gone") }
    guard now.state == .open else { return (nil, "the pull request is \(now.state.rawValue)") }
    guard now.headBranch == before.headBranch, now.headRepository == before.headRepository else {
      return (nil, "its head is not the branch any more that it was")
    }
    guard try await mayStillAsk() else {
      try await ledger.trail.note("fix.refused")
      return (nil, "who asked has no write permission in this repository any more")
    }
    return (now, "")
  }

  private func mayStillAsk() async throws(ForgeError) -> Bool {
    guard arguments.publishes, let login = arguments.login else { return true }
    return try await forge.permission(of: login, in: reference.repository) >= .write
  }

  /// Whether who asked may have files changed that say who may do what here.
  private func isMaintainer() async throws(ForgeError) -> Bool {
    guard arguments.publishes, let login = arguments.login,
      arguments.paths.contains(where: ProtectedPaths.needsMaintainer)
    else { return true }
    return try await forge.permission(of: login, in: reference.repository) >= .maintain
  }

  /// Of the default branch: neither the change nor another branch may say how it is proved.
  /// - Returns: `nil` where it cannot be read. What it asks for is not known then, so nothing is
  ///   done instead.
  private func readPolicy() async throws(ForgeError) -> FixPolicy? {
    guard
      let bytes = try await forge.file(
        BasePolicies.file, in: reference.repository, at: "HEAD")
    else { return FixPolicy() }
    ledger.note(input: "policy", bytes)
    return try? PolicyReader.read(bytes).fix
  }

  /// What the published review said, but for what somebody asked to be silent about.
  private func findings() async throws(StoreError) -> [Finding] {
    let record = try await ports.publications.publication(
      on: arguments.access.forge, of: reference)
    guard let record, let id = record.run, let review = try await ports.runs.run(id: id)?.review
    else { return [] }
    let known = review.findings.filter { record.ignored[$0.fingerprint] == nil }
    guard let asked = arguments.finding else { return known }
    return known.filter { $0.fingerprint == asked }
  }

  /// A finding's file is wanted, and for all that nobody has named it.
  private func wanted(_ findings: [Finding]) -> [String] {
    guard arguments.paths.isEmpty, arguments.finding != nil else { return arguments.paths }
    return Array(Set(findings.map(\.path)))
  }

  func trial(
    _ policy: FixPolicy, _ paths: [SourcePath], _ workspace: any Workspace
  ) -> TestTrial? {
    guard let command = policy.testCommand else { return nil }
    let tests = paths.filter(TestGuard.isTest)
    let last = began + Self.longest
    return TestTrial(
      command: command,
      canary: TestCanary(command: command, tests: tests, random: ports.random()), end: last
    ) { changes async throws(WorkspaceError) in
      let limits = SandboxLimits(
        time: min(policy.timeout, max(last - .now, .seconds(1))), processorTime: policy.timeout,
        memory: .mebibytes(2_048), processes: 256, descriptors: 1_024, disk: .mebibytes(512),
        inodes: 65_536, output: .mebibytes(2))
      return try await workspace.run(command, with: changes, image: policy.image, limits: limits)
    }
  }

  // MARK: The checkout

  /// A fork that Stet may not even read is read through the pull request's own repository.
  private func open(_ pull: PullRequest) async throws(WorkspaceError) -> FixCheckout {
    progress("fetching the head")
    if let head = pull.headRepository {
      do throws(WorkspaceError) {
        let workspace = try await open(head, pull.headBranch, pull.head)
        return FixCheckout(workspace: workspace, isHeads: true)
      } catch {
        let isForeign = head != reference.repository
        guard isForeign, error.code == .notFound || error.code == .unauthorized else {
          throw error
        }
      }
    }
    let workspace = try await open(reference.repository, pull.baseBranch, pull.head)
    return FixCheckout(workspace: workspace, isHeads: false)
  }

  func open(
    _ repository: RepositoryName, _ branch: String, _ commit: String
  ) async throws(WorkspaceError) -> any Workspace {
    let remote: GitRemote
    do throws(ForgeError) {
      remote = try await forge.gitRemote(for: repository)
    } catch {
      throw WorkspaceError(error)
    }
    return try await ports.workspaces(
      WorkspacePlan(remote: remote.url, branch: branch, commit: commit, token: remote.token))
  }
}

/// An opened head, and whether its branch is the one that a commit would go to.
struct FixCheckout: Sendable {
  var workspace: any Workspace
  var isHeads: Bool
}

/// What was found for a pull request.
struct FoundFix: Sendable {
  var targets: FixTargets
  var outcome: FixLoop.Outcome
  /// Of the pull request.
  var diff: Diff
}

extension WorkspaceError {
  init(_ error: ForgeError) {
    let code: Code =
      switch error.code {
      case .unauthorized: .unauthorized
      case .notFound: .notFound
      case .rateLimited, .unreachable, .malformed, .conflict: .unreachable
      case .rejected: .rejected
      case .cancelled: .cancelled
      }
    self.init(code: code, detail: error.detail)
  }
}
