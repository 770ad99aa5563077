public import Domain
public import Foundation
import Jobs

/// What came of forgetting somebody.
public struct ForgottenReviewers: Sendable, Hashable {
  /// Learned reviewers that are gone.
  public var count: Int
  /// Jobs that would have read, trained or spoken, and were ended.
  public var stopped: Int
  /// Adapters whose files are gone, and which a server may still hold: it did not let them go.
  public var notUnloaded: [AdapterName]

  public init(count: Int = 0, stopped: Int = 0, notUnloaded: [AdapterName] = []) {
    self.count = count
    self.stopped = stopped
    self.notUnloaded = notUnloaded
  }

  /// What is left to do by whoever runs Stet; `nil` where nothing is.
  public var remains: String? {
    guard !notUnloaded.isEmpty else { return nil }
    return "\(notUnloaded.count == 1 ? "One adapter" : "\(notUnloaded.count) adapters") could not "
      + "be taken from the server of adapters, which may hold it in memory still: whoever runs Stet "
      + "restarts that server, or `stet serve` where Stet starts it. The files are gone."
  }
}

/// Takes away what was learned of a person: examples, vectors, adapters on every server, checkpoints,
/// training data, what gatherings have read, consent, and answers of the forge in which their words
/// may still stand. The audit trail keeps that it happened.
///
/// A reviewer's row goes last, as it tells where the rest is: what was cut off is begun anew from it.
public struct ForgetReviewer: Sendable {
  let ports: LearningPorts

  public init(ports: LearningPorts) { self.ports = ports }

  private struct Whom: Sendable {
    enum User: Sendable {
      case number(Int64)
      /// In lower case.
      case login(String)
    }

    var forge: String?
    var repository: RepositoryName?
    var user: User

    func isMet(by identity: ReviewerIdentity) -> Bool {
      if let forge, forge != identity.forge { return false }
      if let repository,
        repository.description.lowercased() != identity.repository.description.lowercased()
      {
        return false
      }
      return switch user {
      case .number(let id): identity.user.id == id
      case .login(let login): identity.user.login.lowercased() == login
      }
    }
  }

  /// By number, for the person who says so themselves.
  /// - Parameter repository: `nil`: everywhere on that forge.
  public func forget(
    _ account: ForgeAccount, on forge: String, in repository: RepositoryName? = nil,
    by actor: String
  ) async throws -> ForgottenReviewers {
    let named = repository.map {
      ReviewerIdentity(forge: forge, repository: $0, user: account)
    }
    return try await forget(
      Whom(forge: forge, repository: repository, user: .number(account.id)),
      also: named.map { [$0] } ?? [], by: actor)
  }

  /// By login, for somebody at the machine; also where the account is gone.
  public func forget(
    login: String, in repository: RepositoryName?, by actor: String
  ) async throws -> ForgottenReviewers {
    try await forget(
      Whom(forge: nil, repository: repository, user: .login(login.lowercased())), also: [],
      by: actor)
  }

  /// Those that nobody has gathered for in so long, gatherings that nobody goes on with, and what
  /// belongs to no reviewer any more.
  /// - Returns: how many reviewers are gone.
  public func prune(olderThan age: Duration, now: Date) async throws -> Int {
    _ = try await ports.gatherings.removeAll(olderThan: .seconds(7 * 86_400))
    let end = now.addingTimeInterval(-age.seconds)
    // Read before the reviewers: whoever is new has a row before there are vectors.
    let scopes = try await ports.index.scopes()
    var owned: Set<String> = []
    var gone = 0
    for reviewer in try await ports.reviewers.reviewers(of: nil) {
      owned.insert(ExampleSearch.scope(reviewer))
      guard let at = reviewer.gatheredAt, at < end else { continue }
      let identity = reviewer.identity
      let stopped = try await stop(
        Whom(
          forge: identity.forge, repository: identity.repository, user: .number(identity.user.id)))
      try await clear(stopped.people.union([identity]))
      _ = try await forget(reviewer, by: "upkeep")
      gone += 1
    }
    _ = try await ports.reviewers.removeOrphans()
    for scope in scopes
    where scope.hasPrefix(ExampleSearch.scopePrefix) && !owned.contains(scope) {
      try await ports.index.remove(scope: scope)
    }
    return gone
  }

  private func forget(
    _ whom: Whom, also named: [ReviewerIdentity], by actor: String
  ) async throws -> ForgottenReviewers {
    var forgotten = ForgottenReviewers()
    let stopped = try await stop(whom)
    let found = try await ports.reviewers.reviewers(of: whom.repository).filter {
      whom.isMet(by: $0.identity)
    }
    let people = stopped.people.union(named).union(found.map(\.identity))
    // First of all: a job of somebody else that begins meanwhile is refused by it.
    for identity in people { try await ports.consents.forget(identity) }
    try await clear(people)
    for reviewer in found { forgotten.notUnloaded += try await forget(reviewer, by: actor) }
    // What a job that ran until now has begun.
    let late = try await stop(whom)
    try await clear(late.people)
    forgotten.count = found.count
    forgotten.stopped = stopped.jobs + late.jobs
    return forgotten
  }

  // MARK: One reviewer

  /// - Returns: adapters that a server may still hold.
  private func forget(
    _ reviewer: LearnedReviewer, by actor: String
  ) async throws -> [AdapterName] {
    let identity = reviewer.identity
    let scope = ExampleSearch.scope(reviewer)
    try await ports.index.remove(scope: scope)
    // Their words before anything that may fail.
    try await ports.reviewers.removeExamples(of: reviewer.id)
    var (left, facts) = ([AdapterName](), ["reviewer": reviewer.id])
    var refusals: [String] = []
    var seen: Set<AdapterName> = []
    while true {
      // Read again: a training may have ended meanwhile.
      let known = try await ports.reviewers.reviewer(identity) ?? reviewer
      let trainings = known.trainings.filter { seen.insert($0.name).inserted }
      if trainings.isEmpty { break }
      for training in trainings {
        if let code = try await unload(training) {
          left.append(training.name)
          refusals.append("\(training.name) (\(code.rawValue))")
        }
      }
    }
    try ports.folders.removeAll(of: reviewer.id)
    try await ports.dropAnswers(identity.repository)
    // Last, and what a running job ends by.
    try await ports.reviewers.forget(identity)
    if !refusals.isEmpty { facts["not_unloaded"] = refusals.joined(separator: ", ") }
    try await ports.audit.append(
      AuditEvent(
        actor: actor, action: "reviewer.forgotten",
        place: "\(identity.forge):\(identity.repository)", decidedBy: "forget", facts: facts))
    // Of a job that was writing until then.
    try await ports.index.remove(scope: scope)
    try ports.folders.removeAll(of: reviewer.id)
    return left
  }

  /// - Returns: why the server of adapters did not let it go.
  private func unload(_ training: TrainedAdapter) async throws -> AdapterError.Code? {
    var refused: AdapterError.Code?
    do { try await ports.adapters?.unload(training.name) } catch {
      if error.code == .cancelled { throw CancellationError() }
      refused = error.code
    }
    // Also where no server of adapters is set any more.
    if let folder = training.folder {
      try ports.folders.remove(adapter: training.name, at: folder)
    }
    return refused
  }

  // MARK: Jobs

  /// Why their jobs end.
  static let reason = "the person was forgotten."
  private static let unfinished: [JobState] = [.available, .scheduled, .running, .retryable]
  private static let page = 1_000

  /// Ends the jobs that learn, train or speak as this person, whoever asked for them, and says so
  /// where somebody waits for a review.
  private func stop(
    _ whom: Whom
  ) async throws -> (people: Set<ReviewerIdentity>, jobs: Int) {
    var people: Set<ReviewerIdentity> = []
    var count = 0
    // Each kind begins jobs of the next.
    for kind in [Work.ReviewAs.kind, Work.LearnReviewer.kind, Work.TrainReviewer.kind] {
      var last: String?
      while true {
        let jobs = try await ports.jobs.jobs(
          JobFilter(states: Self.unfinished, kind: kind, before: last, limit: Self.page))
        for job in jobs {
          guard let identity = Self.identity(of: job), whom.isMet(by: identity) else { continue }
          let ended = try await ports.jobs.cancel(id: job.id, reason: Self.reason)
          people.insert(identity)
          count += 1
          if kind == Work.ReviewAs.kind, ended?.state == .cancelled {
            await ReviewAs.tell(
              "\(Defanged.codeSpan(identity.user.login)) was forgotten, so that nobody reviews this "
                + "in their manner.", job, ports)
          }
        }
        guard jobs.count == Self.page, let next = jobs.last?.id else { break }
        last = next
      }
    }
    return (people, count)
  }

  private static func identity(of job: Job) -> ReviewerIdentity? {
    switch job.kind {
    case Work.LearnReviewer.kind: return (try? Work.LearnReviewer(of: job))?.identity
    case Work.TrainReviewer.kind: return (try? Work.TrainReviewer(of: job))?.identity
    case Work.ReviewAs.kind:
      guard let work = try? Work.ReviewAs(of: job) else { return nil }
      return ReviewerIdentity(
        forge: work.access.forge, repository: work.access.repository, user: work.user)
    default: return nil
    }
  }

  /// What gatherings of them have read.
  private func clear(_ people: Set<ReviewerIdentity>) async throws(StoreError) {
    for identity in people {
      let learning = Work.LearnReviewer(
        access: ForgeAccess(forge: identity.forge, repository: identity.repository),
        user: identity.user, asker: nil, askedBy: "", run: "")
      for name in GatherReviews.names(learning) { try await ports.gatherings.remove(name) }
    }
  }
}

extension ReviewAs {
  /// What `ReviewerAsking` begins once everybody who has to agree has agreed.
  /// - Returns: `nil`: the review is the answer.
  public func start(_ request: ReviewerRequest) async throws -> String? {
    let asker = "\(request.access.forge):\(request.asker.login)"
    let work = Work.ReviewAs(
      access: request.access, reference: request.reference, user: request.user,
      forceReload: request.forceReload, tone: request.isBareAlias ? .snarky : .learned,
      asker: request.asker, askedBy: asker, comment: request.comment, thread: request.thread,
      run: TimeOrderedID.next(ports.now()))
    let place = "\(request.access.forge):\(request.reference)".lowercased()
    _ = try await ports.jobs.enqueue([
      NewJob(
        kind: Work.ReviewAs.kind, arguments: try work.json(),
        uniqueKey: "\(place) \(request.user.id) \(request.comment.kind.rawValue) "
          + "\(request.comment.id)",
        group: WorkLimits.group(request.access),
        // One likeness at a time on one pull request: they see what the other has said.
        limits: [JobLimit("likeness:\(place)", concurrency: 1)]
          + ports.limits.ofReview(request.access),
        priority: -1, run: work.run)
    ])
    do {
      let forge = try await ports.openForge(request.access)
      try await forge.react(
        .eyes, to: request.comment, in: request.access.repository)
    } catch {
      // A sign that it was heard, no more.
      if error.code == .cancelled || error.code == .rateLimited { throw error }
    }
    return nil
  }
}
