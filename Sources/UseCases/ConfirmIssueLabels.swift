import Domain
import Foundation
public import Jobs

/// Looks whether a person has said yes or no to labels that were proposed, and does so. Forges tell
/// of reactions by no webhook, so it comes back for two weeks, at longer and longer intervals. A
/// word that was given on the dashboard comes with the job itself: `DecideIssueLabels`.
public struct ConfirmIssueLabels: Sendable {
  private static let longest = Duration.seconds(14 * 86_400)

  let ports: EnrichForgeIssue.Ports

  public init(ports: EnrichForgeIssue.Ports) { self.ports = ports }

  /// - Throws: `JobFailure`, or `CancellationError`.
  public func handle(_ job: Job) async throws -> JobOutcome {
    let arguments = try Work.ConfirmIssueLabels(of: job)
    let place = "\(arguments.access.forge):\(arguments.reference)"
    let age = ForgeFailure.age(of: job, at: ports.now())
    do {
      return try await run(arguments, job, age, place)
    } catch let error as ForgeError {
      if error.code == .notFound { return .cancelled(reason: "the issue or its comment is gone") }
      return try ForgeFailure.outcome(error, at: place, age: age)
    } catch is PublicationClaim.TakenOver {
      return try ForgeFailure.takenOver(at: place, age: age)
    } catch let error as StoreError {
      throw ForgeFailure.failure(error, isQueued: true)
    }
  }

  private func run(
    _ arguments: Work.ConfirmIssueLabels, _ job: Job, _ age: Duration, _ place: String
  ) async throws -> JobOutcome {
    let name = arguments.access.forge
    let record = try await ports.publications.publication(on: name, of: arguments.reference)
    guard var enrichment = record?.enrichment, enrichment.run == arguments.run,
      !enrichment.proposed.isEmpty, let comment = enrichment.comment
    else { return .cancelled(reason: "the labels wait for no word any more") }
    let forge = try await ports.openForge(arguments.access)
    let repository = arguments.reference.repository
    let word: Work.ConfirmIssueLabels.Word
    if let given = arguments.word {
      word = given
    } else if let seen = try await reaction(to: comment, name, forge, repository) {
      word = seen
    } else {
      guard age < Self.longest else {
        return .cancelled(reason: "nobody has confirmed the labels in two weeks")
      }
      return .snoozed(
        max(.seconds(60), min(age, .seconds(3_600))),
        because: "the labels wait for a thumbs-up by somebody who may triage.")
    }
    if try await LostTry.hasLost(job, in: ports.jobs) { throw PublicationClaim.TakenOver() }
    let trail = ActionTrail(
      ports.audit, actor: word.by, place: place, decidedBy: Work.ConfirmIssueLabels.kind,
      reason: "a person's word on what was proposed", run: nil, job: job.id)
    // Labels that were deleted meanwhile would be made anew.
    let known = try await forge.labels(in: repository)
    let labels = enrichment.proposed.filter(known.contains)
    if word.isYes {
      try await forge.addLabels(labels, to: arguments.reference)
      try await trail.note("issue.labeled", facts: ["labels": labels.joined(separator: ", ")])
      enrichment.applied += labels.filter { !enrichment.applied.contains($0) }
    } else {
      try await trail.note(
        "labels.declined", facts: ["labels": labels.joined(separator: ", ")])
      enrichment.removed += labels.filter { !enrichment.removed.contains($0) }
    }
    enrichment.proposed = []
    var claim = try await PublicationClaim.take(
      ports.publications, forge: name, reference: arguments.reference)
    try await claim.update { [enrichment] in $0.enrichment = enrichment }
    try await note(word, labels, job, place, trail)
    try await tell(word.isYes, labels, arguments, comment, forge, trail)
    return .completed
  }

  /// What people said on the forge; a no weighs more than a yes.
  private func reaction(
    to comment: Int64, _ name: String, _ forge: any Forge, _ repository: RepositoryName
  ) async throws -> Work.ConfirmIssueLabels.Word? {
    let reference = CommentReference(.conversation, comment)
    for (reaction, isYes) in [(Reaction.thumbsDown, false), (.thumbsUp, true)] {
      if let who = try await person(reaction, reference, forge, repository) {
        return Work.ConfirmIssueLabels.Word(isYes: isYes, by: "\(name):\(who.login)")
      }
    }
    return nil
  }

  /// Somebody who may set labels, and gave this reaction.
  private func person(
    _ reaction: Reaction, _ comment: CommentReference, _ forge: any Forge,
    _ repository: RepositoryName
  ) async throws -> ForgeAccount? {
    let accounts = try await forge.accounts(reacting: reaction, to: comment, in: repository)
    for account in accounts.prefix(20) where !account.isBot {
      if try await forge.permission(of: account.login, in: repository) >= .triage {
        return account
      }
    }
    return nil
  }

  /// What was declined was given and taken away: it counts against the labels.
  private func note(
    _ word: Work.ConfirmIssueLabels.Word, _ labels: [String], _ job: Job, _ place: String,
    _ trail: ActionTrail
  ) async throws {
    let now = ports.now()
    var result: [String: JSONValue] = [
      "place": .string(place), "cause": .string(word.isYes ? "confirmed" : "declined"),
      "labels_set": .array(labels.map(JSONValue.string)),
    ]
    if !word.isYes { result["labels_removed"] = .array(labels.map(JSONValue.string)) }
    try await ports.runs.save(
      Run(
        id: TimeOrderedID.next(now), kind: .enrich, startedAt: now, seconds: 0,
        outcome: .completed, askedBy: word.by, subject: place, inputs: [:], modelCalls: [],
        claims: 0, masked: [:], review: nil, failure: nil,
        job: job.id, actions: trail.actions, result: .object(result)))
  }

  /// The comment says what became of the labels.
  private func tell(
    _ isYes: Bool, _ labels: [String], _ arguments: Work.ConfirmIssueLabels, _ comment: Int64,
    _ forge: any Forge, _ trail: ActionTrail
  ) async throws {
    let earlier = try await ports.runs.run(id: arguments.run)?.result
    let duplicates = (earlier?["duplicates"]?.array ?? []).compactMap(
      TrackedIssue.Duplicate.init(document:))
    let body = EnrichmentComment(
      summary: earlier?["ai_summary"]?.string ?? "",
      source: (earlier?["source"]?.string).flatMap(TrackedIssue.Source.init) ?? .model,
      labels: labels, state: isYes ? .set : .declined, duplicates: duplicates,
      handle: ports.handle
    ).body
    try await forge.edit(comment: comment, in: arguments.reference.repository, to: body)
    try await trail.note("enrichment.edited", facts: ["comment": "\(comment)"])
  }
}
