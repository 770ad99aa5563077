public import Domain
public import Foundation
public import Jobs

/// Reads a stored delivery and decides what follows from it. It calls no forge and no model.
public struct HandleEvent: Sendable {
  public struct Ports: Sendable {
    public var inbox: any Inbox
    /// One for each source of deliveries.
    public var readers: [any WebhookReader]
    public var jobs: any JobStore
    /// Whether an account is known to be Stet's own, without asking the forge.
    public var isOwn: @Sendable (_ forge: String, ForgeAccount) -> Bool
    /// Whether a check is one that Stet made.
    public var isOwnCheck: @Sendable (ForgeEvent.Check) -> Bool
    /// Whom commands address, without `@`.
    public var handle: String
    public var limits: WorkLimits
    /// Whether policies are followed: every event of a pull request is held against them.
    public var followsPolicies: Bool
    /// What was done about stale items; `nil`: nothing is.
    public var notes: (any PolicyNotes)?
    /// Remembers who sends; `nil`: nobody asks.
    public var register: (any RepositoryRegister)?
    /// `nil`: nobody is told.
    public var notices: NoticeQueue?
    public var now: @Sendable () -> Date

    public init(
      inbox: any Inbox, readers: [any WebhookReader], jobs: any JobStore,
      isOwn: @escaping @Sendable (_ forge: String, ForgeAccount) -> Bool = { _, _ in false },
      isOwnCheck: @escaping @Sendable (ForgeEvent.Check) -> Bool = {
        $0.externalID.map { CheckOwner(parsing: $0) != nil } ?? false
      },
      handle: String = "stet", limits: WorkLimits = WorkLimits(), followsPolicies: Bool = false,
      notes: (any PolicyNotes)? = nil, register: (any RepositoryRegister)? = nil,
      notices: NoticeQueue? = nil, now: @escaping @Sendable () -> Date = { Date() }
    ) {
      self.inbox = inbox
      self.readers = readers
      self.jobs = jobs
      self.isOwn = isOwn
      self.isOwnCheck = isOwnCheck
      self.handle = handle
      self.limits = limits
      self.followsPolicies = followsPolicies
      self.notes = notes
      self.register = register
      self.notices = notices
      self.now = now
    }
  }

  let ports: Ports

  public init(ports: Ports) { self.ports = ports }

  /// - Throws: `JobFailure`: a final one where the delivery cannot be read.
  public func handle(_ job: Job) async throws -> JobOutcome {
    let arguments = try Work.HandleDelivery(of: job)
    let source = String(arguments.delivery.prefix { $0 != ":" })
    guard let reader = ports.readers.first(where: { $0.forge == source }) else {
      throw JobFailure("no forge called '\(source)' is set up here", isFinal: true)
    }
    guard let delivery = try await ports.inbox.delivery(id: arguments.delivery) else {
      throw JobFailure("the delivery \(arguments.delivery) is no longer stored", isFinal: true)
    }
    let event: ForgeEvent
    do {
      event = try reader.event(named: arguments.event, body: delivery.body)
    } catch {
      throw JobFailure("\(arguments.delivery): \(error.detail)", isFinal: true)
    }
    try await remember(event)
    try await tellOfMerge(event)
    let following =
      ports.followsPolicies ? shepherding(event) + basePush(event) + (try await waking(event)) : []
    switch decide(event) {
    case .nothing(let reason):
      if following.isEmpty { return .cancelled(reason: reason) }
      _ = try await ports.jobs.enqueue(following)
      return .completed
    case .enqueue(let jobs):
      _ = try await ports.jobs.enqueue(jobs + following)
      return .completed
    }
  }

  enum Decision: Sendable {
    case nothing(String)
    case enqueue([NewJob])
  }

  func decide(_ event: ForgeEvent) -> Decision {
    guard let repository = event.repository else { return .nothing("it names no repository") }
    if let sender = event.sender, ports.isOwn(event.forge, sender) {
      return .nothing("Stet did it itself")
    }
    let access = ForgeAccess(
      forge: event.forge, repository: repository, installation: event.installation)
    switch event.content {
    case .pullRequest(let change, let pull): return decide(change, pull, event, access)
    case .comment(let comment): return decide(comment, event, access)
    case .check(let check): return decide(check, event, access)
    case .issue(let change, let issue): return decide(change, issue, event, access)
    default: return .nothing("nothing follows from '\(event.event)'")
    }
  }

  private func decide(
    _ change: ForgeEvent.PullRequestChange, _ pull: PullRequest, _ event: ForgeEvent,
    _ access: ForgeAccess
  ) -> Decision {
    switch change {
    case .opened, .reopened, .synchronize, .readyForReview, .baseChanged:
      if pull.state != .open { return .nothing("the pull request is not open") }
      if pull.isDraft { return .nothing("the pull request is a draft") }
      // On another base the same head is another change.
      return enqueue(
        review(pull.reference, access, event, pull: pull, isAskedFor: change == .baseChanged),
        key: "\(pull.head) \(pull.baseBranch)\(change == .baseChanged ? " asked" : "")")
    case .closed, .convertedToDraft:
      // It takes the place of what waits or runs, finds nothing to do, and closes an open check.
      // Events may come in any order: should the pull request be open by then, it is reviewed.
      let ending = review(pull.reference, access, event, pull: pull)
      return enqueue(
        ending, access, unique: "\(ending.supersedeKey) ended \(pull.head)",
        supersede: ending.supersedeKey, run: nil, priority: 0)
    default: return .nothing("nothing follows from '\(event.event) \(change.rawValue)'")
    }
  }

  private func decide(
    _ change: ForgeEvent.IssueChange, _ issue: ForgeIssue, _ event: ForgeEvent,
    _ access: ForgeAccess
  ) -> Decision {
    if issue.isPullRequest { return .nothing("it is a pull request") }
    let cause: Work.EnrichForgeIssue.Cause
    switch change {
    case .opened: cause = .opened
    case .edited: cause = .edited
    case .unlabeled: cause = .unlabeled
    default: return .nothing("nothing follows from '\(event.event) \(change.rawValue)'")
    }
    if change != .opened, event.sender?.isBot ?? true { return .nothing("bots are not heard") }
    if change != .unlabeled, !issue.isOpen { return .nothing("the issue is not open") }
    let work = Work.EnrichForgeIssue(
      access: access, reference: issue.reference,
      askedBy: "\(event.forge):\(event.sender?.login ?? "unknown")",
      run: TimeOrderedID.next(ports.now()), cause: cause)
    // The same text is looked at once; labels are compared as they stand then.
    let told =
      change == .unlabeled
      ? issue.labels.sorted() : [issue.title, issue.body]
    return enqueue(
      work, access,
      unique: "\(work.supersedeKey) \(cause.rawValue) \(ContentHash.of(parts: told))",
      supersede: change == .unlabeled ? nil : work.supersedeKey, run: work.run, priority: 0,
      limits: ports.limits.ofForge(access) + (change == .unlabeled ? [] : ports.limits.ofModel))
  }

  private func decide(
    _ comment: ForgeEvent.CommentEvent, _ event: ForgeEvent, _ access: ForgeAccess
  ) -> Decision {
    guard comment.change == .created else { return .nothing("only new comments are heard") }
    // The sender decides, not the author that the comment names.
    if event.sender?.isBot ?? true || comment.comment.author.isBot {
      return .nothing("bots are not heard")
    }
    if let sender = event.sender, sender.id != comment.comment.author.id {
      return .nothing("it was not sent by its author")
    }
    let commands = CommentCommand.parse(comment.comment.body, handle: ports.handle)
    if commands.isEmpty { return .nothing("the comment holds no command") }
    let arguments = Work.AnswerCommand(
      access: access, comment: comment, repository: access.repository)
    let key = "\(event.forge):\(access.repository):\(comment.kind.rawValue):\(comment.comment.id)"
    return enqueue(
      arguments, access, unique: key, supersede: nil, run: nil, priority: -1,
      limits: ports.limits.ofAnswer(to: commands, access))
  }

  private func decide(
    _ check: ForgeEvent.Check, _ event: ForgeEvent, _ access: ForgeAccess
  ) -> Decision {
    guard event.event == "check_run", event.action == "rerequested", ports.isOwnCheck(check) else {
      return .nothing("nothing follows from this check")
    }
    if event.sender?.isBot ?? true { return .nothing("bots are not heard") }
    // One commit may be the head of several: the check says whose it is, also of a fork's.
    let owner = check.externalID.flatMap { CheckOwner(parsing: $0)?.pullRequest }
    let pulls = owner.map { [$0] } ?? check.pullRequests
    if pulls.isEmpty {
      return .nothing("the check names no pull request, as those from forks do not")
    }
    var jobs: [NewJob] = []
    for number in pulls.prefix(10) {
      let reference = PullRequestReference(access.repository, number)
      let decision = enqueue(
        review(reference, access, event, pull: nil, isAskedFor: true), key: "\(check.commit) asked")
      if case .enqueue(let more) = decision { jobs += more }
    }
    return .enqueue(jobs)
  }

  // MARK: Jobs

  private func review(
    _ reference: PullRequestReference, _ access: ForgeAccess, _ event: ForgeEvent,
    pull: PullRequest?, isAskedFor: Bool = false
  ) -> Work.ReviewPullRequest {
    Work.ReviewPullRequest(
      access: access, reference: reference,
      askedBy: "\(event.forge):\(event.sender?.login ?? "unknown")",
      run: TimeOrderedID.next(ports.now()), pullRequest: pull, isAskedFor: isAskedFor)
  }

  private func enqueue(_ review: Work.ReviewPullRequest, key: String) -> Decision {
    let supersede = review.supersedeKey
    return enqueue(
      review, review.access, unique: "\(supersede) \(key)", supersede: supersede,
      run: review.run, priority: 0, limits: ports.limits.ofReview(review.access))
  }

  private func enqueue(
    _ arguments: some JobArguments, _ access: ForgeAccess, unique: String, supersede: String?,
    run: String?, priority: Int, limits: [JobLimit] = []
  ) -> Decision {
    guard let json = try? arguments.json() else { return .nothing("its job cannot be written") }
    return .enqueue([
      NewJob(
        kind: type(of: arguments).kind, arguments: json, uniqueKey: unique,
        supersedeKey: supersede, group: WorkLimits.group(access), limits: limits,
        priority: priority, run: run)
    ])
  }
}

extension Work.ReviewPullRequest {
  /// A newer review of the same pull request takes the place of an older one, whoever asked and
  /// however the repository was written: `forge:owner/name#n` in lower case.
  public var supersedeKey: String { "\(access.forge):\(reference)".lowercased() }
}
