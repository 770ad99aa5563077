public import Domain
public import Jobs

/// Takes a person's word on proposed labels from elsewhere than the forge, such as the dashboard,
/// and hands it to the job that a reaction would have set off: `ConfirmIssueLabels`.
public struct DecideIssueLabels: Sendable {
  public enum Answer: Sendable, Hashable {
    /// A job does what was said.
    case taken(job: String)
    /// Somebody's word is being followed already.
    case alreadySaid
    /// The labels wait for no word any more: they were set, dropped or replaced by others.
    case settled
    /// No such proposal.
    case unknown
  }

  private let jobs: any JobStore
  private let publications: any PublicationStore
  private let audit: any AuditTrail
  private let limits: WorkLimits

  public init(
    jobs: any JobStore, publications: any PublicationStore, audit: any AuditTrail,
    limits: WorkLimits = WorkLimits()
  ) {
    self.jobs = jobs
    self.publications = publications
    self.audit = audit
    self.limits = limits
  }

  /// - Parameters:
  ///   - id: of the job that waits for a word, as `ReadProposals` names it.
  ///   - who: as `AuditEvent.actor`.
  public func decide(_ id: String, isYes: Bool, by who: String) async throws -> Answer {
    guard let waiting = try await jobs.job(id: id), waiting.kind == Work.ConfirmIssueLabels.kind,
      var work = try? Work.ConfirmIssueLabels(of: waiting)
    else { return .unknown }
    if work.word != nil, !waiting.state.isFinal { return .alreadySaid }
    let record = try await publications.publication(
      on: work.access.forge, of: work.reference)
    guard let enrichment = record?.enrichment, enrichment.run == work.run,
      !enrichment.proposed.isEmpty
    else { return .settled }
    work.word = .init(isYes: isYes, by: who)
    guard let job = try await jobs.enqueue([try work.job(limits)]).first, job.isNew else {
      return .alreadySaid
    }
    try await audit.append(
      AuditEvent(
        actor: who, action: isYes ? "labels.confirmed" : "labels.rejected",
        place: "\(work.access.forge):\(work.reference)", decidedBy: "dashboard", run: work.run,
        job: job.id, facts: ["labels": enrichment.proposed.joined(separator: ", ")]))
    return .taken(job: job.id)
  }
}

extension Work.ConfirmIssueLabels {
  /// Without a word it is one for each proposal, and comes after a minute. With one it takes the
  /// place of that, is there once however often it is said, and runs at once; never beside another
  /// that is at the same issue.
  func job(_ limits: WorkLimits) throws -> NewJob {
    let key = "confirm \(access.forge):\(reference)".lowercased()
    return NewJob(
      kind: Self.kind, arguments: try json(),
      uniqueKey: "\(key) \(run)".lowercased() + (word == nil ? "" : " said"),
      uniquePeriod: word == nil ? nil : .seconds(60), supersedeKey: key,
      group: WorkLimits.group(access),
      limits: limits.ofForge(access) + [JobLimit(key, concurrency: 1)],
      delay: word == nil ? .seconds(60) : .zero)
  }
}
