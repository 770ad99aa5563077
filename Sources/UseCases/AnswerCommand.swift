public import Domain
public import Foundation
public import Jobs

/// Does what a comment asks of Stet, if its author may ask it, and answers once.
public struct AnswerCommand: Sendable {
  public struct Ports: Sendable {
    public var openForge: ForgeOpener
    public var publications: any PublicationStore
    public var runs: any RunStore
    public var audit: any AuditTrail
    public var jobs: any JobStore
    public var limiter: any UsageLimiter
    /// Explains findings; without one their rule does.
    public var model: (any LanguageModel)?
    /// What a repository may spend on the model in a day; `nil`: anything.
    public var tokenBudget: (any TokenBudget)?
    public var limits: WorkLimits
    public var callDeadline: Duration
    /// Whom commands address, without `@`.
    public var handle: String
    /// Commands of one person in one repository, per hour.
    public var hourlyLimit: Int
    /// Where merge queues are kept; `nil`: there are none.
    public var notes: (any PolicyNotes)?
    /// `nil`: nobody is learned.
    public var reviewers: ReviewerAsking?
    public var now: @Sendable () -> Date

    public init(
      openForge: @escaping ForgeOpener, publications: any PublicationStore, runs: any RunStore,
      audit: any AuditTrail, jobs: any JobStore, limiter: any UsageLimiter,
      model: (any LanguageModel)?, tokenBudget: (any TokenBudget)? = nil,
      limits: WorkLimits = WorkLimits(), callDeadline: Duration = .seconds(60),
      handle: String = "stet",
      hourlyLimit: Int = 10, notes: (any PolicyNotes)? = nil, reviewers: ReviewerAsking? = nil,
      now: @escaping @Sendable () -> Date = { Date() }
    ) {
      self.openForge = openForge
      self.publications = publications
      self.runs = runs
      self.audit = audit
      self.jobs = jobs
      self.limiter = limiter
      self.model = model
      self.tokenBudget = tokenBudget
      self.limits = limits
      self.callDeadline = callDeadline
      self.handle = handle
      self.hourlyLimit = hourlyLimit
      self.notes = notes
      self.reviewers = reviewers
      self.now = now
    }
  }

  let ports: Ports

  public init(ports: Ports) { self.ports = ports }

  /// - Throws: `JobFailure`, or `CancellationError`.
  public func handle(_ job: Job) async throws -> JobOutcome {
    try await run(
      Work.AnswerCommand(of: job), age: ForgeFailure.age(of: job, at: ports.now()), job: job)
  }

  /// The same, and what a model said is remembered by the job.
  public func handle(_ context: JobContext) async throws -> JobOutcome {
    let job = context.job
    return try await run(
      Work.AnswerCommand(of: job), age: ForgeFailure.age(of: job, at: ports.now()), job: job,
      context)
  }

  /// - Parameter age: since it was asked for; `nil` for work that nobody tries again by itself.
  public func run(
    _ arguments: Work.AnswerCommand, age: Duration? = nil, job: Job? = nil,
    _ context: JobContext? = nil
  ) async throws -> JobOutcome {
    let event = arguments.comment
    guard let subject = event.subject else {
      return .cancelled(reason: "a discussion cannot be answered yet")
    }
    let commands = arguments.commands(ports.handle)
    guard event.change == .created, !event.comment.author.isBot, !commands.isEmpty else {
      return .cancelled(reason: "the comment asks for nothing")
    }
    let place = "\(arguments.access.forge):\(subject)"
    let work = Work.ReconcilePublication(access: arguments.access, reference: subject)
    let cause = job?.id ?? "comment \(event.comment.id)"
    do {
      let forge = try await ports.openForge(arguments.access)
      let conversation = CommandConversation(
        ports: ports, arguments: arguments, subject: subject, forge: forge, context: context,
        trail: ActionTrail(
          ports.audit, actor: "\(arguments.access.forge):\(event.comment.author.login)",
          place: place, decidedBy: Work.AnswerCommand.kind,
          reason: "comment \(event.comment.id) asked for it", run: nil, job: job?.id),
        job: job)
      let outcome = try await conversation.answer(commands)
      if let job, LostTry.precedes(job) {
        await work.enqueue(in: ports.jobs, cause: "take-over", delay: .seconds(5))
      }
      return outcome
    } catch let error as ForgeError {
      if error.code == .notFound { return .cancelled(reason: "the comment or its place is gone") }
      return try ForgeFailure.outcome(error, at: place, age: age)
    } catch is PublicationClaim.TakenOver {
      await work.enqueue(in: ports.jobs, cause: cause)
      return try ForgeFailure.takenOver(at: place, age: age)
    } catch let error as StoreError {
      throw ForgeFailure.failure(error, isQueued: job != nil)
    }
  }
}

/// One comment that holds commands, and what is answered to it.
struct CommandConversation: Sendable {
  let ports: AnswerCommand.Ports
  let arguments: Work.AnswerCommand
  let subject: PullRequestReference
  let forge: any Forge
  let context: JobContext?
  let trail: ActionTrail
  /// The try that this is; `nil` where no queue runs it.
  let job: Job?

  var event: ForgeEvent.CommentEvent { arguments.comment }
  var author: ForgeAccount { event.comment.author }
  private var isInThread: Bool { event.kind == .review }
  /// Of the thread that is answered; `nil` on the conversation.
  var threadRoot: Int64? {
    isInThread ? event.comment.place?.inReplyTo ?? event.comment.id : nil
  }

  /// What is needed to ask for a command.
  private enum Right { case nobodys, authors, writers }

  func answer(_ commands: [CommentCommand]) async throws -> JobOutcome {
    let own = try await forge.ownAccount()
    if author.isSame(as: own) { return .cancelled(reason: "Stet does not hear itself") }
    guard try await isWithinLimit() else {
      try await trail.note("command.limited")
      return .cancelled(reason: "\(author.login) has asked too often in this hour")
    }
    // Read first: a try before this one may have answered.
    let said = try await comments()
    let markers = said.compactMap { $0.author.isSame(as: own) ? HiddenMarker(of: $0.body) : nil }
    if markers.contains(where: isAnswer) { return .completed }
    // Who may not ask is told once; whoever goes on asking is not given a voice by it.
    let wasRefused = markers.contains(where: isRefusal)
    if let followUp = arguments.followUp, let text = ReviewerTexts.ending(followUp, author) {
      try await post([text], marker(refusals: [], ReviewerNeeds()))
      return .completed
    }

    var answers: [String] = []
    var refusals: [String] = []
    var permission: ForgePermission?
    var roles: CommandRoles?
    var needs = ReviewerNeeds()
    needs.asked = asked(markers)
    for command in commands {
      let right = Self.right(of: command)
      if right != .nobodys, permission == nil {
        permission = try await forge.permission(of: author.login, in: arguments.repository)
        needs.permission = permission
      }
      var refused: String? = mayAsk(right, permission ?? .none) ? nil : refusal(command, right)
      if refused == nil, CommandRoles.judges(command) {
        if roles == nil { roles = try await CommandRoles(self) }
        refused = try await roles?.refusal(of: command, permission)
      }
      if let refused {
        try await trail.note("command.refused", facts: ["command": command.name])
        if !wasRefused { refusals.append(refused) }
      } else if let answer = try await carryOut(command, said, own, roles, &needs) {
        answers.append(answer)
      }
    }
    if let scopes = needs.scopes, let link = try await signInLink(scopes) { answers.append(link) }
    try await post(Self.withoutRepeats(answers + refusals), marker(refusals: refusals, needs))
    return .completed
  }

  private func isRefusal(_ marker: HiddenMarker) -> Bool {
    if case .refusal(_, author.id) = marker { true } else { false }
  }

  // MARK: Who may ask

  private static func right(of command: CommentCommand) -> Right {
    switch command {
    case .fix, .ignore, .reviewAs: .writers
    case .review, .summary, .enrich, .explain: .authors
    // Their roles say.
    case .help, .unknown, .queue, .dequeue, .why, .agree, .disagree, .forgetMe: .nobodys
    }
  }

  private func mayAsk(_ right: Right, _ permission: ForgePermission) -> Bool {
    switch right {
    case .nobodys: true
    case .writers: permission >= .write
    case .authors: permission >= .write || author.id == event.subjectAuthor?.id
    }
  }

  private func refusal(_ command: CommentCommand, _ right: Right) -> String {
    let asked = Defanged.codeSpan(command.name)
    return right == .writers
      ? "\(asked) needs write permission in this repository."
      : "\(asked) needs write permission in this repository, or to be asked by the author."
  }

  private func isWithinLimit() async throws(StoreError) -> Bool {
    let key = "command:\(arguments.access.forge):\(arguments.repository):\(author.id)"
    let use = "\(event.kind.rawValue):\(event.comment.id)"
    return try await ports.limiter.take(
      key, use: use, limit: ports.hourlyLimit, per: .seconds(3_600)) == nil
  }

  // MARK: Commands

  /// - Returns: what to answer; `nil` where the deed itself is the answer.
  private func carryOut(
    _ command: CommentCommand, _ said: [ForgeComment], _ own: ForgeAccount, _ roles: CommandRoles?,
    _ needs: inout ReviewerNeeds
  ) async throws -> String? {
    switch command {
    case .help: return CommandTexts.help(ports.handle)
    case .unknown(let word): return CommandTexts.unknown(word, ports.handle)
    case .reviewAs(let user, let forceReload, let isBareAlias):
      return try await reviewAs(
        user, forceReload: forceReload, isBareAlias: isBareAlias, roles, &needs)
    case .forgetMe: return try await forgetAuthor()
    case .agree, .disagree: return try await consent(command == .agree, said, own)
    case .enrich:
      if event.isPullRequest { return CommandTexts.issuesOnly(command) }
      try await enqueueEnrichment()
      return nil
    case .queue, .dequeue, .why:
      guard event.isPullRequest else { return CommandTexts.pullRequestsOnly(command) }
      guard let notes = ports.notes, let roles else { return CommandTexts.notYet(command) }
      return try await QueueCommands(conversation: self, notes: notes, policy: roles.policy)
        .answer(command)
    case .fix(let paths):
      guard event.isPullRequest else { return CommandTexts.pullRequestsOnly(command) }
      try await enqueueFix(paths, thread(said, own)?.fingerprint)
      return nil
    case .review:
      guard event.isPullRequest else { return CommandTexts.pullRequestsOnly(command) }
      try await enqueueReview()
      return nil
    case .summary:
      guard event.isPullRequest else { return CommandTexts.pullRequestsOnly(command) }
      if try await rewriteSummary() { return nil }
      try await enqueueReview()
      return nil
    case .explain:
      guard let finding = thread(said, own) else { return CommandTexts.inThreads(command) }
      try await react()
      let explain = ExplainFinding(
        model: ports.model?.within(ports.tokenBudget, of: arguments.access),
        callDeadline: ports.callDeadline)
      let known = try await known(finding.fingerprint)
      let explained: String
      if let context {
        explained = try await context.step("explain \(finding.fingerprint)") {
          try await explain.explain(finding, known: known)
        }
      } else {
        explained = try await explain.explain(finding, known: known)
      }
      try await trail.note("finding.explained", facts: ["fingerprint": finding.fingerprint])
      return explained
    case .ignore:
      guard let finding = thread(said, own) else { return CommandTexts.inThreads(command) }
      try await react()
      return try await ignore(finding)
    }
  }

  /// - Returns: false where nothing was published yet that could be told again.
  private func rewriteSummary() async throws -> Bool {
    let (name, store) = (arguments.access.forge, ports.publications)
    guard try await store.publication(on: name, of: subject)?.summaryComment != nil else {
      return false
    }
    // Claimed before it is read: a review that publishes meanwhile is not written over.
    var claim = try await PublicationClaim.take(store, forge: name, reference: subject)
    let record = claim.record
    guard record.pendingHead == nil, let head = record.publishedHead, let id = record.run,
      let known = record.summaryComment, let review = try await ports.runs.run(id: id)?.review
    else { return false }
    let placed = PlacedFindings(
      review.findings, head: head, posted: record.posted, ignored: record.ignored,
      takesComment: { _ in false })
    let body = SummaryComment(
      head: head, review: PublishReview.without(placed, review), placed: placed,
      handle: ports.handle
    ).body
    try await react()
    try await claim.confirm()
    do {
      try await forge.edit(comment: known, in: arguments.repository, to: body)
    } catch {
      // It was deleted: a review posts it again.
      if error.code == .notFound { return false }
      throw error
    }
    try await trail.note("summary.edited", facts: ["comment": "\(known)"])
    // Where another has claimed it meanwhile, these words may have come after that one's.
    try await claim.update { $0.said?.summary = body }
    return true
  }

  /// The thread's first comment, where it is one of Stet's findings.
  private func thread(_ said: [ForgeComment], _ own: ForgeAccount) -> PostedFinding? {
    guard isInThread, let root = event.comment.place?.inReplyTo,
      let first = said.first(where: { $0.id == root }), first.author.isSame(as: own)
    else { return nil }
    switch HiddenMarker(of: first.body) {
    case .finding(let fingerprint), .likeness(let fingerprint):
      return PostedFinding(fingerprint: fingerprint, comment: first)
    default: return nil
    }
  }

  private func known(_ fingerprint: String) async throws -> Finding? {
    let record = try await ports.publications.publication(
      on: arguments.access.forge, of: subject)
    guard let id = record?.run, let review = try await ports.runs.run(id: id)?.review else {
      return nil
    }
    return review.findings.first { $0.fingerprint == fingerprint }
  }

  private func ignore(_ finding: PostedFinding) async throws -> String {
    var claim = try await PublicationClaim.take(
      ports.publications, forge: arguments.access.forge, reference: subject)
    let by = "\(arguments.access.forge):\(author.login)"
    try await claim.update { $0.ignored[finding.fingerprint] = by }
    try await trail.note("finding.ignored", facts: ["fingerprint": finding.fingerprint])
    guard forge.capabilities.hasReviewThreads else { return CommandTexts.ignored }
    do {
      let threads = try await forge.reviewThreads(of: subject)
      let thread = threads.first { $0.comments.contains { $0.id == finding.comment.id } }
      if let thread, !thread.isResolved {
        try await forge.resolve(thread: thread.id, in: arguments.repository)
        try await trail.note("thread.resolved")
      }
    } catch let error as ForgeError where !error.isPassing {
      // The finding is silenced; that its thread stays open is no reason to try it all again.
    }
    return CommandTexts.ignored
  }

  // MARK: Saying it

  private func comments() async throws(ForgeError) -> [ForgeComment] {
    isInThread
      ? try await forge.reviewComments(on: subject) : try await forge.comments(on: subject)
  }

  func react() async throws {
    do {
      try await forge.react(
        .eyes, to: CommentReference(event.kind, event.comment.id), in: arguments.repository)
    } catch {
      // A sign that it was heard, no more.
      if error.code == .cancelled || error.code == .rateLimited { throw error }
    }
  }

  private func post(_ answers: [String], _ marker: HiddenMarker) async throws {
    guard !answers.isEmpty else { return }
    let body = ([marker.text] + answers).joined(separator: "\n\n")
    try await confirm()
    let posted: ForgeComment
    if let root = threadRoot {
      posted = try await forge.reply(body, to: root, on: subject)
    } else {
      posted = try await forge.comment(body, on: subject)
    }
    try await trail.note("command.answered", facts: ["comment": "\(posted.id)"])
    try await confirm()
  }

  /// Asked right before what posts, and after it. - Throws: `TakenOver` where another has the job.
  private func confirm() async throws {
    if try await LostTry.hasLost(job, in: ports.jobs) { throw PublicationClaim.TakenOver() }
  }

  private static func withoutRepeats(_ answers: [String]) -> [String] {
    var seen: Set<String> = []
    return answers.filter { seen.insert($0).inserted }
  }
}
