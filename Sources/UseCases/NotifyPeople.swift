public import Domain
public import Foundation
public import Jobs
import Logging

/// Tells people: decides by the routes of the server and of the repository who hears of a notice,
/// then sends each message by a job of its own, so that a place that fails keeps none of the others
/// waiting.
public struct NotifyPeople: Sendable {
  public struct Ports: Sendable {
    public var notifier: any Notifier
    public var notices: any NoticeStore
    public var jobs: any JobQueue
    public var audit: any AuditTrail
    public var openForge: ForgeOpener
    public var server: NoticeServer
    public var now: @Sendable () -> Date

    public init(
      notifier: any Notifier, notices: any NoticeStore, jobs: any JobQueue, audit: any AuditTrail,
      openForge: @escaping ForgeOpener, server: NoticeServer,
      now: @escaping @Sendable () -> Date = { Date() }
    ) {
      self.notifier = notifier
      self.notices = notices
      self.jobs = jobs
      self.audit = audit
      self.openForge = openForge
      self.server = server
      self.now = now
    }
  }

  let ports: Ports

  public init(ports: Ports) { self.ports = ports }

  // MARK: Who is told

  /// - Throws: `JobFailure` where the repository's policy cannot be read now.
  public func route(_ context: JobContext) async throws -> JobOutcome {
    let arguments = try Work.NotifyPeople(of: context.job)
    let notice = arguments.notice
    var sources = [NoticeRouting.Source(name: ports.server.name, policy: ports.server.policy)]
    if let access = arguments.access {
      do {
        let policy = try await policy(access, context)
        sources.append(.init(name: BasePolicies.file, policy: ports.server.trimmed(policy)))
      } catch let error where error.code == .notFound || error.code == .unauthorized {
        // A repository that is not to be seen has no say; the server's routes still have.
        context.logger.notice(
          "a repository's policy cannot be read, so only the server's routes count",
          metadata: ["repository": "\(access.repository)"])
      } catch {
        return try ForgeFailure.outcome(
          error, at: "\(access.forge):\(access.repository)",
          age: ForgeFailure.age(of: context.job, at: ports.now()))
      }
    }
    let plan = NoticeRouting.plan(notice, sources, now: ports.now())
    let deliveries = ports.server.expanded(plan.deliveries)
    for silence in plan.silences {
      context.logger.debug(
        "a route is silent", metadata: ["route": "\(silence.route)", "why": "\(silence.reason)"])
    }
    if deliveries.isEmpty {
      let why = plan.silences.last.map { "\($0.route): \($0.reason)" } ?? "there is no route"
      return .cancelled(reason: "nobody is told: \(why)")
    }
    var jobs: [NewJob] = []
    for delivery in deliveries {
      if let refusal = ports.server.refusal(of: delivery) {
        try await note("notice.refused", notice, delivery, ["reason": refusal])
        context.progress("\(delivery.destination.shown): \(refusal)")
        continue
      }
      jobs.append(try await job(for: notice, delivery))
    }
    _ = try await ports.jobs.enqueue(jobs)
    context.progress("\(jobs.count) messages are on their way")
    return .completed
  }

  /// That of the default branch, which moves, so that it is read each time. One that cannot be used is
  /// told of by the next review.
  private func policy(
    _ access: ForgeAccess, _ context: JobContext
  ) async throws(ForgeError) -> NotifyPolicy {
    let forge = try await ports.openForge(access)
    guard
      let bytes = try await forge.file(BasePolicies.file, in: access.repository, at: "HEAD")
    else { return NotifyPolicy() }
    do { return try PolicyReader.read(bytes).notify } catch {
      context.logger.notice(
        "a repository's policy has mistakes, so only the server's routes count",
        metadata: ["repository": "\(access.repository)"])
      return NotifyPolicy()
    }
  }

  private func job(
    for notice: Notice, _ delivery: NoticeRouting.Delivery
  ) async throws -> NewJob {
    let now = ports.now()
    func wait(_ date: Date) -> Duration { .seconds(max(0, date.timeIntervalSince(now))) }
    // Places are asked in turn, and never by many at once.
    let limits = [JobLimit("notify:\(delivery.destination.shown)", concurrency: 2, rate: 60)]
    let group = "notify:\(delivery.destination.shown)"
    if case .digest(let name, let due) = delivery.time {
      let digest = ContentHash.of(parts: [name, delivery.destination.description])
      try await ports.notices.hold(notice, in: digest)
      return NewJob(
        kind: Work.DeliverDigest.kind,
        arguments: try Work.DeliverDigest(
          digest: digest, destination: delivery.destination, reason: delivery.reason
        ).json(), uniqueKey: digest, group: group, limits: limits, delay: wait(due),
        maxAttempts: Self.tries)
    }
    var delay = Duration.zero
    if case .at(let date) = delivery.time { delay = wait(date) }
    return NewJob(
      kind: Work.DeliverNotice.kind,
      arguments: try Work.DeliverNotice(
        notice: notice, destination: delivery.destination, template: delivery.template,
        reason: delivery.reason
      ).json(),
      uniqueKey: ContentHash.of(parts: [notice.id, delivery.destination.description]),
      uniquePeriod: NoticeQueue.memory, group: group, limits: limits, delay: delay,
      maxAttempts: Self.tries, run: notice.run)
  }

  /// With the waits of `delay`, about a day in all.
  static let tries = 12

  // MARK: Telling them

  /// Sends one notice to one place.
  public func deliver(_ context: JobContext) async throws -> JobOutcome {
    let arguments = try Work.DeliverNotice(of: context.job)
    let message = NoticeMessage(arguments.notice, template: arguments.template)
    try await send(message, to: arguments.destination, arguments.reason, context) {
      "\(arguments.notice.forge):\(arguments.notice.subject ?? "\(arguments.notice.repository)")"
    }
    return .completed
  }

  /// Sends what was gathered.
  public func deliverDigest(_ context: JobContext) async throws -> JobOutcome {
    let arguments = try Work.DeliverDigest(of: context.job)
    // Which notices it tells of is settled once: a second try says the same.
    let ids = try await context.step("gathered") {
      try await ports.notices.held(in: arguments.digest).map(\.id)
    }
    let held = try await ports.notices.held(in: arguments.digest).filter { ids.contains($0.id) }
    guard !held.isEmpty else { return .cancelled(reason: "nothing was gathered") }
    let id = ContentHash.of(parts: [arguments.digest] + ids.sorted())
    let message = NoticeMessage(
      digest: "digest-\(id.prefix(32))", of: held, at: held.map(\.at).max() ?? ports.now())
    try await send(message, to: arguments.destination, arguments.reason, context) {
      held.first.map { "\($0.forge):\($0.repository)" } ?? ""
    }
    try await ports.notices.release(ids, from: arguments.digest)
    return .completed
  }

  private func send(
    _ message: NoticeMessage, to destination: NoticeDestination, _ reason: String,
    _ context: JobContext, place: () -> String
  ) async throws {
    let facts = [
      "destination": destination.shown, "message": message.id,
      "notices": "\(message.items.count + message.leftOut)", "reason": "a route names the place",
    ]
    do {
      _ = try await context.step("sent") {
        try await ports.notifier.send(message, to: destination)
        return true
      }
    } catch let error as NotifierError {
      if error.code == .cancelled { throw CancellationError() }
      let isLast = !error.isPassing || context.isLastAttempt
      if isLast {
        var facts = facts
        facts["error"] = error.code.rawValue
        try await audit("notice.failed", place(), reason, context.job, facts)
      }
      throw JobFailure(
        error.detail,
        retryAfter: error.isPassing ? error.retryAfter ?? Self.delay(context.job.attempt) : nil,
        isFinal: !error.isPassing)
    }
    try await audit("notice.sent", place(), reason, context.job, facts)
  }

  /// After the first try half a minute, then twice as long each time, at most four hours.
  static func delay(_ attempt: Int) -> Duration {
    .seconds(min(14_400, 30 << min(max(0, attempt - 1), 12)))
  }

  // MARK: The trail

  private func note(
    _ action: String, _ notice: Notice, _ delivery: NoticeRouting.Delivery,
    _ facts: [String: String]
  ) async throws {
    var facts = facts
    facts["destination"] = delivery.destination.shown
    facts["event"] = notice.event.rawValue
    try await ports.audit.append(
      AuditEvent(
        actor: "stet", action: action,
        place: "\(notice.forge):\(notice.subject ?? "\(notice.repository)")",
        decidedBy: delivery.reason, run: notice.run, facts: facts))
  }

  private func audit(
    _ action: String, _ place: String, _ reason: String, _ job: Job, _ facts: [String: String]
  ) async throws {
    try await ports.audit.append(
      AuditEvent(
        actor: "stet", action: action, place: place, decidedBy: reason, run: job.run, job: job.id,
        facts: facts))
  }
}
