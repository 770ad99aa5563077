import Domain

/// What stands twice on a pull request by Stet's own hand, and which of each stays.
///
/// Only comments of Stet's own account whose first line is its marker are looked at, and of each
/// kind one is always left.
struct DoubledComments {
  enum Kind: String, CaseIterable { case summary, finding, answer, review, check }

  struct Removal: Equatable {
    var kind: Kind
    var comment: CommentReference
    /// The one that stays.
    var kept: Int64
  }

  /// On the conversation and at lines, as the forge lists them.
  var conversation: [ForgeComment]
  var atLines: [ForgeComment]
  /// The summary that the record knows.
  var knownSummary: Int64?
  /// A review is being posted just now: only that one knows which summary is to stay.
  var isPublishing = false

  /// Whether whose account it is has to be asked at all.
  var isSuspect: Bool { !removals { _ in true }.isEmpty }

  /// - Parameter isOwn: whether Stet wrote it.
  func removals(_ isOwn: (ForgeComment) -> Bool) -> [Removal] {
    summaries(isOwn) + findings(isOwn) + answers(conversation, .conversation, isOwn)
      + answers(atLines, .review, isOwn)
  }

  /// The summary that stays.
  func summary(_ isOwn: (ForgeComment) -> Bool) -> ForgeComment? {
    let all = ownSummaries(isOwn)
    return all.first { $0.id == knownSummary } ?? all.first
  }

  private func ownSummaries(_ isOwn: (ForgeComment) -> Bool) -> [ForgeComment] {
    conversation.filter { HiddenMarker(of: $0.body) == .summary && isOwn($0) }
      .sorted { $0.id < $1.id }
  }

  private func summaries(_ isOwn: (ForgeComment) -> Bool) -> [Removal] {
    guard let kept = summary(isOwn), !isPublishing || kept.id == knownSummary else { return [] }
    return ownSummaries(isOwn).filter { $0.id != kept.id }
      .map { Removal(kind: .summary, comment: .init(.conversation, $0.id), kept: kept.id) }
  }

  /// Comments that begin a thread, by their fingerprint, first ones first.
  func ownFindings(_ isOwn: (ForgeComment) -> Bool) -> [(String, ForgeComment)] {
    atLines.sorted { $0.id < $1.id }.compactMap { comment in
      guard comment.place?.inReplyTo == nil,
        case .finding(let fingerprint)? = HiddenMarker(of: comment.body), isOwn(comment)
      else { return nil }
      return (fingerprint, comment)
    }
  }

  private func findings(_ isOwn: (ForgeComment) -> Bool) -> [Removal] {
    // What somebody has answered stays: a conversation is not torn apart.
    let answered = Set(atLines.filter { !isOwn($0) }.compactMap { $0.place?.inReplyTo })
    let groups = Dictionary(grouping: ownFindings(isOwn), by: \.0).mapValues { $0.map(\.1) }
    return groups.values.flatMap { group -> [Removal] in
      guard let kept = group.first(where: { answered.contains($0.id) }) ?? group.first else {
        return []
      }
      return group.filter { $0.id != kept.id && !answered.contains($0.id) }
        .map { Removal(kind: .finding, comment: .init(.review, $0.id), kept: kept.id) }
    }.sorted { $0.comment.id < $1.comment.id }
  }

  private func answers(
    _ comments: [ForgeComment], _ place: CommentReference.Kind, _ isOwn: (ForgeComment) -> Bool
  ) -> [Removal] {
    var first: [String: Int64] = [:]
    var removals: [Removal] = []
    for comment in comments.sorted(by: { $0.id < $1.id }) {
      let answered: String
      switch HiddenMarker(of: comment.body) {
      case .answer(let id), .refusal(let id, _): answered = "comment \(id)"
      case .consent(let id, let account): answered = "comment \(id) consent \(account)"
      case .followUp(let id, let key): answered = "comment \(id) after \(key)"
      case .fix(let run): answered = "run \(run)"
      case .enrichment: answered = "the issue itself"
      case .likenessAnswer(let run): answered = "likeness \(run)"
      case .suggestion(let run, let number): answered = "suggestion \(run) \(number)"
      default: continue
      }
      guard isOwn(comment) else { continue }
      if let kept = first[answered] {
        removals.append(Removal(kind: .answer, comment: .init(place, comment.id), kept: kept))
      } else {
        first[answered] = comment.id
      }
    }
    return removals
  }

  /// Reviews of which nothing is left but their body: all their comments are to be removed, or they
  /// say no more than an earlier one of the same commit.
  func emptied(
    _ reviews: [PostedReview], removing removals: [Removal], _ isOwn: (ForgeAccount) -> Bool
  ) -> [PostedReview] {
    let gone = Set(removals.filter { $0.comment.kind == .review }.map(\.comment.id))
    var bare: Set<String> = []
    return reviews.sorted { $0.id < $1.id }.filter { review in
      guard case .review(let head)? = HiddenMarker(of: review.body), isOwn(review.author) else {
        return false
      }
      let comments = atLines.filter { $0.place?.review == review.id }
      if !comments.isEmpty { return comments.allSatisfy { gone.contains($0.id) } }
      guard ForgeText.isSame(review.body, PublishReview.body(head, [])) else { return false }
      return !bare.insert(head).inserted
    }
  }

  /// In the place of the body of a review that was doubled, since no forge takes a review back.
  static let body =
    HiddenMarker.doubled.text + "\n\nThis review was sent twice; the other one counts."
}

/// Texts as forges send them back: line ends and the blanks around them may be others.
enum ForgeText {
  static func isSame(_ one: String, _ other: String) -> Bool {
    normal(one) == normal(other)
  }

  private static func normal(_ text: String) -> [Substring] {
    let lines = text.split(omittingEmptySubsequences: false) { $0.isNewline }
    let first = lines.firstIndex { !$0.allSatisfy(\.isWhitespace) } ?? lines.endIndex
    let last = lines.lastIndex { !$0.allSatisfy(\.isWhitespace) } ?? lines.startIndex
    return first <= last ? lines[first...last].map { $0.trimmingEnd() } : []
  }
}

extension Substring {
  fileprivate func trimmingEnd() -> Substring {
    guard let last = lastIndex(where: { !$0.isWhitespace }) else { return "" }
    return self[...last]
  }
}
