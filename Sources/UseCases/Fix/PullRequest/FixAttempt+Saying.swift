import Domain
import Jobs

/// How a fix ends, and what it says then: once, however often it is begun.
extension FixAttempt {
  // MARK: What an earlier try did

  /// Whether this run has said its word already.
  func isAnswered() async throws -> Bool {
    guard arguments.publishes, number > 1 || ledger.before != nil else { return false }
    guard try await ownAnswer() != nil else { return false }
    if let before = ledger.before { ledger.change { $0 = before } }
    return true
  }

  func ownAnswer() async throws(ForgeError) -> ForgeComment? {
    let comments =
      arguments.thread == nil
      ? try await forge.comments(on: reference) : try await forge.reviewComments(on: reference)
    let said = comments.filter { HiddenMarker(of: $0.body) == .fix(run: arguments.run) }
    if said.isEmpty { return nil }
    let own = try await forge.ownAccount()
    // Suggestions bear the run's mark too, and begin threads of their own.
    return said.first {
      $0.author.isSame(as: own)
        && (arguments.thread == nil || $0.place?.inReplyTo == arguments.thread)
    }
  }

  /// What an earlier try of this run pushed, told as what it is.
  func pushedBefore(_ pull: PullRequest) async throws(ForgeError) -> FixDocument? {
    guard arguments.publishes, let before = ledger.before else { return nil }
    return try await pushed(before, pull)
  }

  /// The commit is known by its id, or else another by the run's trailer: that of another try, or
  /// one that was rebased since. Of such a one nothing is said but that it stands there, since
  /// whoever knows the run's id can write that line.
  func pushed(
    _ document: FixDocument, _ pull: PullRequest
  ) async throws(ForgeError) -> FixDocument? {
    guard let commit = document.commit else { return nil }
    if pull.head == commit { return document }
    let trailer = FixTexts.trailer(arguments.run)
    let commits = try await forge.commits(of: reference)
    if commits.contains(where: { $0.id == commit }) { return document }
    let marked = commits.last {
      $0.message.split(whereSeparator: \.isNewline).contains(trailer[...])
    }
    guard let marked else { return nil }
    var other = document
    other.commit = marked.id
    (other.changed, other.files, other.diff) = (false, [], "")
    (other.tests, other.resolved) = (nil, [])
    other.summary =
      "Commit \(marked.id.prefix(12)) on the branch bears the mark of this run already, "
      + "so no other was pushed."
    other.reply = paragraph(other.summary)
    return other
  }

  /// The last word where no other came, and nothing comes after it.
  func giveUp(_ reason: String) async throws {
    guard arguments.publishes, try await ownAnswer() == nil else { return }
    let reason = Defanged.forMarkdown(reason, oneLine: true, limit: 500)
    if let pull = try await readPullRequest() {
      for made in [ledger.document, ledger.before].compactMap({ $0 }) {
        guard let document = try await pushed(made, pull) else { continue }
        if let reply = document.reply { return try await post(reply) }
        let commit = Defanged.codeSpan(String((document.commit ?? "").prefix(12)))
        return try await say("I pushed \(commit), but could not do all that follows it: \(reason)")
      }
    }
    try await say("I could not mend this: \(reason)")
  }

  // MARK: Endings

  /// - Parameter reason: the middle of a sentence.
  func ended(_ reason: String) async throws -> JobOutcome {
    ledger.change { document in
      document.changed = false
      document.summary = "Nothing was changed: \(reason)."
    }
    try await say("I changed nothing: \(reason).")
    await ledger.close(.cancelled, failure: reason)
    return .cancelled(reason: reason)
  }

  /// The checkout could not be read, tried or pushed, and nothing was pushed.
  func ended(_ error: WorkspaceError) async throws -> JobOutcome {
    let detail = SecretMask.masked(error.detail).text
    let words = detail.hasSuffix(".") ? String(detail.dropLast()) : detail
    switch error.code {
    case .cancelled: throw CancellationError()
    case .unreachable where !isLast:
      throw JobFailure("\(reference): \(detail)")
    case .unreachable:
      if let outcome = try await lost(words) { return outcome }
      return try await failed(words)
    case .notFound: return try await failed("the head cannot be fetched: \(words)")
    case .unauthorized:
      return try await failed("Stet's credentials do not reach the head: \(words)")
    case .tooLarge: return try await failed("the repository is too large: \(words)")
    case .sandbox: return try await failed("the tests could not be run: \(words)")
    case .moved, .rejected, .failed: return try await failed(words)
    }
  }

  /// The last try, where one of the tries sent a commit and nobody knows whether it was taken.
  /// - Returns: `nil` where nothing was sent.
  private func lost(_ reason: String) async throws -> JobOutcome? {
    let sent = [ledger.document, ledger.before].compactMap { $0 }.filter { $0.commit != nil }
    guard arguments.publishes, let commit = sent.first?.commit else { return nil }
    if let pull = try await readPullRequest() {
      for document in sent {
        guard let found = try await pushed(document, pull) else { continue }
        ledger.change { $0 = found }
        try await finish(found, pull)
        return .completed
      }
    }
    let name = Defanged.codeSpan(String(commit.prefix(12)))
    ledger.change { document in
      document.summary = "\(commit.prefix(12)) may have been pushed: \(reason)."
    }
    try await say(
      "My commit \(name) may have been pushed, or not; look at the branch before asking again: "
        + "\(Defanged.forMarkdown(reason, oneLine: true, limit: 500)).")
    await ledger.close(.failed, failure: reason)
    return .cancelled(reason: reason)
  }

  private func failed(_ reason: String) async throws -> JobOutcome {
    ledger.change { document in
      document.changed = false
      document.summary = "Nothing was changed: \(reason)."
    }
    try await say(
      "I changed nothing: \(Defanged.forMarkdown(reason, oneLine: true, limit: 500)).")
    await ledger.close(.failed, failure: reason)
    return .cancelled(reason: reason)
  }

  /// What was pushed, or not, is told, and findings that it answers are marked.
  func finish(_ document: FixDocument, _ pull: PullRequest) async throws {
    if document.commit != nil { try await resolve(document.resolved) }
    if let reply = document.reply { try await post(reply) }
  }

  // MARK: Saying it

  /// One paragraph, where nothing was changed.
  func say(_ words: String) async throws {
    try await post(paragraph(words))
  }

  private func paragraph(_ words: String) -> String {
    let run = Defanged.codeSpan(arguments.run)
    return "\(HiddenMarker.fix(run: arguments.run).text)\n\n\(words)\n\n<sub>Run \(run)</sub>"
  }

  private func post(_ body: String) async throws {
    guard arguments.publishes else { return }
    if number > 1 || ledger.before != nil, try await ownAnswer() != nil { return }
    try await confirm()
    let posted: ForgeComment
    if let thread = arguments.thread {
      posted = try await forge.reply(body, to: thread, on: reference)
    } else {
      posted = try await forge.comment(body, on: reference)
    }
    try await ledger.trail.note("fix.answered", facts: ["comment": "\(posted.id)"])
  }

  /// Asked right before what changes something. - Throws: `TakenOver` where another has the job.
  func confirm() async throws {
    try Task.checkCancellation()
    guard let jobs = ports.jobs else { return }
    if try await LostTry.hasLost(job, in: jobs) { throw PublicationClaim.TakenOver() }
  }

  private func resolve(_ fingerprints: [String]) async throws {
    guard !fingerprints.isEmpty, forge.capabilities.hasReviewThreads else { return }
    do {
      let own = try await forge.ownAccount()
      for thread in try await forge.reviewThreads(of: reference) where !thread.isResolved {
        guard let first = thread.comments.first, first.author.isSame(as: own),
          case .finding(let fingerprint)? = HiddenMarker(of: first.body),
          fingerprints.contains(fingerprint)
        else { continue }
        try await forge.resolve(thread: thread.id, in: reference.repository)
        try await ledger.trail.note("thread.resolved", facts: ["fingerprint": fingerprint])
      }
    } catch let error as ForgeError where !error.isPassing {
      // The commit stands; that a thread stays open is no reason to try it all again.
    }
  }
}
