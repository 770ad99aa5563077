import Domain

/// Puts a review on the forge, once, however often it is begun.
///
/// What is about to be posted is recorded first. Should this stop anywhere, the next try finds that
/// record, reads what stands on the forge, knows its own comments by their hidden markers, and posts
/// what is missing.
struct PublishReview: Sendable {
  struct Request: Sendable {
    /// As it stands now, head included.
    var pull: PullRequest
    var review: Review
    var diff: Diff
    var modelFailed: Bool
    /// Fingerprints of all that was found, what is not shown included.
    var found: Set<String>
    /// Sentences for the summary, such as a policy that could not be read.
    var notes: [String]
    var handle: String
    var detailsURL: String?
  }

  struct Published: Sendable {
    var review: Review
    var placed: PlacedFindings
  }

  /// What stands on the forge by Stet's own hand.
  struct Standing: Sendable {
    var summary: ForgeComment?
    var posted: [Publication.Posted] = []
    var reviewedHeads: Set<String> = []
  }

  let forge: any Forge
  let trail: ActionTrail

  /// The store is asked right before every call that posts, so that of a process that has lost its
  /// job no more than one request is still sent.
  /// - Throws: `ForgeError` where another try is needed, `PublicationClaim.TakenOver`, `StoreError`.
  func publish(_ request: Request, claim: inout PublicationClaim) async throws -> Published {
    let head = request.pull.head
    let standing = try await standing(request, claim.record)
    let taken = standing?.posted ?? []
    let known = Set(claim.record.posted.map(\.fingerprint))
    try await claim.update { record in
      record.pendingHead = head
      record.posted += taken.filter { !known.contains($0.fingerprint) }
      if let summary = standing?.summary { record.summaryComment = summary.id }
    }

    var placed = Self.placed(request, claim.record)
    var review = Self.without(placed, request.review)
    var body = summary(request, review, placed)
    try await putSummary(body, standing?.summary, request, claim: &claim)

    let before = placed.listed.count
    let isApproved =
      claim.record.approvedHead == head || standing?.reviewedHeads.contains(head) ?? false
    let approves = try await postReview(
      review, &placed, alreadyReviewed: isApproved, request, claim)
    if placed.listed.count != before {
      // The forge refused places: what was to stand there must not be lost.
      review = Self.without(placed, request.review)
      body = summary(request, review, placed)
      try await putSummary(body, nil, request, claim: &claim)
    }

    if !request.modelFailed {
      try await claim.confirm()
      try await FixedThreads(forge: forge, trail: trail).close(
        claim.record.posted, on: request.pull.reference, head: head, found: request.found,
        unseen: Set(request.review.coverage.skipped.map(\.path)))
    }
    let (check, checkID) = try await conclude(review, placed, request, claim)
    let posted = placed.toPost.map {
      Publication.Posted(
        fingerprint: $0.fingerprint, path: $0.path, line: $0.line, category: $0.category,
        message: $0.message, head: head)
    }
    try await claim.update { record in
      record.pendingHead = nil
      record.publishedHead = head
      if approves { record.approvedHead = head }
      record.posted = (record.posted + posted).suffix(2_000)
      record.said = Publication.Said(summary: body, check: check, checkID: checkID)
      record.check = nil
      record.checkHead = nil
      record.claimant = nil
      record.claimedAt = nil
      record.run = review.run
    }
    return Published(review: review, placed: placed)
  }

  // MARK: What stands already

  /// - Returns: `nil` where nothing of ours can be there that the record does not know.
  private func standing(_ request: Request, _ record: Publication) async throws -> Standing? {
    let isPending = record.pendingHead != nil
    // No record, or one of checks alone: a lost data folder, perhaps, or a first review.
    if !isPending, record.publishedHead != nil || request.pull.commentCount == 0 { return nil }
    let reference = request.pull.reference
    let summaries = try await forge.comments(on: reference).filter {
      HiddenMarker(of: $0.body) == .summary
    }
    // Every review of Stet has its summary. What strangers said costs no further call.
    if !isPending, summaries.isEmpty { return nil }
    let own = try await forge.ownAccount()
    var standing = Standing()
    standing.summary = summaries.first { $0.author.isSame(as: own) }
    if !isPending, standing.summary == nil { return nil }
    for comment in try await forge.reviewComments(on: reference)
    where comment.author.isSame(as: own) {
      guard case .finding(let fingerprint)? = HiddenMarker(of: comment.body) else { continue }
      standing.posted.append(
        Publication.Posted(
          fingerprint: fingerprint, path: comment.place?.path ?? "",
          line: comment.place?.line ?? 0, category: "", message: "",
          head: comment.place?.commit ?? ""))
    }
    if request.review.verdict == .approve {
      for review in try await forge.reviews(of: reference) where review.author.isSame(as: own) {
        guard case .review(let head)? = HiddenMarker(of: review.body) else { continue }
        standing.reviewedHeads.insert(head)
      }
    }
    return standing
  }

  private static func placed(_ request: Request, _ record: Publication) -> PlacedFindings {
    let places = DiffPlaces(request.diff, paths: Set(request.review.findings.map(\.path)))
    return PlacedFindings(
      request.review.findings, head: request.pull.head, posted: record.posted,
      ignored: record.ignored, takesComment: places.takesComment)
  }

  /// What somebody with the right asked to be silent about does not speak against the change.
  static func without(_ placed: PlacedFindings, _ review: Review) -> Review {
    guard placed.ignored > 0, review.verdict == .requestChanges else { return review }
    var review = review
    if !placed.standing.contains(where: { $0.severity == .error }) { review.verdict = .comment }
    return review
  }

  // MARK: Summary

  private func summary(_ request: Request, _ review: Review, _ placed: PlacedFindings) -> String {
    SummaryComment(
      head: request.pull.head, review: review, placed: placed, notes: request.notes,
      handle: request.handle
    ).body
  }

  private func putSummary(
    _ body: String, _ found: ForgeComment?, _ request: Request, claim: inout PublicationClaim
  ) async throws {
    try await claim.confirm()
    let reference = request.pull.reference
    if let known = claim.record.summaryComment {
      if found?.id == known, found?.body == body { return }
      do {
        try await forge.edit(comment: known, in: reference.repository, to: body)
        return try await trail.note("summary.edited", facts: ["comment": "\(known)"])
      } catch let error as ForgeError where error.code == .notFound {
        // Somebody deleted it.
        try await claim.confirm()
      }
    }
    let posted = try await forge.comment(body, on: reference)
    try await trail.note("summary.posted", facts: ["comment": "\(posted.id)"])
    try await claim.update { $0.summaryComment = posted.id }
  }

  // MARK: Review

  /// - Returns: whether it approved.
  private func postReview(
    _ review: Review, _ placed: inout PlacedFindings, alreadyReviewed: Bool, _ request: Request,
    _ claim: PublicationClaim
  ) async throws -> Bool {
    guard !placed.toPost.isEmpty || review.verdict == .approve && !alreadyReviewed else {
      return false
    }
    // An approval is asked for by the repository's policy. Changes are not requested in the forge's
    // own sense: that would block the merge until somebody dismisses it, even when all is mended.
    // The check says it, and says otherwise as soon as the next commit is clean.
    let verdict: Verdict = review.verdict == .approve ? .approve : .comment
    if try await post(verdict, placed.toPost, request, claim) { return verdict == .approve }
    if verdict == .approve { return false }
    // A range that reaches out of the hunk that the forge sees may still stand at its last line.
    let narrowed = placed.toPost.map { finding in
      var finding = finding
      if finding.startLine != finding.line { finding.suggestion = nil }
      finding.startLine = finding.line
      return finding
    }
    if narrowed != placed.toPost, try await post(verdict, narrowed, request, claim) {
      return false
    }
    placed.list(placed.toPost)
    return false
  }

  /// - Returns: false where the forge refused it as it stands.
  private func post(
    _ verdict: Verdict, _ findings: [Finding], _ request: Request, _ claim: PublicationClaim
  ) async throws -> Bool {
    try await claim.confirm()
    let head = request.pull.head
    let draft = ReviewDraft(
      commit: head, verdict: verdict, body: Self.body(head, findings),
      comments: findings.map(FindingComment.draft))
    do {
      let posted = try await forge.post(draft, on: request.pull.reference)
      try await trail.note(
        "review.posted",
        facts: [
          "review": "\(posted.id)", "head": head, "comments": "\(findings.count)",
          "verdict": verdict.rawValue,
        ])
      return true
    } catch let error as ForgeError where error.code == .rejected {
      try await trail.note(
        "review.refused", facts: ["head": head, "comments": "\(findings.count)"])
      return false
    }
  }

  static func body(_ head: String, _ findings: [Finding]) -> String {
    let number =
      findings.isEmpty ? "Nothing to object." : ReviewSummary.count(findings.count, "finding") + "."
    return "\(HiddenMarker.review(head: head).text)\n\n\(number) What was looked at, and what was "
      + "not, stands in the summary comment."
  }

  // MARK: Check

  /// - Returns: what the check says now, and its number; `nil` where the forge refused it.
  private func conclude(
    _ review: Review, _ placed: PlacedFindings, _ request: Request, _ claim: PublicationClaim
  ) async throws -> (CheckState?, Int64?) {
    try await claim.confirm()
    let state = CheckConclusion.state(
      review, placed: placed, modelFailed: request.modelFailed, detailsURL: request.detailsURL)
    let head = request.pull.head
    do {
      let check = try await forge.setCheck(
        state, on: head, of: request.pull.reference,
        existing: claim.record.checkHead == head ? claim.record.check : nil)
      try await trail.note(
        "check.concluded", facts: ["head": head, "conclusion": state.progress.rawValue])
      return (state, check)
    } catch let error as ForgeError where !error.isPassing {
      // Credentials that may comment and may not write checks are common.
      try await trail.note("check.refused", facts: ["head": head, "error": error.code.rawValue])
      return (nil, nil)
    }
  }
}
