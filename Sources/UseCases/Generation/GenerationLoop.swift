import Domain
import Foundation

/// One run of `GenerateCode`: what it knows, and what it does next.
struct GenerationLoop {
  let ports: GenerateCode.Ports
  let request: GenerateCode.Request
  let run: String
  let asking: ModelAsking
  let end: ContinuousClock.Instant
  let path: String
  let prompt: GenerationPrompt
  let probe: CodeProbe
  let judge: CandidateJudge
  /// Names that the tests take from the code.
  let wanted: [String]

  var tests: [TestSource]
  /// What the model wrote for tests, until a program exists that they can be validated by.
  var draft: String?
  var droppedTests = 0
  var agreement = Agreement()
  /// By text: an answer that comes twice is judged once.
  var known: [String: Candidate] = [:]
  var best: Candidate?
  /// What is repaired: the best since the last writing from scratch.
  private var current: Candidate?
  private var failedRepairs = 0
  private var rounds: [GenerationRound] = []
  private var keeper: RoundKeeper
  private var seed = 1

  var hasUserTests: Bool { tests.contains(where: \.isUsers) }
  var isLate: Bool { ContinuousClock.now >= end }

  init(
    ports: GenerateCode.Ports, request: GenerateCode.Request, run: String, asking: ModelAsking,
    end: ContinuousClock.Instant, masking: inout MaskedText
  ) async throws(GenerateError) {
    self.ports = ports
    self.request = request
    self.run = run
    self.asking = asking
    self.end = end
    let earlier = request.earlier
    probe = CodeProbe(sandbox: ports.evaluation.sandbox, end: end)
    let words = earlier?.prompt ?? request.prompt
    var tests = request.tests
    if let earlier {
      tests = earlier.tests(with: tests)
      try GenerationInput.check(tests)
    }
    if tests.isEmpty, let examples = TestWriting.examples(in: words) { tests = [examples] }
    self.tests = tests
    // The first thing that runs: where nothing can, no model is asked.
    let asked: CodeProbe.Wanted
    do throws(SandboxError) { asked = try await probe.wanted(by: tests) } catch {
      throw GenerateError(error)
    }
    if let broken = asked.broken.first {
      throw GenerateError(
        code: .invalid,
        detail:
          "cannot be read as Python: \(Self.shown(broken.path)), \(broken.complaint.sentence)",
        field: "tests")
    }
    let imported = asked.modules.count == 1 ? asked.modules.first.map { "\($0).py" } : nil
    path = request.path ?? earlier?.path ?? imported ?? "solution.py"
    try GenerationInput.check(
      path: path, imported: request.path == nil && earlier?.path == nil && imported != nil)
    try GenerationInput.check(
      names: tests.map(RoundKeeper.fileName), beside: [path] + (request.pipeline?.names ?? []))
    wanted = asked.names.isEmpty ? asked.called : asked.names
    let messages = (earlier?.messages ?? []) + (request.message.map { [$0] } ?? [])
    prompt = GenerationPrompt(
      style: asking.model.profile.promptStyle, path: path, prompt: masking.clean(words),
      messages: messages.map { masking.clean($0) },
      tests: masking.clean(GenerationResult.joined(tests)))
    judge = CandidateJudge(
      ports: ports.evaluation, path: path, criteria: request.criteria, askedBy: request.askedBy,
      end: end, testLimit: ports.testLimit)
    keeper = RoundKeeper(
      history: request.history, pipeline: request.pipeline, path: path, run: run,
      prompt: messages.last ?? words)
    rounds = earlier?.rounds ?? []
  }

  // MARK: The loop

  mutating func run() async throws(GenerateError) -> GenerationResult {
    try await keeper.check(tests)
    var stop: ModelAsking.Stop?
    if !hasUserTests { stop = try await draftTests() }
    var number = 0
    while stop == nil, number < request.limits.rounds {
      number += 1
      let step = nextStep()
      tell("round \(number) (\(step.rawValue))")
      var made = Made()
      try await make(step, &made)
      stop = made.stop
      if made.candidates.isEmpty { break }
      let chosen = try await choose(made.candidates, number)
      try await finish(chosen, step, made.candidates, number)
      // Where nothing tests the code, no further round can tell better from worse.
      if chosen.holds(request.criteria) || isUntestable(chosen) { break }
      if !tests.isEmpty, chosen.isBeyondJudging { break }
    }
    if Task.isCancelled { throw GenerateError(code: .cancelled, detail: "It was stopped.") }
    await keeper.keepBest(best, tests: tests, criteria: request.criteria)
    return try await result(stop)
  }

  /// What a run that was stopped had found, with the best of it in the folder; `nil` for nothing.
  mutating func stopped() async -> GenerationResult? {
    guard best?.code.isEmpty == false else { return nil }
    // This task is cancelled, and git would be killed with it.
    let work = Task { [keeper, best, tests, request] in
      var keeper = keeper
      await keeper.keepBest(best, tests: tests, criteria: request.criteria, afterStop: true)
      return keeper
    }
    keeper = await work.value
    return await found(failure: "It was stopped before it was done.")
  }

  private mutating func nextStep() -> GenerationRound.Step {
    guard let current else { return request.earlier == nil ? .write : .revise }
    if failedRepairs >= 2 || current.code.isEmpty {
      failedRepairs = 0
      return .resample
    }
    return .repair
  }

  /// What one round's calls came to.
  private struct Made {
    var candidates: [Candidate] = []
    var stop: ModelAsking.Stop?
  }

  private mutating func make(
    _ step: GenerationRound.Step, _ made: inout Made
  ) async throws(GenerateError) {
    switch step {
    case .write, .resample, .tool: try await write(from: step, &made)
    case .repair:
      guard let current else { return }
      var generator = RandomBits(bits: ports.random)
      let asked = prompt.repairing(
        SecretMask.masked(current.code).text, current.feedback, fence: &generator)
      // The same words at temperature 0 would be answered by the same mistake.
      let wish = Wish(
        turns: asked.turns, nonce: asked.nonce, temperature: failedRepairs == 0 ? 0 : 0.6,
        seed: nextSeed())
      try await ask([wish], &made)
    case .revise:
      let turns = prompt.revising(
        SecretMask.masked(request.earlier?.code ?? "").text, prompt.messages.last ?? "")
      try await ask([Wish(turns: turns, nonce: "", temperature: 0, seed: nextSeed())], &made)
      // The tests of before are the user's; a model's were for the words of before.
      for index in made.candidates.indices
      where made.candidates[index].code == request.earlier?.code {
        made.candidates[index].feedback = CodeFeedback(
          .person, "the program is the same as before, and a change was asked for")
      }
    }
  }

  /// From scratch: the first is the model's most likely answer, the others differ. Where the user's
  /// tests can tell, one that holds ends it early.
  private mutating func write(
    from step: GenerationRound.Step, _ made: inout Made
  ) async throws(GenerateError) {
    var wishes = (0..<request.limits.candidates).map { index in
      Wish(
        turns: prompt.writing, nonce: "",
        temperature: step == .write && index == 0 ? 0 : 0.8, seed: nextSeed())
    }
    let width = max(1, asking.model.profile.concurrency)
    var count = hasUserTests && step == .write ? 1 : width
    while !wishes.isEmpty, made.stop == nil {
      try await ask(Array(wishes.prefix(count)), &made)
      wishes.removeFirst(min(count, wishes.count))
      count = width
      guard hasUserTests, !wishes.isEmpty else { continue }
      for candidate in made.candidates where !candidate.code.isEmpty {
        if isLate { return }
        let done = try await judged(candidate, whole: true)
        if done.holds(request.criteria) || done.isBeyondJudging { return }
      }
    }
  }

  private struct Wish: Sendable {
    var turns: [ModelRequest.Turn]
    var nonce: String
    var temperature: Double
    var seed: Int
  }

  private struct Answered: Sendable {
    var place: Int
    var result: Result<ModelReply, ModelAsking.Stop>

    /// A tuple made within a typed `do` in the task itself lost its place in optimised builds.
    init(
      _ place: Int, _ wish: Wish, _ asking: ModelAsking, _ format: ModelRequest.AnswerFormat
    ) async {
      self.place = place
      do throws(ModelAsking.Stop) {
        let reply = try await asking.reply(
          to: wish.turns, format, temperature: wish.temperature, seed: wish.seed)
        result = .success(reply)
      } catch {
        result = .failure(error)
      }
    }
  }

  /// Asks side by side. An answer without code is a candidate too, with that as its fault.
  private mutating func ask(_ wishes: [Wish], _ made: inout Made) async throws(GenerateError) {
    let asking = asking
    let format = prompt.format
    let answers = await withTaskGroup(of: Answered.self) { group in
      for (place, wish) in wishes.enumerated() {
        group.addTask { await Answered(place, wish, asking, format) }
      }
      var answers: [Answered] = []
      for await answer in group { answers.append(answer) }
      return answers.sorted { $0.place < $1.place }
    }
    for answer in answers {
      switch answer.result {
      case .success(let reply):
        do throws(CodeFault) {
          made.candidates.append(
            Candidate(
              code: try AnsweredProgram.code(
                in: reply, wanted: wanted, nonce: wishes[answer.place].nonce)))
        } catch {
          made.candidates.append(Candidate(noCode: error))
        }
      case .failure(.model(let error)) where error.code == .cancelled:
        throw GenerateError(error)
      case .failure(.model(let error))
      where error.code == .malformedAnswer || error.code == .refused:
        made.candidates.append(
          Candidate(
            noCode: CodeFault(
              forModel: "it holds to no form that was asked for", forPeople: error.detail)))
      case .failure(let stop): made.stop = stop
      }
    }
  }

  private mutating func nextSeed() -> Int {
    defer { seed += 1 }
    return seed
  }

  // MARK: The end of a round, and of all

  private mutating func finish(
    _ chosen: Candidate, _ step: GenerationRound.Step, _ candidates: [Candidate], _ number: Int
  ) async throws(GenerateError) {
    let verdict = chosen.verdict(request.criteria)
    var round = GenerationRound(
      step: step, candidates: candidates.count { !$0.code.isEmpty }, verdict: verdict,
      feedback: chosen.feedback.text, evaluation: chosen.evaluation)
    round.commit = await keeper.keep(chosen, round, number: number, tests: tests)
    rounds.append(round)
    tell(RoundKeeper.headline(round, number))
    if step == .repair, verdict != .pass { failedRepairs += 1 }
    if step == .repair, let old = current, rank(chosen) < rank(old) {
      // A repair that made it worse is not built upon.
    } else {
      current = chosen
    }
    if best.map({ rank($0) < rank(chosen) }) ?? true { best = chosen }
  }

  /// It ran, nothing is wrong with it, and nothing could have shown it.
  private func isUntestable(_ candidate: Candidate) -> Bool {
    guard tests.isEmpty, draft == nil, candidate.isJudgedWhole else { return false }
    let axes = candidate.evaluation?.axes ?? []
    return candidate.isUntested
      && !axes.contains { $0.verdict == .fail && request.criteria.axes.contains($0.name) }
  }

  private func result(_ stop: ModelAsking.Stop?) async throws(GenerateError) -> GenerationResult {
    if best == nil, request.earlier == nil {
      switch stop {
      case .model(let error): throw GenerateError(error)
      case .time:
        throw GenerateError(
          code: .timedOut,
          detail: "No answer came within \(Int(request.limits.time)) seconds; give it more time.",
          isFinal: true)
      case .tokens, .cost, nil:
        throw GenerateError(
          code: .modelFailed,
          detail: "There is no code: \(stop?.sentence ?? "the model gave no answer").",
          isFinal: stop != nil)
      }
    }
    return await found(failure: stop.map { "It ended early: \($0.sentence)" })
  }

  /// - Parameter failure: told unless the criteria hold all the same.
  private func found(failure: String?) async -> GenerationResult {
    let criteria = request.criteria
    let verdict = best?.verdict(criteria) ?? .fail
    // An answer without code takes the place of none.
    let code = best.flatMap { $0.code.isEmpty ? nil : $0.code } ?? request.earlier?.code ?? ""
    let words = GenerationReason(
      verdict: verdict, best: best, tests: tests, droppedTests: droppedTests,
      rounds: rounds.count - (request.earlier?.rounds.count ?? 0), criteria: criteria,
      isAsItWas: code == request.earlier?.code, troubles: [keeper.trouble].compactMap { $0 })
    return GenerationResult(
      verdict: verdict, reason: words.sentence, code: code,
      changed: code != request.earlier?.code, rounds: rounds,
      usage: await asking.spending.usage, run: run, failure: verdict == .pass ? nil : failure,
      path: path, prompt: request.earlier?.prompt ?? request.prompt,
      messages: (request.earlier?.messages ?? []) + (request.message.map { [$0] } ?? []),
      testFiles: tests, criteria: criteria, limits: request.limits)
  }

  func tell(_ line: String) { request.progress(line) }

  private static func shown(_ text: String) -> String {
    Defanged.forTerminal(text, oneLine: true, limit: 200)
  }
}

extension GenerateError {
  init(_ error: SandboxError) {
    switch error.code {
    case .cancelled: self.init(code: .cancelled, detail: error.detail)
    default: self.init(code: .noSandbox, detail: error.detail)
    }
  }
}
