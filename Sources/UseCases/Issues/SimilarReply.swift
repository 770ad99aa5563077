import Domain

/// Answers of a model by the issue that was asked about, and by others in nearly the same words.
struct SimilarReply: Sendable {
  /// `nil`: nothing is kept.
  var cache: (any ResponseCache)?
  /// `nil`: only the same words are found.
  var similar: (any SimilarAnswers)?

  /// The newest wordings that are looked at.
  private static let mostWordings = 300

  /// One issue as it is asked about.
  struct Question: Sendable {
    /// Of all that shapes the answer beside the issue.
    let scope: String
    let key: String
    let wording: IssueWording

    /// - Parameters:
    ///   - shape: what the answer depends on: model, place, instructions, tags.
    init(shape: [String], title: String, description: String) {
      // Beyond what is looked at, a text is only like itself.
      let rest = ContentHash.of(Array(description.utf8.dropFirst(IssueWords.mostBytes)))
      scope = ContentHash.of(parts: ["enrich 3", rest] + shape)
      let words = [
        IssueWords.hashes(of: title, keepingNumbers: true), IssueWords.hashes(of: description),
      ].map { hashes in hashes.map { String($0, radix: 36) }.joined(separator: " ") }
      key = ContentHash.of(parts: [scope] + words)
      wording = IssueWording(title: title, description: description)
    }
  }

  struct Known: Sendable {
    var reply: ModelReply
    /// 1 where the words are the same.
    var likeness: Double
  }

  /// What was answered to the same words, else to the likest that are like enough.
  func known(_ question: Question) async -> Known? {
    guard let cache else { return nil }
    if let reply = (try? await cache.reply(for: question.key)) ?? nil {
      return Known(reply: reply, likeness: 1)
    }
    let wordings =
      (try? await similar?.wordings(in: question.scope, limit: Self.mostWordings)) ?? []
    var best: (key: String, likeness: Double)?
    for (key, wording) in wordings {
      guard let likeness = question.wording.likenessAsSame(wording) else { continue }
      if likeness > best?.likeness ?? 0 { best = (key, likeness) }
    }
    guard let best, let reply = (try? await cache.reply(for: best.key)) ?? nil else { return nil }
    return Known(reply: reply, likeness: best.likeness)
  }

  /// Losing it costs a call, no more.
  func remember(_ reply: ModelReply, _ question: Question) async {
    try? await cache?.store(reply, for: question.key)
    try? await similar?.remember(question.wording, as: question.key, in: question.scope)
  }
}
