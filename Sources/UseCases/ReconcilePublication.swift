public import Domain
public import Foundation
public import Jobs

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
          decidedBy: Work.ReconcilePublication.kind,
          reason: "a process that lost its job may have sent more", run: nil, job: job))
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
      throw ForgeFailure.failure(error, isQueued: job != nil)
    }
  }

  /// To be told of a try that lost its lease in this process, for whatever it had sent by then.
  /// Jobs of other kinds are passed over.
  public func enqueueAfterLoss(_ job: Job) async {
    let work: Work.ReconcilePublication
    if let review = try? Work.ReviewPullRequest(of: job), job.kind == Work.ReviewPullRequest.kind {
      guard review.publishes else { return }
      work = Work.ReconcilePublication(review)
    } else if job.kind == Work.FixPullRequest.kind, let fix = try? Work.FixPullRequest(of: job) {
      guard fix.publishes else { return }
      work = Work.ReconcilePublication(access: fix.access, reference: fix.reference)
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
