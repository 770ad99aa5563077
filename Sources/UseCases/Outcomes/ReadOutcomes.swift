public import Domain
public import Foundation

/// Follows what became of every finding that was published: from the stored runs, from what people
/// asked Stet to be silent about, and from the forge where it is asked.
public struct ReadOutcomes: Sendable {
  public struct Ports: Sendable {
    public var runs: any RunStore
    public var publications: any PublicationStore
    /// `nil`: the forge is not asked.
    public var openForge: ForgeOpener?
    public var now: @Sendable () -> Date

    public init(
      runs: any RunStore, publications: any PublicationStore, openForge: ForgeOpener? = nil,
      now: @escaping @Sendable () -> Date = { Date() }
    ) {
      self.runs = runs
      self.publications = publications
      self.openForge = openForge
      self.now = now
    }
  }

  public struct Outcomes: Sendable {
    public var outcomes: [FindingOutcome]
    /// Pull requests that the forge would not show, with why.
    public var unseen: [String: String]
  }

  let ports: Ports
  private static let page = 200

  public init(ports: Ports) { self.ports = ports }

  /// - Parameters:
  ///   - repository: `nil`: all.
  ///   - since: runs that began earlier are not looked at.
  public func read(
    repository: RepositoryName? = nil, since: Date
  ) async throws -> Outcomes {
    let reviews = try await published(repository, since)
    var result = Outcomes(outcomes: [], unseen: [:])
    for (reference, list) in reviews.sorted(by: { "\($0.key)" < "\($1.key)" }) {
      var around = OutcomeDerivation.Surroundings()
      if let record = try await ports.publications.publication(on: "github", of: reference) {
        around.disputed = record.ignored
      }
      if let open = ports.openForge {
        do throws(ForgeError) {
          try await look(at: reference, by: open, &around)
        } catch {
          if error.code == .cancelled { throw CancellationError() }
          result.unseen["\(reference)"] = error.detail
        }
      }
      result.outcomes += OutcomeDerivation.outcomes(
        of: "\(reference)", list, around, now: ports.now())
    }
    return result
  }

  /// Runs in pages, so that a long history is not held whole.
  static func each(
    _ store: any RunStore, since: Date, _ body: (Run) -> Void
  ) async throws {
    var before: String?
    while true {
      let runs = try await store.runs(limit: page, before: before)
      // Ids are in order of time, and a run may be saved a while after it began.
      for run in runs where run.startedAt >= since { body(run) }
      guard let last = runs.last, runs.count == page,
        last.startedAt >= since.addingTimeInterval(-86_400)
      else { return }
      before = last.id
      try Task.checkCancellation()
    }
  }

  private func published(
    _ repository: RepositoryName?, _ since: Date
  ) async throws -> [PullRequestReference: [OutcomeDerivation.Reviewed]] {
    let wanted = repository.map { "\($0)".lowercased() }
    var reviews: [PullRequestReference: [OutcomeDerivation.Reviewed]] = [:]
    try await Self.each(ports.runs, since: since) { run in
      guard run.kind == .review, run.outcome == .completed, let review = run.review,
        run.job != nil || run.actions?.isEmpty == false,
        let reference = PullRequestReference(run.subject),
        wanted == nil || "\(reference.repository)".lowercased() == wanted
      else { return }
      reviews[reference, default: []].append(
        OutcomeDerivation.Reviewed(
          run: run.id, at: run.startedAt, content: run.inputs["diff"] ?? run.id,
          findings: review.findings, silenced: Set(run.silenced ?? []),
          skipped: Set(review.coverage.skipped.map(\.path)),
          hadModel: !run.modelCalls.isEmpty
            && !review.coverage.skipped.contains { $0.reason == .modelFailed }))
    }
    return reviews
  }

  private func look(
    at reference: PullRequestReference, by open: ForgeOpener,
    _ around: inout OutcomeDerivation.Surroundings
  ) async throws(ForgeError) {
    let forge = try await open(ForgeAccess(forge: "github", repository: reference.repository))
    switch try await forge.pullRequest(reference).state {
    case .open: break
    case .merged: around.end = .merged
    case .closed: around.end = .closed
    }
    let own = try await forge.ownAccount()
    try await readThumbs(of: reference, forge, own, &around)
    guard forge.capabilities.hasReviewThreads else { return }
    for thread in try await forge.reviewThreads(of: reference) where thread.isResolved {
      guard let first = thread.comments.first, first.author.isSame(as: own),
        case .finding(let fingerprint)? = HiddenMarker(of: first.body)
      else { continue }
      around.resolved.insert(fingerprint)
    }
  }

  /// Thumbs on Stet's comments. Who gave them is asked only where the list of comments counts some:
  /// Stet's own and those of programs say nothing.
  private func readThumbs(
    of reference: PullRequestReference, _ forge: any Forge, _ own: ForgeAccount,
    _ around: inout OutcomeDerivation.Surroundings
  ) async throws(ForgeError) {
    for comment in try await forge.reviewComments(on: reference) {
      guard comment.author.isSame(as: own),
        case .finding(let fingerprint)? = HiddenMarker(of: comment.body)
      else { continue }
      for thumb in [Reaction.thumbsUp, .thumbsDown] where comment.reactions?[thumb] ?? 0 > 0 {
        let people = try await forge.accounts(
          reacting: thumb, to: CommentReference(.review, comment.id), in: reference.repository
        ).filter { !$0.isBot && !$0.isSame(as: own) }
        if people.isEmpty { continue }
        if thumb == .thumbsUp {
          around.thumbsUp.insert(fingerprint)
        } else {
          around.thumbsDown.insert(fingerprint)
        }
      }
    }
  }
}
