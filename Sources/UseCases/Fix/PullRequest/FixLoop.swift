import Domain

/// Finds for each file the best text that can be shown to hold, and for all of them together one
/// change with which the tests pass.
struct FixLoop: Sendable {
  struct Ports: Sendable {
    var model: (any LanguageModel)?
    var syntax: any SyntaxChecker
    var sandbox: (any CodeSandbox)?
    var random: @Sendable () -> UInt64
  }

  struct Limits: Sendable {
    var rounds = 3
    /// Requests to the model over all files and rounds.
    var requests = 30
    /// Runs of the tests.
    var trials = 20
    /// Files stand by themselves, and are run for the tests that they hold.
    var runsFiles = false
    var end: ContinuousClock.Instant
  }

  struct Outcome: Sendable {
    var chosen: [FixCandidate] = []
    var left: [LeftFile] = []
    /// Of the checkout as it was, and with what was chosen.
    var before: TestReading?
    var after: TestReading?
    var modelFailure: ModelError?
    var toll = AskedFix.Toll()
    var trials = 0
    /// Sentences for a person about the whole of it.
    var notes: [String] = []
  }

  let ports: Ports
  let limits: Limits
  let files: [FixFile]
  let progress: @Sendable (String) -> Void
  private var trial: TestTrial?
  private var asked: [SourcePath: AskedFix] = [:]
  private var pool: [SourcePath: [FixCandidate]] = [:]
  private var faults: [SourcePath: CodeFault] = [:]
  private var content: Set<SourcePath> = []
  private var wasAsked: Set<SourcePath> = []
  /// What is found first is tried once, however long the first run of the tests took.
  private var isGraced = false
  private var outcome = Outcome()

  init(
    ports: Ports, limits: Limits, files: [FixFile], trial: TestTrial?,
    progress: @escaping @Sendable (String) -> Void
  ) {
    self.ports = ports
    self.limits = limits
    self.files = files
    self.trial = trial
    self.progress = progress
  }

  private var isOver: Bool { ContinuousClock.now >= limits.end }

  /// - Throws: where the checkout cannot be tried; then nothing of it counts.
  mutating func run() async throws(WorkspaceError) -> Outcome {
    if trial != nil {
      progress("running the tests as they are")
      outcome.before = try await trial?.baseline()
    }
    let proof = FileProof(
      syntax: ports.syntax, sandbox: ports.sandbox, runsTests: limits.runsFiles, end: limits.end)
    // That run may have taken all the time; what is certain is still looked at.
    let certainEnd = trial == nil ? limits.end : max(limits.end, .now + .seconds(120))
    let certainProof = FileProof(
      syntax: ports.syntax, sandbox: ports.sandbox, runsTests: limits.runsFiles, end: certainEnd)
    for file in files {
      if let certain = await CertainFixes(proof: certainProof).candidate(for: file) {
        pool[file.path, default: []].append(certain)
        outcome.toll.claims += 1
      }
      if let model = ports.model {
        asked[file.path] = AskedFix(file, model: model, proof: proof, random: ports.random)
      }
    }
    try await rounds()
    if let note = trial?.note, !outcome.chosen.isEmpty { outcome.notes.append(note) }
    report()
    outcome.trials = trial?.runs ?? 0
    return outcome
  }

  private mutating func rounds() async throws(WorkspaceError) {
    var last: TestReading?
    var isSettled = false
    for round in 0..<limits.rounds where ports.model != nil {
      if Task.isCancelled || isOver { break }
      let waiting = files.filter { round == 0 || faults[$0.path] != nil }
      if waiting.isEmpty { break }
      await ask(
        waiting, round, tests: (last ?? outcome.before).flatMap { $0.passed ? nil : $0.tail })
      isGraced = !isSettled
      isSettled = true
      guard try await settles(&last) else { return }
      if outcome.modelFailure != nil { break }
    }
    if !isSettled {
      isGraced = true
      _ = try await settles(&last)
    }
  }

  /// - Returns: false where the sandbox was lost. What was shown to hold before holds still.
  private mutating func settles(
    _ last: inout TestReading?
  ) async throws(WorkspaceError) -> Bool {
    do throws(WorkspaceError) {
      last = try await settle()
      return true
    } catch {
      guard !outcome.chosen.isEmpty, error.code != .cancelled else { throw error }
      let detail = Defanged.oneLine(SecretMask.masked(error.detail).text, limit: 300)
      outcome.notes.append("The tests could not be run to their end meanwhile (\(detail)).")
      return false
    }
  }

  // MARK: Asking

  private mutating func ask(_ waiting: [FixFile], _ round: Int, tests: String?) async {
    let budget = FailureBudget()
    for file in waiting {
      if Task.isCancelled || isOver || outcome.toll.claims >= limits.requests { return }
      guard var asking = asked[file.path] else { continue }
      progress(
        "asking about \(Defanged.forTerminal(file.path.description, oneLine: true, limit: 120))"
          + (round > 0 ? ", again" : ""))
      do throws(ModelError) {
        // Told of its fault a model mends it, or goes on as it was: then it is asked anew.
        let answer = try await asking.ask(
          repairing: round == 1 ? faults[file.path] : nil, tests: tests,
          heat: round < 2 ? 0 : 0.7, budget: budget, toll: &outcome.toll)
        asked[file.path] = asking
        wasAsked.insert(file.path)
        faults[file.path] = answer.fault
        if answer.isContent { content.insert(file.path) }
        if let candidate = answer.candidate { pool[file.path, default: []].append(candidate) }
      } catch {
        outcome.modelFailure = error
        return
      }
    }
  }

  // MARK: Choosing

  /// Proofs first, then what a model found beside the certain fixes, then the smaller change.
  private func best(_ path: SourcePath) -> FixCandidate? {
    pool[path]?.max { a, b in
      if a.proofs.count != b.proofs.count { return a.proofs.count < b.proofs.count }
      if a.isModels != b.isModels { return b.isModels }
      return a.changedLines > b.changedLines
    }
  }

  /// - Returns: what the tests said last where they did not pass.
  private mutating func settle() async throws(WorkspaceError) -> TestReading? {
    let candidates = files.compactMap { best($0.path) }
    guard trial != nil else {
      outcome.chosen = candidates
      return nil
    }
    guard !candidates.isEmpty, candidates.map(\.after) != outcome.chosen.map(\.after) else {
      return nil
    }
    progress("running the tests with \(candidates.count == 1 ? "the change" : "the changes")")
    guard let failed = try await holds(candidates) else {
      try await shrink()
      return nil
    }
    let why = failed
    // Together they do not hold: what holds of them is found one by one.
    var accepted = try await withoutOne(candidates)
    if candidates.count > 1, accepted.isEmpty {
      for candidate in candidates where mayTry && accepted.count + 1 < candidates.count {
        if try await holds(accepted + [candidate]) == nil { accepted.append(candidate) }
      }
    }
    // A certain fix may hold where what the model added to it does not.
    for candidate in candidates where candidate.isModels {
      guard !accepted.contains(where: { $0.path == candidate.path }), mayTry,
        let certain = pool[candidate.path]?.first(where: { !$0.isModels })
      else { continue }
      if try await holds(accepted + [certain]) == nil { accepted.append(certain) }
    }
    for candidate in candidates
    where !accepted.contains(where: { $0.path == candidate.path && $0.after == candidate.after }) {
      faults[candidate.path] = CodeFault(
        forModel: "with it \(why.words)"
          + (why.reading.map { ". They print:\n\($0.tail.suffix(3_000))" } ?? ""),
        forPeople: "with it \(why.words)")
      pool[candidate.path]?.removeAll { $0.after == candidate.after && $0.isModels }
    }
    return why.reading
  }

  /// All but one, where few enough: files that need each other fail one by one.
  private mutating func withoutOne(
    _ candidates: [FixCandidate]
  ) async throws(WorkspaceError) -> [FixCandidate] {
    guard (3...6).contains(candidates.count) else { return [] }
    for left in candidates.reversed() where mayTry {
      let rest = candidates.filter { $0.path != left.path }
      if try await holds(rest) == nil { return rest }
    }
    return []
  }

  private var mayTry: Bool {
    (trial?.runs ?? 0) < limits.trials && (!isOver || isGraced) && !Task.isCancelled
  }

  private struct Failed {
    var words: String
    var reading: TestReading?
  }

  /// Keeps what holds, and the most of it. - Returns: `nil` where the tests pass with it.
  private mutating func holds(
    _ candidates: [FixCandidate], isSmaller: Bool = false
  ) async throws(WorkspaceError) -> Failed? {
    guard mayTry else { return Failed(words: "the tests were not run: their time was up") }
    guard var trial else { return nil }
    isGraced = false
    defer { self.trial = trial }
    switch try await trial.verdict(candidates) {
    case .holds(let reading):
      // A part of what was proved together is no better than the whole.
      guard isSmaller || candidates.count >= outcome.chosen.count else { return nil }
      outcome.chosen = candidates.map { candidate in
        var candidate = candidate
        candidate.proofs.append(.tests)
        return candidate
      }
      outcome.after = reading
      return nil
    case .fails(let why, let reading): return Failed(words: why, reading: reading)
    }
  }

  /// Where the tests failed before, a change without which they pass as well, and which nothing
  /// asked for, is left out: the smallest change wins.
  private mutating func shrink() async throws(WorkspaceError) {
    guard outcome.before?.passed == false, outcome.chosen.count > 1 else { return }
    for candidate in outcome.chosen where mayTry {
      let file = files.first { $0.path == candidate.path }
      guard file?.findings.isEmpty ?? true, !(file?.isNamed ?? false) else { continue }
      let rest = outcome.chosen.filter { $0.path != candidate.path }.map { candidate in
        var candidate = candidate
        candidate.proofs.removeAll { $0 == .tests }
        return candidate
      }
      guard !rest.isEmpty else { return }
      _ = try await holds(rest, isSmaller: true)
    }
  }

  private mutating func report() {
    for file in files where !outcome.chosen.contains(where: { $0.path == file.path }) {
      let reason: String
      if let fault = faults[file.path] {
        reason = "what was tried does not hold: \(fault.forPeople)"
      } else if outcome.modelFailure != nil, !content.contains(file.path) {
        reason = "the model could not be asked"
      } else if content.contains(file.path) {
        reason = "the model found nothing to change"
      } else if ports.model == nil {
        reason = "no model is set, and no rule has a certain fix for it"
      } else if !wasAsked.contains(file.path), pool[file.path] == nil {
        reason =
          isOver
          ? "the time for this was up before it was looked at"
          : "the requests for this were used up before it was looked at"
      } else {
        reason = "it was not needed for the tests to pass"
      }
      outcome.left.append(
        LeftFile(
          path: Defanged.oneLine(SecretMask.masked(file.path.description).text, limit: 300),
          reason: reason))
    }
  }
}
