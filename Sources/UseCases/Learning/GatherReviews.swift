import Domain
import Foundation
import Jobs

/// Reads what a person has said at lines of a repository, and makes examples of it.
///
/// Every answer of the forge is kept, encrypted, until the end, so that a gathering that was cut off
/// goes on where it stood. Of other people's comments nothing is kept.
struct GatherReviews: Sendable {
  let ports: LearningPorts
  let work: Work.LearnReviewer
  let progress: @Sendable (String) -> Void

  struct Gathered: Sendable {
    var examples: [ReviewExample] = []
    var dropped: [LearnedReviewer.DropReason: Int] = [:]
    /// Silences of before at files that the person has spoken at since.
    var outdated: [String] = []
    /// Comments of everybody that were read, and of the person.
    var read = 0
    var theirs = 0
    var cursor: HistoryCursor?
    var newest: Date?
  }

  /// The reviewer was forgotten meanwhile.
  struct Forgotten: Error {}

  /// A hundred comments each.
  private static let mostPages = 2_000
  /// Of one change; a larger one tells no silences.
  private static let largestDiff = 512 << 10

  /// Everything that is kept of this gathering stands under one of these names.
  static func names(_ work: Work.LearnReviewer) -> [String] {
    [work.uniqueKey, work.uniqueKey + " all"]
  }

  /// - Parameter known: examples of earlier gatherings; none where everything is read again.
  func gather(
    _ reviewer: LearnedReviewer, known: [ReviewExample]
  ) async throws -> Gathered {
    let begin = work.forceReload ? nil : reviewer.cursor
    let name = begin == nil ? work.uniqueKey + " all" : work.uniqueKey
    let history = try await ports.openHistory(work.access, work.asker)
    var pages = try await ports.gatherings.pages(of: name)
    try await readComments(history, name, from: begin ?? HistoryCursor(), reviewer, &pages)
    let comments = Self.latest(pages).filter { past in
      // A page is read again from its beginning.
      guard begin != nil, let until = reviewer.readUntil else { return true }
      return past.updatedAt > until
        || past.updatedAt == until && !known.contains { $0.id == Self.id(of: past) }
    }
    try await readChanges(history, name, comments, reviewer, &pages)

    var gathered = Gathered()
    gathered.read = pages.reduce(0) { $0 + $1.read }
    gathered.theirs = comments.count
    gathered.cursor = pages.last { $0.change == nil }?.again
    gathered.newest = comments.map(\.updatedAt).max()
    make(comments, pages, known, &gathered)
    return gathered
  }

  // MARK: Reading

  private func readComments(
    _ history: any ReviewHistory, _ name: String, from begin: HistoryCursor,
    _ reviewer: LearnedReviewer, _ pages: inout [GatheredPage]
  ) async throws {
    var next: HistoryCursor? = begin
    if let last = pages.last(where: { $0.change == nil }) { next = last.next }
    while let cursor = next, pages.count < Self.mostPages {
      try Task.checkCancellation()
      let answer = try await history.pastComments(in: work.access.repository, at: cursor)
      let page = GatheredPage(
        comments: answer.comments.filter { $0.comment.author.id == work.user.id },
        read: answer.comments.count, next: answer.next, again: answer.again)
      try await keep(page, pages.count, name, reviewer)
      pages.append(page)
      next = answer.next
      let count = pages.reduce(0) { $0 + $1.read }
      progress("\(count) comments were read, \(Self.latest(pages).count) of them theirs")
    }
  }

  /// The changes of the newest pull requests that the person spoke at.
  private func readChanges(
    _ forge: any Forge, _ name: String, _ comments: [PastComment], _ reviewer: LearnedReviewer,
    _ pages: inout [GatheredPage]
  ) async throws {
    var newest: [Int: Date] = [:]
    for comment in comments {
      newest[comment.pullRequest] = max(
        newest[comment.pullRequest] ?? .distantPast, comment.comment.createdAt)
    }
    let known = Set(pages.compactMap { $0.change?.pullRequest })
    let wanted = newest.sorted { ($0.value, $0.key) > ($1.value, $1.key) }
      .prefix(ports.settings.pullRequests).map(\.key).filter { !known.contains($0) }
    for (place, number) in wanted.enumerated() {
      try Task.checkCancellation()
      let change = try await change(
        PullRequestReference(work.access.repository, number), forge)
      let page = GatheredPage(
        comments: [], read: 0, next: nil, again: HistoryCursor(), change: change)
      try await keep(page, pages.count, name, reviewer)
      pages.append(page)
      if place % 10 == 9 { progress("\(place + 1) of \(wanted.count) changes were read") }
    }
  }

  private func change(
    _ reference: PullRequestReference, _ forge: any Forge
  ) async throws -> GatheredPage.Change {
    var change = GatheredPage.Change(
      pullRequest: reference.number, author: nil, diff: nil)
    do {
      change.author = try await forge.pullRequest(reference).author.id
      let diff = try await forge.diff(of: reference).bytes
      if diff.count <= Self.largestDiff { change.diff = diff }
    } catch {
      // It was deleted, or is too large for the forge: what was said there stays an example.
      guard error.code == .notFound || error.code == .rejected else { throw error }
    }
    return change
  }

  /// Whoever forgets this person meanwhile finds nothing new after it.
  private func keep(
    _ page: GatheredPage, _ number: Int, _ name: String, _ reviewer: LearnedReviewer
  ) async throws {
    guard try await ports.reviewers.reviewer(reviewer.identity)?.id == reviewer.id else {
      throw Forgotten()
    }
    try await ports.gatherings.add(page, number: number, to: name)
  }

  /// A comment that was changed while it was read comes twice: the later one counts.
  private static func latest(_ pages: [GatheredPage]) -> [PastComment] {
    var byID: [Int64: PastComment] = [:]
    for comment in pages.lazy.flatMap(\.comments) { byID[comment.comment.id] = comment }
    return byID.values.sorted {
      ($0.comment.createdAt, $0.comment.id) < ($1.comment.createdAt, $1.comment.id)
    }
  }

  // MARK: Examples

  private func make(
    _ comments: [PastComment], _ pages: [GatheredPage], _ known: [ReviewExample],
    _ gathered: inout Gathered
  ) {
    var changes: [Int: PastChange] = [:]
    var authors: [Int: Int64] = [:]
    for change in pages.compactMap(\.change) {
      authors[change.pullRequest] = change.author
      if let bytes = change.diff, let past = PastChange(change.pullRequest, diff: bytes) {
        changes[change.pullRequest] = past
      }
    }
    var sieve = CommentSieve()
    let ids = Set(comments.map { Self.id(of: $0) })
    for example in known where !ids.contains(example.id) {
      if let comment = example.comment { sieve.remember(comment) }
    }
    var spokenAt: [Int: Set<String>] = [:]
    for example in known where example.comment != nil {
      spokenAt[example.pullRequest, default: []].insert(example.path)
    }
    var lastAt: [Int: Date] = [:]
    for past in comments {
      spokenAt[past.pullRequest, default: []].insert(past.comment.place?.path ?? "")
      lastAt[past.pullRequest] = past.comment.createdAt
      guard
        let text = sieve.text(of: past, pullAuthor: authors[past.pullRequest]),
        let place = past.comment.place
      else { continue }
      gathered.examples.append(
        ReviewExample(
          id: Self.id(of: past), pullRequest: past.pullRequest, at: past.comment.createdAt,
          path: place.path, line: past.line, isOld: place.side == .old, commit: place.commit,
          hunk: place.diffHunk, comment: text,
          became: changes[past.pullRequest]?.became(place, line: past.line)))
    }
    gathered.dropped = sieve.dropped
    for example in known where example.comment == nil {
      if spokenAt[example.pullRequest]?.contains(example.path) == true {
        gathered.outdated.append(example.id)
      }
    }
    addSilences(spokenAt, lastAt, changes, authors, &gathered)
  }

  private static func id(of past: PastComment) -> String { "\(past.comment.id)" }

  /// Hunks of the same pull requests at whose files they said nothing, in the measure of what they
  /// said, those of files beside which they spoke first.
  private func addSilences(
    _ spokenAt: [Int: Set<String>], _ lastAt: [Int: Date], _ changes: [Int: PastChange],
    _ authors: [Int: Int64], _ gathered: inout Gathered
  ) {
    var spoken: [Int: Int] = [:]
    for example in gathered.examples { spoken[example.pullRequest, default: 0] += 1 }
    for (number, change) in changes.sorted(by: { $0.key < $1.key }) {
      // At one's own change one says nothing anyway.
      guard let at = lastAt[number], authors[number] != work.user.id else { continue }
      let most = max(1, spoken[number, default: 0]) * ports.settings.silencesPerComment
      gathered.examples += change.silences(
        besides: spokenAt[number] ?? [], count: most, at: at)
    }
  }
}
