public import Domain
public import Foundation
import Jobs

/// Takes away what was learned of a person: examples, vectors, adapters on every server, checkpoints,
/// training data, what gatherings have read, consent, and answers of the forge in which their words
/// may still stand. The audit trail keeps that it happened.
public struct ForgetReviewer: Sendable {
  let ports: LearningPorts

  public init(ports: LearningPorts) { self.ports = ports }

  /// By number, for the person who says so themselves.
  /// - Parameter repository: `nil`: everywhere on that forge.
  /// - Returns: how many learned reviewers are gone.
  public func forget(
    _ account: ForgeAccount, on forge: String, in repository: RepositoryName? = nil,
    by actor: String
  ) async throws -> Int {
    let found = try await ports.reviewers.reviewers(of: repository).filter {
      $0.identity.forge == forge && $0.identity.user.id == account.id
    }
    var places = Set(found.map(\.identity.repository))
    if let repository { places.insert(repository) }
    // Also where a first gathering has only begun, or somebody has agreed and nobody asked yet.
    for place in places {
      try await stop(
        ReviewerIdentity(forge: forge, repository: place, user: account))
    }
    for reviewer in found { try await forget(reviewer, by: actor) }
    for place in places {
      try await ports.consents.forget(
        ReviewerIdentity(forge: forge, repository: place, user: account))
    }
    return found.count
  }

  /// By login, for somebody at the machine; also where the account is gone.
  public func forget(
    login: String, in repository: RepositoryName?, by actor: String
  ) async throws -> Int {
    let name = login.lowercased()
    let found = try await ports.reviewers.reviewers(of: repository).filter {
      $0.identity.user.login.lowercased() == name
    }
    for reviewer in found {
      try await stop(reviewer.identity)
      try await forget(reviewer, by: actor)
      try await ports.consents.forget(reviewer.identity)
    }
    return found.count
  }

  /// Those that nobody has gathered for in so long, and gatherings that nobody goes on with.
  /// - Returns: how many reviewers are gone.
  public func prune(olderThan age: Duration, now: Date) async throws -> Int {
    _ = try await ports.gatherings.removeAll(olderThan: .seconds(7 * 86_400))
    let end = now.addingTimeInterval(-age.seconds)
    var gone = 0
    for reviewer in try await ports.reviewers.reviewers(of: nil) {
      guard let at = reviewer.gatheredAt, at < end else { continue }
      try await stop(reviewer.identity)
      try await forget(reviewer, by: "upkeep")
      gone += 1
    }
    return gone
  }

  private func forget(_ reviewer: LearnedReviewer, by actor: String) async throws {
    let identity = reviewer.identity
    // First what a running job would find: it ends by it.
    try await ports.reviewers.forget(identity)
    try await ports.index.remove(scope: ExampleSearch.scope(reviewer))
    var left: [String] = []
    for training in reviewer.trainings {
      do { try await ports.adapters?.unload(training.name) } catch {
        left.append("\(training.name) (\(error.code.rawValue))")
      }
      // Also where no server of adapters is set any more.
      if let folder = training.folder {
        try ports.folders.remove(adapter: training.name, at: folder)
      }
    }
    try ports.folders.removeAll(of: reviewer.id)
    try await ports.dropAnswers(identity.repository)
    var facts = ["reviewer": reviewer.id]
    if !left.isEmpty { facts["not_unloaded"] = left.joined(separator: ", ") }
    try await ports.audit.append(
      AuditEvent(
        actor: actor, action: "reviewer.forgotten",
        place: "\(identity.forge):\(identity.repository)", decidedBy: "forget", facts: facts))
  }

  /// Ends the jobs that learn or train this person, and takes away what they have read.
  private func stop(_ identity: ReviewerIdentity) async throws {
    let access = ForgeAccess(forge: identity.forge, repository: identity.repository)
    let learning = Work.LearnReviewer(
      access: access, user: identity.user, asker: nil, askedBy: "", run: "")
    let training = Work.TrainReviewer(identity: identity, askedBy: "", run: "")
    let unfinished: [JobState] = [.available, .scheduled, .running, .retryable]
    for (kind, key) in [
      (Work.LearnReviewer.kind, learning.uniqueKey), (Work.TrainReviewer.kind, training.uniqueKey),
    ] {
      let jobs = try await ports.jobs.jobs(
        JobFilter(states: unfinished, kind: kind, limit: 1_000))
      for job in jobs where job.uniqueKey == key {
        _ = try await ports.jobs.cancel(id: job.id, reason: "the person was forgotten")
      }
    }
    for name in GatherReviews.names(learning) { try await ports.gatherings.remove(name) }
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
      asker: request.asker, askedBy: asker, comment: request.comment,
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
