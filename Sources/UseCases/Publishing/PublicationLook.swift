import Domain
import Foundation
import Metrics

/// One look at one pull request.
struct PublicationLook: Sendable {
  let arguments: Work.ReconcilePublication
  let forge: any Forge
  let publications: any PublicationStore
  let now: @Sendable () -> Date
  let trail: ActionTrail

  private typealias Counts = [DoubledComments.Kind: Int]

  private var reference: PullRequestReference { arguments.reference }
  private var repository: RepositoryName { arguments.reference.repository }

  /// - Returns: false where a review is being made, so that not everything can be told yet.
  func look() async throws -> Bool {
    let record = try await publications.publication(
      on: arguments.access.forge, of: reference)
    let isAtRest = record.map(isAtRest) ?? true
    var counts: Counts = [:]
    let doubles = DoubledComments(
      conversation: try await forge.comments(on: reference), atLines: try await atLines(),
      knownSummary: record?.summaryComment, isPublishing: record?.pendingHead != nil)
    try await remove(doubles, record, &counts)
    if isAtRest, let record { try await restore(record, doubles) }
    if isAtRest { try await setChecks(record, &counts) }
    if !counts.isEmpty {
      let facts = counts.map { ($0.key.rawValue, "\($0.value)") }
      try await trail.note("publication.reconciled", facts: Dictionary(uniqueKeysWithValues: facts))
    }
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

  private func remove(
    _ doubles: DoubledComments, _ record: Publication?, _ counts: inout Counts
  ) async throws {
    let mayHaveApproved =
      record?.approvedHead != nil && record?.approvedHead == record?.publishedHead
    guard doubles.isSuspect || mayHaveApproved else { return }
    let own = try await forge.ownAccount()
    let removals = doubles.removals { $0.author.isSame(as: own) }
    if mayHaveApproved || removals.contains(where: { $0.kind == .finding }) {
      let reviews = doubles.emptied(
        try await forge.reviews(of: reference), removing: removals
      ) { $0.isSame(as: own) }
      // Before its comments go: who comes after an interruption still finds them all.
      for review in reviews {
        let facts = ["review": "\(review.id)"]
        let isDone = try await unlessRefused("review.kept", facts) { () async throws(ForgeError) in
          try await forge.edit(review: review.id, on: reference, to: DoubledComments.body)
        }
        if isDone { try await note("review.emptied", .review, &counts, facts) }
      }
    }
    for removal in removals {
      if removal.kind == .summary { try await confirm(record) }
      let facts = ["comment": "\(removal.comment.id)", "kept": "\(removal.kept)"]
      let isDone = try await unlessRefused("comment.kept", facts) { () async throws(ForgeError) in
        try await forge.remove(comment: removal.comment, in: repository)
      }
      if isDone { try await note("comment.removed", removal.kind, &counts, facts) }
    }
  }

  /// What the forge refuses for good keeps nobody from doing the rest.
  private func unlessRefused(
    _ action: String, _ facts: [String: String], _ body: () async throws(ForgeError) -> Void
  ) async throws -> Bool {
    let refusal: ForgeError
    do throws(ForgeError) {
      try await body()
      return true
    } catch { refusal = error }
    if refusal.isPassing { throw refusal }
    try await trail.note(action, facts: facts.merging(["error": refusal.code.rawValue]) { $1 })
    return false
  }

  private func note(
    _ action: String, _ kind: DoubledComments.Kind, _ counts: inout Counts,
    _ facts: [String: String]
  ) async throws {
    counts[kind, default: 0] += 1
    Counter(label: "stet_doubles_removed_total", dimensions: [("what", kind.rawValue)]).increment()
    try await trail.note(action, facts: facts.merging(["what": kind.rawValue]) { $1 })
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

  private func setChecks(_ record: Publication?, _ counts: inout Counts) async throws {
    let said = record?.said
    if let head = record?.publishedHead {
      for check in try await forge.checks(on: head, of: reference) {
        if record?.checkHead == head, check.id == record?.check { continue }
        guard let state = wanted(check, said),
          try await set(check, state, head, record)
        else { continue }
        if let id = check.id, id != said?.checkID {
          // No forge deletes a check: it says the same as the other one.
          try await note("check.aligned", .check, &counts, ["check": "\(id)", "head": head])
        } else {
          try await trail.note("check.restored", facts: ["head": head])
        }
      }
    }
    guard let head = arguments.head, head != record?.publishedHead, head != record?.checkHead
    else { return }
    for check in try await forge.checks(on: head, of: reference)
    where check.progress?.isFinal == false {
      guard try await set(check, CheckConclusion.superseded, head, record) else { continue }
      let id = check.id.map { "\($0)" } ?? "status"
      try await note("check.concluded", .check, &counts, ["check": id, "head": head])
    }
  }

  private func set(
    _ check: PostedCheck, _ state: CheckState, _ head: String, _ record: Publication?
  ) async throws -> Bool {
    try await confirm(record)
    return try await unlessRefused("check.refused", ["head": head]) { () async throws(ForgeError) in
      _ = try await forge.setCheck(state, on: head, of: reference, existing: check.id)
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
