import Domain
import Foundation

/// Says on a pull request what a likeness has to say, once however often it is begun.
struct LikenessVoice: Sendable {
  let ports: LearningPorts
  let work: Work.ReviewAs
  let forge: any Forge
  let trail: ActionTrail

  private var marker: HiddenMarker { .likenessAnswer(run: work.run) }

  /// Whether a try before this one has come to its end.
  func hasSaid() async throws -> Bool {
    let own = try await forge.ownAccount()
    let comments =
      work.thread == nil
      ? try await forge.comments(on: work.reference)
      : try await forge.reviewComments(on: work.reference)
    if comments.contains(where: { isAnswer($0.body, $0.author, own) }) { return true }
    return try await forge.reviews(of: work.reference).contains {
      isAnswer($0.body, $0.author, own)
    }
  }

  private func isAnswer(_ body: String, _ author: ForgeAccount, _ own: ForgeAccount) -> Bool {
    author.isSame(as: own) && HiddenMarker(of: body) == marker
  }

  /// Answers where it was asked.
  func say(_ text: String) async throws {
    if try await hasSaid() { return }
    try await post(text)
  }

  private func post(_ text: String) async throws {
    let body = "\(marker.text)\n\n\(text)"
    let posted: ForgeComment
    if let thread = work.thread {
      posted = try await forge.reply(body, to: thread, on: work.reference)
    } else {
      posted = try await forge.comment(body, on: work.reference)
    }
    try await trail.note("likeness.answered", facts: ["comment": "\(posted.id)"])
  }

  /// - Returns: how many comments were posted at lines now.
  func publish(
    _ outcome: LikenessReview.Outcome, diff: Diff, head: String, as reviewer: LearnedReviewer,
    text: LikenessText
  ) async throws -> Int {
    var claim = try await PublicationClaim.take(
      ports.publications, forge: work.access.forge, reference: work.reference)
    let own = try await forge.ownAccount()
    var standing = Set((claim.record.likeness ?? []).map(\.fingerprint))
    for comment in try await forge.reviewComments(on: work.reference)
    where comment.author.isSame(as: own) {
      if case .likeness(let fingerprint)? = HiddenMarker(of: comment.body) {
        standing.insert(fingerprint)
      }
    }
    let places = DiffPlaces(diff, paths: Set(outcome.findings.map(\.path)))
    let said = outcome.findings.filter { finding in
      standing.contains(finding.fingerprint)
        || Self.lineFingerprint(finding).map(standing.contains) == true
    }
    let fresh = outcome.findings.filter {
      !said.contains($0) && claim.record.ignored[$0.fingerprint] == nil && places.takesComment($0)
    }.prefix(PlacedFindings.mostComments)
    let repeated = said.count
    let summary = text.summary(outcome, posted: fresh.count, repeated: repeated)
    guard !fresh.isEmpty, try await postReview(Array(fresh), head, summary, text) else {
      try await post(
        text.summary(outcome, posted: 0, repeated: repeated, refused: fresh.count))
      return 0
    }
    // The markers on the forge tell a later try; the record outlives a comment that is deleted.
    let posted = fresh.flatMap { finding in
      [finding.fingerprint, Self.lineFingerprint(finding)].compactMap { $0 }.map {
        Publication.Posted(
          fingerprint: $0, path: finding.path, line: finding.line, category: finding.category,
          message: "", head: head)
      }
    }
    try await claim.update { $0.likeness = Array((($0.likeness ?? []) + posted).suffix(2_000)) }
    return fresh.count
  }

  /// Knows the line again where the rest of its hunk was changed; `nil` for one such as `}`, of
  /// which a file has many.
  private static func lineFingerprint(_ finding: Finding) -> String? {
    guard finding.quote.count(where: \.isLetter) > 3 else { return nil }
    return Fingerprint.of(
      path: finding.path, side: finding.side, category: finding.category, code: finding.quote)
  }

  /// - Returns: false where the forge refused it as it stands.
  private func postReview(
    _ findings: [Finding], _ head: String, _ summary: String, _ text: LikenessText
  ) async throws -> Bool {
    let draft = ReviewDraft(
      commit: head, verdict: .comment, body: "\(marker.text)\n\n\(summary)",
      comments: findings.map { finding in
        ReviewDraft.Comment(
          path: finding.path, side: finding.side, startLine: finding.startLine,
          line: finding.line, body: text.comment(finding))
      })
    do {
      let posted = try await forge.post(draft, on: work.reference)
      try await trail.note(
        "likeness.posted",
        facts: [
          "review": "\(posted.id)", "head": head, "comments": "\(findings.count)",
        ])
      return true
    } catch let error as ForgeError where error.code == .rejected {
      try await trail.note("likeness.refused", facts: ["head": head])
      return false
    }
  }
}

/// The words around what a likeness says. A login stands as code, so that nobody is called by it.
struct LikenessText: Sendable {
  var reviewer: LearnedReviewer
  var tone: ReviewTone
  var voice: LikenessOpening.Voice
  var head: String
  var notes: [String]

  private var name: String { Defanged.codeSpan(reviewer.identity.user.login) }

  func comment(_ finding: Finding) -> String {
    """
    \(HiddenMarker.likeness(finding.fingerprint).text)

    \(Defanged.forMarkdown(finding.message, oneLine: true))

    <sub>A likeness of \(name), learned from their reviews here; they did not write this. \
    \(finding.confidence.percent)% sure that they would say something.</sub>
    """
  }

  func summary(
    _ outcome: LikenessReview.Outcome, posted: Int, repeated: Int, refused: Int = 0
  ) -> String {
    let comments = ReviewSummary.count(max(posted, refused), "comment")
    var sentences = [
      "A likeness of \(name) looked at \(ReviewSummary.count(outcome.hunks, "hunk")) of "
        + "\(Defanged.codeSpan(String(head.prefix(12)))): "
        + (posted + refused == 0 ? "it has nothing to say" : "\(comments) at lines")
        + ", silence at \(outcome.silent)."
    ]
    if refused > 0 {
      sentences.append("The forge did not take them at this commit: ask again once it has settled.")
    }
    if repeated > 0 {
      sentences.append("\(repeated) were said on an earlier commit already.")
    }
    if outcome.failed > 0 {
      let code = outcome.failure.map { " (\($0.code.rawValue))" } ?? ""
      sentences.append(
        "The model did not answer for \(ReviewSummary.count(outcome.failedHunks.count, "hunk"))\(code)."
      )
    }
    if outcome.left > 0 {
      sentences.append("\(ReviewSummary.count(outcome.left, "hunk")) were not looked at whole.")
    }
    sentences.append(source)
    let said = sentences.joined(separator: " ")
    let quoted = notes.map { "> " + Defanged.forMarkdown($0, oneLine: true, limit: 600) }
    return ([said] + quoted).joined(separator: "\n\n")
  }

  private var source: String {
    var text =
      "It was learned from \(ReviewSummary.count(reviewer.comments, "comment")) and "
      + "\(ReviewSummary.count(reviewer.silences, "silence"))"
    let dropped = DroppedComments.words(reviewer.dropped)
    if !dropped.isEmpty { text += ", without those \(dropped)" }
    switch voice {
    case .examples: text += ", and speaks by examples"
    case .adapter(let name): text += ", and speaks by the adapter \(Defanged.codeSpan("\(name)"))"
    }
    if tone != .learned { text += " in the \(tone.rawValue) tone" }
    return text + "."
  }
}
