import Domain
import Foundation
import Jobs

/// One look at one issue of a forge.
struct IssueLook: Sendable {
  let ports: EnrichForgeIssue.Ports
  let arguments: Work.EnrichForgeIssue
  let place: String
  let forge: any Forge
  let job: Job?
  let context: JobContext?
  let trail: ActionTrail

  private var repository: RepositoryName { arguments.reference.repository }
  private var isAsked: Bool { arguments.cause == .asked || arguments.cause == .rule }

  func run() async throws -> JobOutcome {
    let issue = try await forge.issue(arguments.reference)
    if issue.isPullRequest, arguments.cause != .rule {
      return .cancelled(reason: "it is a pull request")
    }
    var record =
      try await ports.publications.publication(
        on: arguments.access.forge, of: arguments.reference)?.enrichment
      ?? Publication.Enrichment(run: arguments.run)
    // Also where the webhook of it never came. What a cut-off try of this very run meant to set is
    // no person's doing.
    let isCutOff = record.run == arguments.run
    let absent = record.applied.filter { !issue.labels.contains($0) }
    let gone = isCutOff ? [] : absent
    record.applied.removeAll { absent.contains($0) }
    record.removed += gone.filter { !record.removed.contains($0) }
    if arguments.cause == .unlabeled { return try await noteRemoved(gone, record) }

    let policy = try await RepositoryPolicy.read(from: forge, in: repository)
    guard issue.isOpen || isAsked else { return .cancelled(reason: "the issue is not open") }
    guard policy.issues.mode != .off || isAsked else {
      return .cancelled(reason: "the repository's policy has `issues.mode: off`")
    }
    let earlier = try await ports.runs.run(id: arguments.run)
    if earlier?.outcome == .completed { return .completed }
    let allowed = try await labels(policy.issues)
    var work = EnrichmentWork(
      started: ports.now(), run: arguments.run, subject: place, askedBy: arguments.askedBy,
      job: job, earlier: earlier)
    let knowledge = try await knowledge(policy.issues, &work)
    var request = EnrichmentRequest(
      id: "\(issue.reference.number)", place: WorkLimits.group(arguments.access),
      title: issue.title, description: issue.body,
      tags: allowed.usable, instructions: policy.issues.instructions,
      without: Set(record.removed), most: policy.issues.maxLabels, areLabels: true)
    request.vector = await vectors?.vector(of: request, knowledge, &work)
    let enrichment = try await enrichment(request, knowledge, &work)
    return try await act(
      on: enrichment, issue, policy, allowed.missing, gone: gone, &record, work)
  }

  // MARK: What is known

  /// Labels that may be set, and those of the policy that the repository does not have.
  private func labels(
    _ policy: IssuePolicy
  ) async throws(ForgeError) -> (usable: [String], missing: [String]) {
    let own = try await forge.labels(in: repository)
    guard let wanted = policy.labels else { return (own, []) }
    var usable: [String] = []
    var missing: [String] = []
    for label in wanted {
      if let known = own.first(where: { $0.lowercased() == label.lowercased() }) {
        usable.append(known)
      } else {
        missing.append(label)
      }
    }
    return (usable, missing)
  }

  private static let mostKnown = 500
  private static let mostRuns = 2_000

  private var vectors: IssueVectors? {
    ports.vectors?.within(ports.tokenBudget, of: arguments.access)
  }

  private func knowledge(
    _ policy: IssuePolicy, _ work: inout EnrichmentWork
  ) async throws -> IssueKnowledge {
    guard policy.duplicates || policy.learns else { return .nothing }
    let group = WorkLimits.group(arguments.access)
    let log = VectorLog()
    let known = try await ports.known.of(group, at: ports.now()) {
      [forge, repository, runs = ports.runs, vectors] in
      let issues = try await forge.issues(in: repository, limit: Self.mostKnown)
      let fates = try await Self.fates(runs)
      var history = IssueKnowledge.History(
        issues: issues.reversed().map { issue in
          // Labels of Stet's own are no word of a person's.
          let isOwn = fates.given["\(forge.name):\(issue.reference)"] != nil
          return KnownIssue(
            id: "\(issue.reference.number)", title: issue.title, description: issue.body,
            labels: isOwn || issue.labels.isEmpty ? nil : Set(issue.labels))
        }, figures: fates.figures["\(forge.name):\(repository)"] ?? [:])
      await history.find(by: vectors, log)
      return history
    }
    for found in log.found { work.add(found) }
    var used = known
    if !policy.learns { used.classifier = nil }
    if !policy.duplicates {
      used.search = DuplicateSearch([])
      used.meaning = MeaningSearch([])
    }
    return used
  }

  private static func fates(_ runs: any RunStore) async throws(StoreError) -> Fates {
    var fates = Fates()
    var before: String?
    var seen = 0
    while seen < mostRuns {
      let some = try await runs.runs(limit: 200, before: before)
      for run in some where run.kind == .enrich { fates.add(run) }
      seen += some.count
      guard some.count == 200, let last = some.last else { break }
      before = last.id
    }
    return fates
  }

  // MARK: What is said

  private func enrichment(
    _ request: EnrichmentRequest, _ knowledge: IssueKnowledge, _ work: inout EnrichmentWork
  ) async throws -> IssueEnrichment {
    guard let model = ports.model?.within(ports.tokenBudget, of: arguments.access) else {
      return IssueEnricher.fromWords(request, knowledge)
    }
    let enricher = IssueEnricher(
      model: model, answers: SimilarReply(cache: ports.cache, similar: ports.similar),
      random: ports.random, callDeadline: ports.callDeadline)
    let attempt = job?.attempt ?? 1
    do {
      guard let context else {
        return try await enricher.enrichment(request, knowledge, attempt: attempt, &work)
      }
      let text = ContentHash.of(parts: [request.title, request.description]).prefix(16)
      let answered = try await context.step("enrichment \(text)") { [work] in
        var own = work
        let enrichment = try await enricher.enrichment(
          request, knowledge, attempt: attempt, &own)
        return AnsweredEnrichment(enrichment: enrichment, calls: own.calls)
      }
      work.remember(answered.calls)
      return answered.enrichment
    } catch let error as ModelError {
      if Task.isCancelled || error.code == .cancelled { throw CancellationError() }
      let message = "\(error.code.rawValue): \(error.detail)"
      if let job, job.attempt <= ports.retryDelays.count, job.attempt < job.maxAttempts {
        try await ports.runs.save(work.record(nil, failure: message, now: ports.now()))
        throw JobFailure(message, retryAfter: ports.retryDelays[max(0, job.attempt - 1)])
      }
      work.failure = message
      return IssueEnricher.fromWords(request, knowledge)
    }
  }

  // MARK: What is done

  private func act(
    on enrichment: IssueEnrichment, _ issue: ForgeIssue, _ policy: RepositoryPolicy,
    _ missing: [String], gone: [String], _ record: inout Publication.Enrichment,
    _ work: EnrichmentWork
  ) async throws -> JobOutcome {
    // Who asks by name is answered, whatever the policy does by itself.
    let asked: IssuePolicy.Mode =
      isAsked && policy.issues.mode != .live ? .gated : policy.issues.mode
    let mode = arguments.publishes ? asked : .shadow
    let present = Set(issue.labels.map { $0.lowercased() })
    // Never more than five of Stet's, however often the issue is edited.
    let room = max(0, IssuePrompt.most - record.applied.count)
    let new = Array(
      enrichment.tags.filter { !present.contains($0.lowercased()) }.prefix(room))
    // Of a try before this one, which was cut off.
    var set = record.run == arguments.run ? record.applied.filter(enrichment.tags.contains) : []
    let before = (proposed: record.proposed, heard: record.heard)
    record.run = arguments.run
    record.proposed = mode == .gated ? new : []
    if mode == .live, !new.isEmpty {
      try await confirm()
      set += new
      record.applied += new
      // Noted first: labels whose answer is lost are Stet's all the same.
      if arguments.publishes { try await store(record) }
      try await forge.addLabels(new, to: arguments.reference)
      try await trail.note("issue.labeled", facts: ["labels": new.joined(separator: ", ")])
    }
    if mode == .gated || (mode == .live && (policy.issues.comments || isAsked)) {
      var notes = policy.note.map { [$0] } ?? []
      if !missing.isEmpty {
        notes.append(
          "The policy names labels that this repository does not have: "
            + missing.joined(separator: ", ") + ".")
      }
      let comment = EnrichmentComment(
        summary: enrichment.summary, source: enrichment.source,
        labels: mode == .live ? record.applied : new,
        state: mode == .live ? .set : .proposed, duplicates: enrichment.duplicates, notes: notes,
        handle: ports.handle)
      try await confirm()
      let said = try await IssueComment(
        forge: forge, reference: arguments.reference, trail: trail
      ).say(comment.body, known: record.comment)
      record.comment = said
      // Thumbs that stand there already were for other labels.
      if !record.proposed.isEmpty {
        record.heard =
          Set(before.proposed) == Set(record.proposed) ? before.heard : try await heard(said)
      }
    }
    if arguments.publishes { try await store(record) }
    // Before the run is recorded as done: a try after this one would not come here again.
    if !record.proposed.isEmpty, record.comment != nil { try await waitForWord() }
    let further: [String: JSONValue] = [
      "place": .string(place), "mode": .string(mode.rawValue),
      "cause": .string(arguments.cause.rawValue),
      "labels_set": .array(set.map(JSONValue.string)),
      "labels_proposed": .array(record.proposed.map(JSONValue.string)),
      "labels_removed": .array(gone.map(JSONValue.string)),
    ]
    try await ports.runs.save(
      work.record(
        enrichment, failure: nil, now: ports.now(), further: further, actions: trail.actions))
    if mode != .shadow {
      // It is done: a notice that is lost must not have it done again.
      try? await ports.notices?.tell(
        PullRequestNotice.issue(
          arguments, issue, enrichment.summary, labels: set, proposed: record.proposed,
          at: ports.now()), access: arguments.access)
    }
    return .completed
  }

  private func heard(_ comment: Int64) async throws(ForgeError) -> [String] {
    var heard: [String] = []
    for reaction in [Reaction.thumbsUp, .thumbsDown] {
      heard += try await forge.accounts(
        reacting: reaction, to: CommentReference(.conversation, comment), in: repository
      ).map { ConfirmIssueLabels.mark(reaction, $0) }
    }
    return heard
  }

  private func waitForWord() async throws {
    let work = Work.ConfirmIssueLabels(
      access: arguments.access, reference: arguments.reference, run: arguments.run)
    _ = try await ports.jobs.enqueue([try work.job(ports.limits)])
  }

  private func noteRemoved(
    _ gone: [String], _ record: Publication.Enrichment
  ) async throws -> JobOutcome {
    guard !gone.isEmpty else { return .cancelled(reason: "the label was not one of Stet's") }
    try await store(record)
    try await trail.note("label.removed", facts: ["labels": gone.joined(separator: ", ")])
    let began = ports.now()
    try await ports.runs.save(
      Run(
        id: arguments.run, kind: .enrich, startedAt: began, seconds: 0, outcome: .completed,
        askedBy: arguments.askedBy, subject: place, inputs: [:], modelCalls: [], claims: 0,
        masked: [:], review: nil, failure: nil, job: job?.id,
        result: .object([
          "place": .string(place), "cause": .string(arguments.cause.rawValue),
          "labels_removed": .array(gone.map(JSONValue.string)),
        ])))
    return .completed
  }

  private func store(_ enrichment: Publication.Enrichment) async throws {
    var claim = try await PublicationClaim.take(
      ports.publications, forge: arguments.access.forge, reference: arguments.reference)
    try await claim.update { $0.enrichment = enrichment }
  }

  /// Asked right before what posts. - Throws: `TakenOver` where another has the job.
  private func confirm() async throws {
    if try await LostTry.hasLost(job, in: ports.jobs) { throw PublicationClaim.TakenOver() }
  }
}

/// The `.stet.yml` of a repository's default branch, as far as issues are concerned.
struct RepositoryPolicy: Sendable {
  var issues: IssuePolicy
  /// What a person should know of it.
  var note: String?

  /// One that cannot be read stands for the defaults, which do nothing by themselves.
  static func read(
    from forge: any Forge, in repository: RepositoryName
  ) async throws(ForgeError) -> RepositoryPolicy {
    guard let bytes = try await forge.file(BasePolicies.file, in: repository, at: "HEAD") else {
      return RepositoryPolicy(issues: IssuePolicy())
    }
    do {
      let file = try PolicyReader.read(bytes)
      return RepositoryPolicy(issues: file.issues, note: file.warnings.first.map { "\($0)" })
    } catch {
      let problem = error.problems.first.map { "\($0)" } ?? "\(BasePolicies.file) cannot be read"
      return RepositoryPolicy(
        issues: IssuePolicy(),
        note: "The defaults were used instead of this policy: \(problem)")
    }
  }
}

/// The comment of Stet's on an issue: made once, and edited from then on.
struct IssueComment: Sendable {
  let forge: any Forge
  let reference: PullRequestReference
  let trail: ActionTrail

  /// - Parameter known: where the record says that it stands.
  /// - Returns: its number.
  func say(_ body: String, known: Int64?) async throws -> Int64 {
    let own = try await forge.ownAccount()
    let standing = try await forge.comments(on: reference).filter {
      $0.author.isSame(as: own) && HiddenMarker(of: $0.body) == .enrichment
    }.sorted { $0.id < $1.id }
    guard let comment = standing.first(where: { $0.id == known }) ?? standing.first else {
      let posted = try await forge.comment(body, on: reference)
      try await trail.note("enrichment.posted", facts: ["comment": "\(posted.id)"])
      return posted.id
    }
    if !ForgeText.isSame(comment.body, body) {
      try await forge.edit(comment: comment.id, in: reference.repository, to: body)
      try await trail.note("enrichment.edited", facts: ["comment": "\(comment.id)"])
    }
    return comment.id
  }
}
