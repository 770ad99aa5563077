public import Domain
public import Foundation
public import Jobs
import Metrics

/// Sets right what a process that has lost its job may still have sent to the forge: what stands
/// twice is removed, and what was written over is put back as the record has it.
///
/// A lease and a version fence the store. No fence holds a request that was on its way when the job
/// was taken over, such as that of a process that was stopped, hung, or cut off the network. It may
/// be run as often as one likes, and twice at once.
public struct ReconcilePublication: Sendable {
  public struct Ports: Sendable {
    public var openForge: ForgeOpener
    public var publications: any PublicationStore
    public var audit: any AuditTrail
    public var jobs: any JobQueue
    public var now: @Sendable () -> Date

    public init(
      openForge: @escaping ForgeOpener, publications: any PublicationStore,
      audit: any AuditTrail, jobs: any JobQueue,
      now: @escaping @Sendable () -> Date = { Date() }
    ) {
      self.openForge = openForge
      self.publications = publications
      self.audit = audit
      self.jobs = jobs
      self.now = now
    }
  }

  let ports: Ports

  public init(ports: Ports) { self.ports = ports }

  /// A late request may come after the first look: so long after it was enqueued the last one is.
  static let lastLook = Duration.seconds(20)
  /// Where a review goes on for longer, the next one looks itself.
  static let patience = Duration.seconds(3_600)

  /// - Throws: `JobFailure`, or `CancellationError`.
  public func handle(_ job: Job) async throws -> JobOutcome {
    // Both times are the database's.
    let age = job.attemptedAt.map { max(0, $0.timeIntervalSince(job.createdAt)) } ?? 0
    return try await run(
      Work.ReconcilePublication(of: job), age: .seconds(age), job: job.id)
  }

  /// - Parameter age: since it was enqueued; `nil`: this one look is all.
  /// - Throws: `JobFailure`, or `CancellationError`.
  public func run(
    _ arguments: Work.ReconcilePublication, age: Duration? = nil, job: String? = nil
  ) async throws -> JobOutcome {
    let place = "\(arguments.access.forge):\(arguments.reference)"
    do {
      let look = PublicationLook(
        arguments: arguments, forge: try await ports.openForge(arguments.access),
        publications: ports.publications, now: ports.now,
        trail: ActionTrail(
          ports.audit, actor: "stet", place: place,
          decidedBy: Work.ReconcilePublication.kind, run: nil, job: job))
      let isSettled = try await look.look()
      guard let age else { return .completed }
      if !isSettled, age < Self.patience {
        return .snoozed(
          age < .seconds(60) ? .seconds(5) : min(ForgeFailure.wait(age), .seconds(60)),
          because: "a review is being made")
      }
      guard age < Self.lastLook else { return .completed }
      return .snoozed(Self.lastLook - age, because: "a late request may still arrive")
    } catch let error as ForgeError {
      if error.code == .notFound { return .cancelled(reason: "\(place) is gone") }
      return try ForgeFailure.outcome(error, at: place, age: age)
    } catch is PublicationClaim.TakenOver {
      return .snoozed(.seconds(5), because: "a review is being made")
    } catch let error as StoreError {
      throw ForgeFailure.failure(error)
    }
  }

  /// To be told of a try that lost its lease in this process, for whatever it had sent by then.
  /// Jobs of other kinds are passed over.
  public func enqueueAfterLoss(_ job: Job) async {
    let work: Work.ReconcilePublication
    if let review = try? Work.ReviewPullRequest(of: job), job.kind == Work.ReviewPullRequest.kind {
      guard review.publishes else { return }
      work = Work.ReconcilePublication(review)
    } else if job.kind == Work.AnswerCommand.kind,
      let answer = try? Work.AnswerCommand(of: job), let subject = answer.comment.subject
    {
      work = Work.ReconcilePublication(access: answer.access, reference: subject)
    } else {
      return
    }
    await work.enqueue(in: ports.jobs, cause: job.id)
  }
}

extension Work.ReconcilePublication {
  init(_ review: Work.ReviewPullRequest) {
    self.init(
      access: review.access, reference: review.reference, head: review.pullRequest?.head)
  }

  /// For as long as it takes the store to answer, within reason. It does not throw: whoever took
  /// the job over asks for the same.
  /// - Parameter cause: the job that was lost, or what else makes one look differ from another. One
  ///   that already runs may have looked before the late request came.
  func enqueue(in jobs: any JobQueue, cause: String, delay: Duration = .zero) async {
    let place = "\(access.forge):\(reference)".lowercased()
    guard let arguments = try? json() else { return }
    let job = NewJob(
      kind: Self.kind, arguments: arguments, uniqueKey: "\(place) after \(cause)",
      priority: -1, delay: delay)
    // A task of its own: the one that has lost its job is cancelled.
    await Task {
      for attempt in 0..<6 {
        do {
          _ = try await jobs.enqueue([job])
          return
        } catch { try? await Task.sleep(for: .milliseconds(250 << attempt)) }
      }
    }.value
  }
}

/// One look at one pull request.
struct PublicationLook: Sendable {
  let arguments: Work.ReconcilePublication
  let forge: any Forge
  let publications: any PublicationStore
  let now: @Sendable () -> Date
  let trail: ActionTrail

  private var reference: PullRequestReference { arguments.reference }
  private var repository: RepositoryName { arguments.reference.repository }

  /// - Returns: false where a review is being made, so that not everything can be told yet.
  func look() async throws -> Bool {
    let record = try await publications.publication(
      on: arguments.access.forge, of: reference)
    let isAtRest = record.map(isAtRest) ?? true
    let doubles = DoubledComments(
      conversation: try await forge.comments(on: reference), atLines: try await atLines(),
      knownSummary: record?.summaryComment, isPublishing: record?.pendingHead != nil)
    try await remove(doubles, record)
    if isAtRest, let record { try await restore(record, doubles) }
    if isAtRest { try await setChecks(record) }
    return isAtRest
  }

  private func isAtRest(_ record: Publication) -> Bool {
    if record.pendingHead != nil { return false }
    guard record.claimant != nil, let since = record.claimedAt else { return true }
    return abs(now().timeIntervalSince(since)) > PublicationClaim.lease
  }

  /// An issue has none.
  private func atLines() async throws(ForgeError) -> [ForgeComment] {
    do { return try await forge.reviewComments(on: reference) } catch {
      if error.code == .notFound { return [] }
      throw error
    }
  }

  // MARK: What stands twice

  private func remove(_ doubles: DoubledComments, _ record: Publication?) async throws {
    let mayHaveApproved =
      record?.approvedHead != nil && record?.approvedHead == record?.publishedHead
    guard doubles.isSuspect || mayHaveApproved else { return }
    let own = try await forge.ownAccount()
    let removals = doubles.removals { $0.author.isSame(as: own) }
    var counts: [DoubledComments.Kind: Int] = [:]
    if mayHaveApproved || removals.contains(where: { $0.kind == .finding }) {
      let reviews = doubles.emptied(
        try await forge.reviews(of: reference), removing: removals
      ) { $0.isSame(as: own) }
      // Before its comments go: who comes after an interruption still finds them all.
      for review in reviews {
        try await forge.edit(review: review.id, on: reference, to: DoubledComments.body)
        try await note("review.emptied", .review, &counts, ["review": "\(review.id)"])
      }
    }
    for removal in removals {
      if removal.kind == .summary { try await confirm(record) }
      try await forge.remove(comment: removal.comment, in: repository)
      try await note(
        "comment.removed", removal.kind, &counts,
        ["comment": "\(removal.comment.id)", "kept": "\(removal.kept)"])
    }
  }

  private func note(
    _ action: String, _ kind: DoubledComments.Kind, _ counts: inout [DoubledComments.Kind: Int],
    _ facts: [String: String]
  ) async throws {
    counts[kind, default: 0] += 1
    Counter(label: "stet_doubles_removed_total", dimensions: [("what", kind.rawValue)]).increment()
    let ordinal = counts[kind, default: 0]
    try await trail.note(
      action, facts: facts.merging(["what": kind.rawValue, "number": "\(ordinal)"]) { $1 })
  }

  /// - Throws: `TakenOver` where the record was written since it was read.
  private func confirm(_ record: Publication?) async throws {
    let standing = try await publications.publication(
      on: arguments.access.forge, of: reference)
    guard standing?.version == record?.version else { throw PublicationClaim.TakenOver() }
  }

  // MARK: What was written over

  private func restore(_ record: Publication, _ doubles: DoubledComments) async throws {
    let known = Set(record.posted.map(\.fingerprint))
    let isWhole = record.publishedHead != nil && record.posted.count < 2_000
    func strays(_ isOwn: (ForgeComment) -> Bool) -> [(String, ForgeComment)] {
      isWhole ? doubles.ownFindings(isOwn).filter { !known.contains($0.0) } : []
    }
    func isChanged(_ summary: ForgeComment?) -> Bool {
      guard let summary, let said = record.said else { return false }
      return summary.id != record.summaryComment || !ForgeText.isSame(summary.body, said.summary)
    }
    guard isChanged(doubles.summary { _ in true }) || !strays({ _ in true }).isEmpty else { return }
    let own = try await forge.ownAccount()
    let isOwn = { (comment: ForgeComment) in comment.author.isSame(as: own) }
    let (summary, unknown) = (doubles.summary(isOwn), strays(isOwn))
    guard isChanged(summary) || !unknown.isEmpty else { return }

    // Claimed, so that a review that begins meanwhile is not written over.
    try await confirm(record)
    var claim = try await PublicationClaim.take(
      publications, forge: arguments.access.forge, reference: reference)
    guard claim.record.version == record.version + 1 else { throw PublicationClaim.TakenOver() }
    try await claim.update { record in
      if let summary { record.summaryComment = summary.id }
      // A finding that only the late request has told: it was proved, it stands, and is known.
      record.posted += unknown.map { fingerprint, comment in
        Publication.Posted(
          fingerprint: fingerprint, path: comment.place?.path ?? "",
          line: comment.place?.line ?? 0, category: "", message: "",
          head: comment.place?.commit ?? "")
      }
    }
    if let summary, let said = record.said, !ForgeText.isSame(summary.body, said.summary) {
      try await claim.confirm()
      try await forge.edit(comment: summary.id, in: repository, to: said.summary)
      try await trail.note("summary.restored", facts: ["comment": "\(summary.id)"])
    }
  }

  // MARK: Checks

  private func setChecks(_ record: Publication?) async throws {
    var counts: [DoubledComments.Kind: Int] = [:]
    if let head = record?.publishedHead {
      for check in try await forge.checks(on: head, in: repository) {
        if record?.checkHead == head, check.id == record?.check { continue }
        guard let state = wanted(check, record?.said) else { continue }
        try await confirm(record)
        _ = try await forge.setCheck(state, on: head, in: repository, existing: check.id)
        if let id = check.id, id != record?.said?.checkID {
          // No forge deletes a check: it says the same as the other one.
          try await note("check.aligned", .check, &counts, ["check": "\(id)", "head": head])
        } else {
          try await trail.note("check.restored", facts: ["head": head])
        }
      }
    }
    guard let head = arguments.head, head != record?.publishedHead, head != record?.checkHead
    else { return }
    for check in try await forge.checks(on: head, in: repository)
    where check.progress?.isFinal == false {
      try await confirm(record)
      _ = try await forge.setCheck(
        CheckConclusion.superseded, on: head, in: repository, existing: check.id)
      try await note(
        "check.concluded", .check, &counts,
        ["check": check.id.map { "\($0)" } ?? "status", "head": head])
    }
  }

  /// - Returns: `nil` where it says what it should.
  private func wanted(_ check: PostedCheck, _ said: Publication.Said?) -> CheckState? {
    guard let state = said?.check else {
      return check.progress?.isFinal == false ? CheckConclusion.superseded : nil
    }
    if check.says(state) { return nil }
    // Earlier ones, of earlier reviews of the same commit, are history.
    let isLast = check.id.map { $0 >= said?.checkID ?? .max } ?? true
    return isLast || check.progress?.isFinal == false ? state : nil
  }
}
