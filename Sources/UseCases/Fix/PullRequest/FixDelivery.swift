import Domain
import Jobs

/// Brings what was found to the pull request: a commit on its branch, or suggestions where that is
/// not Stet's to push to.
struct FixDelivery: Sendable {
  let attempt: FixAttempt
  let pull: PullRequest
  let policy: FixPolicy

  private var arguments: Work.FixPullRequest { attempt.arguments }
  private var ledger: FixLedger { attempt.ledger }

  private enum Pushed {
    case done(FixDocument)
    /// By whose leave it is not: the end of a sentence.
    case refused(String)
    case moved
    case gone
  }

  func deliver(_ fix: FoundFix, _ opened: FixCheckout) async throws -> JobOutcome {
    ledger.change { $0.head = opened.workspace.head }
    guard !fix.outcome.chosen.isEmpty else { return try await nothing(fix) }
    guard arguments.publishes else {
      ledger.change { $0.summary = "\(Self.count($0.files.count)) could be mended." }
      return .completed
    }
    let standing = try await attempt.standing(pull)
    guard standing.pull != nil else { return try await attempt.ended(standing.reason) }
    guard opened.isHeads else {
      return try await suggest(fix, because: "its branch cannot be reached with Stet's credentials")
    }
    switch try await push(fix, opened.workspace) {
    case .done(let document): return try await told(document)
    case .refused(let why): return try await suggest(fix, because: why)
    case .gone: return try await attempt.ended("its branch was deleted meanwhile")
    case .moved: return try await again(fix, opened.workspace)
    }
  }

  // MARK: Pushing

  private func push(_ fix: FoundFix, _ workspace: any Workspace) async throws -> Pushed {
    let own = try await attempt.forge.ownAccount()
    var document = ledger.document
    document.head = workspace.head
    document.resolved = AnsweredFindings.fingerprints(
      fix.outcome.chosen, of: fix.targets.files, asked: arguments.finding)
    var changes: [SourcePath: [UInt8]?] = [:]
    for candidate in fix.outcome.chosen { changes[candidate.path] = .some(candidate.after) }
    let commit = try await workspace.commit(
      changes, message: texts(document, fix).commitMessage,
      author: CommitAuthor(
        name: own.login, email: "\(own.id)+\(own.login)@users.noreply.\(attempt.forge.name).com"))
    document.commit = commit
    document.summary =
      "Pushed \(commit.prefix(12)): \(Self.count(document.files.count)) mended."
    document.reply = texts(document, fix).answer
    let made = document
    ledger.change { $0 = made }
    try await attempt.confirm()
    // Should this stop after the push, the next try knows its own commit by this.
    try await ledger.save()
    attempt.progress("pushing")
    do throws(WorkspaceError) {
      try await workspace.push(commit, expecting: workspace.head)
    } catch {
      let pushed = try await refused(error, document)
      guard case .done = pushed, let now = try await attempt.readPullRequest(),
        let known = try await attempt.pushed(document, now)
      else { return pushed }
      ledger.change { $0 = known }
      return .done(known)
    }
    try await ledger.trail.note(
      "fix.pushed", facts: ["commit": commit, "head": workspace.head])
    return .done(document)
  }

  /// A push whose answer was lost, or that another try of this run has made, is found on the forge.
  private func refused(_ error: WorkspaceError, _ document: FixDocument) async throws -> Pushed {
    if error.code == .cancelled { throw CancellationError() }
    if let now = try await attempt.readPullRequest(),
      now.head == document.commit || error.code == .moved,
      try await isOurs(now, document)
    {
      try await ledger.trail.note("fix.pushed", facts: ["commit": document.commit ?? ""])
      return .done(document)
    }
    // The forge may show it late: the next try, or the last word, looks for this commit once more.
    if error.code == .unreachable { throw error }
    ledger.change { document in
      document.commit = nil
      document.reply = nil
      document.resolved = []
    }
    try await ledger.save()
    switch error.code {
    case .moved: return .moved
    case .notFound: return .gone
    case .unauthorized, .rejected:
      let detail = Defanged.oneLine(SecretMask.masked(error.detail).text, limit: 300)
      return .refused("nothing may be pushed to its branch (\(detail))")
    default: throw error
    }
  }

  private func isOurs(_ now: PullRequest, _ document: FixDocument) async throws -> Bool {
    if now.head == document.commit { return true }
    let trailer = FixTexts.trailer(arguments.run)
    return try await attempt.forge.commits(of: attempt.reference).contains {
      $0.message.split(whereSeparator: \.isNewline).contains(trailer[...])
    }
  }

  // MARK: A race

  /// Once: the same change on the branch as it stands now, proved there anew.
  private func again(_ fix: FoundFix, _ stale: any Workspace) async throws -> JobOutcome {
    attempt.progress("the branch has moved; trying once more")
    let standing = try await attempt.standing(pull)
    guard standing.pull != nil else { return try await attempt.ended(standing.reason) }
    guard let tip = try await stale.fetch() else {
      return try await attempt.ended("its branch was deleted meanwhile")
    }
    let head = pull.headRepository ?? attempt.reference.repository
    let workspace = try await attempt.open(head, pull.headBranch, tip)
    do {
      let outcome = try await again(fix, on: workspace)
      await workspace.close()
      return outcome
    } catch {
      await workspace.close()
      throw error
    }
  }

  private func again(_ fix: FoundFix, on workspace: any Workspace) async throws -> JobOutcome {
    let conflict = "its branch moved meanwhile, and the change does not fit what stands there now"
    var fix = fix
    var chosen: [FixCandidate] = []
    for candidate in fix.outcome.chosen {
      guard let bytes = try await workspace.file(candidate.path), let diff = candidate.diff,
        let patched = try? diff.applied(to: bytes)
      else { return try await attempt.ended(conflict) }
      // Somebody else may have mended it just so.
      if patched.bytes == bytes { continue }
      let file = FixFile(path: candidate.path, bytes: bytes)
      let proof = FileProof(
        syntax: attempt.ports.syntax, sandbox: attempt.ports.sandbox, end: .now + .seconds(60))
      guard case .success(let shown) = await proof.hold(patched.bytes, of: file, isCertain: false)
      else { return try await attempt.ended(conflict) }
      var rebased = candidate
      (rebased.before, rebased.after, rebased.proofs) = (bytes, patched.bytes, shown.proofs)
      chosen.append(rebased)
    }
    guard !chosen.isEmpty else {
      return try await attempt.ended("its branch moved meanwhile, and is mended there already")
    }
    if var trial = attempt.trial(policy, chosen.map(\.path), workspace) {
      fix.outcome.before = try await trial.baseline()
      fix.outcome.notes = []
      guard case .holds(let reading) = try await trial.verdict(chosen) else {
        return try await attempt.ended(
          "its branch moved meanwhile, and the tests do not pass with the change there")
      }
      fix.outcome.after = reading
      fix.outcome.trials += trial.runs
      if let note = trial.note { fix.outcome.notes.append(note) }
      chosen = chosen.map { candidate in
        var candidate = candidate
        candidate.proofs.append(.tests)
        return candidate
      }
    }
    fix.outcome.chosen = chosen
    let outcome = fix.outcome
    ledger.change { document in
      document.left.removeAll { left in outcome.left.contains(left) }
      document.take(outcome, command: policy.testCommand)
    }
    let standing = try await attempt.standing(pull)
    guard let now = standing.pull else { return try await attempt.ended(standing.reason) }
    // Suggestions stand at lines of the head as it is now; where that is yet another, at none.
    fix.diff = Diff(files: [])
    if now.head == workspace.head,
      let diff = try? Diff(parsing: try await attempt.forge.diff(of: attempt.reference).bytes)
    {
      fix.diff = diff
    }
    let fresh = FixDelivery(attempt: attempt, pull: now, policy: policy)
    switch try await fresh.push(fix, workspace) {
    case .done(let document): return try await told(document)
    case .refused(let why): return try await fresh.suggest(fix, because: why)
    case .gone: return try await attempt.ended("its branch was deleted meanwhile")
    case .moved:
      return try await attempt.ended("its branch moves while it is mended; ask again")
    }
  }

  // MARK: What cannot be pushed

  private func suggest(_ fix: FoundFix, because why: String) async throws -> JobOutcome {
    let suggestions = FixSuggestions(fix.outcome.chosen, change: fix.diff, run: arguments.run)
    var posted = 0
    if !suggestions.comments.isEmpty, try await post(suggestions) {
      posted = suggestions.comments.count
    }
    var document = ledger.document
    document.commit = nil
    document.suggestions = posted
    document.summary =
      posted > 0
      ? "I pushed nothing, because \(why). \(Self.count(posted, "suggestion")) at its lines instead."
      : "I pushed nothing, because \(why)."
    var answer = texts(document, fix).answer
    let rest = posted > 0 ? suggestions.rest : fix.outcome.chosen.compactMap(\.diff)
    if !rest.isEmpty {
      let patch = SecretMask.masked(
        String(decoding: Diff(files: rest).printed(), as: UTF8.self)
      ).text
      answer +=
        "\n\nTo be applied with `git apply`:\n\n"
        + Defanged.codeBlock(patch, info: "diff", limit: 30_000)
    }
    document.reply = answer
    let made = document
    ledger.change { $0 = made }
    return try await told(made)
  }

  /// - Returns: false where the forge takes no comment at these lines.
  private func post(_ suggestions: FixSuggestions) async throws -> Bool {
    let marker = HiddenMarker.fix(run: arguments.run)
    if attempt.number > 1 || ledger.before != nil {
      let own = try await attempt.forge.ownAccount()
      for review in try await attempt.forge.reviews(of: attempt.reference)
      where review.author.isSame(as: own) && HiddenMarker(of: review.body) == marker {
        return true
      }
    }
    try await attempt.confirm()
    do {
      let review = try await attempt.forge.post(
        ReviewDraft(
          commit: pull.head, verdict: .comment,
          body: "\(marker.text)\n\nEach suggestion is part of one change; apply all of them.",
          comments: suggestions.comments), on: attempt.reference)
      try await ledger.trail.note(
        "fix.suggested",
        facts: ["review": "\(review.id)", "comments": "\(suggestions.comments.count)"])
      return true
    } catch let error as ForgeError where error.code == .rejected {
      return false
    }
  }

  // MARK: Telling it

  private func told(_ document: FixDocument) async throws -> JobOutcome {
    try await attempt.finish(document, pull)
    return .completed
  }

  private func nothing(_ fix: FoundFix) async throws -> JobOutcome {
    let failure = fix.outcome.modelFailure
    let why: String
    if let failure {
      why = "the model failed (\(failure.code.rawValue))"
    } else if fix.targets.files.isEmpty {
      why = fix.targets.left.isEmpty ? "its change is empty" : "no file of it may or can be mended"
    } else {
      why = "nothing that was tried could be shown to hold"
    }
    var document = ledger.document
    document.summary = "I changed nothing: \(why)."
    document.reply = texts(document, fix).answer
    let made = document
    ledger.change { $0 = made }
    try await attempt.finish(made, pull)
    await ledger.close(
      failure == nil ? .completed : .failed,
      failure: failure.map { "\($0.code.rawValue): \(SecretMask.masked($0.detail).text)" })
    return .completed
  }

  private func texts(_ document: FixDocument, _ fix: FoundFix) -> FixTexts {
    var notes: [String] = []
    for note in fix.outcome.chosen.flatMap(\.notes) + fix.outcome.notes where !notes.contains(note)
    {
      notes.append(note)
    }
    if attempt.ports.model == nil {
      notes.append("No model is set (LLM_PROVIDER), so only certain fixes were looked for.")
    }
    if let failure = fix.outcome.modelFailure, !fix.outcome.chosen.isEmpty {
      notes.append("The model failed meanwhile (\(failure.code.rawValue)).")
    }
    return FixTexts(
      document: document, pull: pull, askedBy: arguments.login, notes: notes)
  }

  private static func count(_ number: Int, _ word: String = "file") -> String {
    "\(number) \(word)\(number == 1 ? "" : "s")"
  }
}
