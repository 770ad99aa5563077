import Domain
import Foundation

/// One run of `RefactorCode`: the code as it was, what was measured of it, and what came of each try.
struct RefactorWork {
  let ports: RefactorCode.Ports
  let request: RefactorCode.Request
  let run: String
  /// `nil`: no model is set.
  let asking: ModelAsking?
  let end: ContinuousClock.Instant
  let path: String
  private let form: TextForm
  private let proof: RefactorProof
  private var rounds: [GenerationRound]

  init(
    ports: RefactorCode.Ports, request: RefactorCode.Request, run: String, asking: ModelAsking?,
    end: ContinuousClock.Instant
  ) async throws(GenerateError) {
    self.ports = ports
    self.request = request
    self.run = run
    self.asking = asking
    self.end = end
    form = TextForm(request.code)
    rounds = request.earlier?.rounds ?? []
    let probe = CodeProbe(sandbox: ports.evaluation.sandbox, end: end)
    do throws(SandboxError) {
      let wanted = try await probe.wanted(by: request.tests)
      let imported = wanted.modules.count == 1 ? wanted.modules.first.map { "\($0).py" } : nil
      path = request.path ?? request.earlier?.path ?? imported ?? "solution.py"
      if let broken = wanted.broken.first {
        throw SandboxError(
          code: .invalid,
          detail: "cannot be read as Python: \(broken.path), \(broken.complaint.sentence)")
      }
    } catch {
      if error.code == .invalid {
        throw GenerateError(code: .invalid, detail: error.detail, field: "tests")
      }
      throw GenerateError(error)
    }
    try GenerationInput.check(
      path: path, imported: request.path == nil && request.earlier?.path == nil)
    proof = try await RefactorProof(
      code: request.code, tests: request.tests, probe: probe,
      judge: CandidateJudge(
        ports: ports.evaluation, path: path, criteria: request.criteria,
        askedBy: request.askedBy, end: end, testLimit: ports.testLimit, previous: request.code))
  }

  mutating func run(masking: inout MaskedText) async throws(GenerateError) -> GenerationResult {
    let before = rounds.count
    guard proof.isSound else {
      return await result(
        nil, .fail,
        "The code as it is fails its own tests, so nothing can show that a change keeps what it "
          + "does: mend it first, such as with `stet fix`.")
    }
    guard proof.canTell else {
      return await result(
        nil, .error,
        "The code is as it was: nothing could show that a change keeps what it does. Give tests, "
          + "or annotate the parameters of its functions, so that it can be tried on inputs.")
    }
    var tool: Candidate?
    if asking == nil || request.goal == nil { tool = try await byTool() }
    guard let asking else { return await withoutModel(tool, before) }
    var stop: ModelAsking.Stop?
    var found: Candidate?
    (found, stop) = try await byModel(asking, &masking)
    if found == nil { found = tool }
    if let found {
      return await judged(
        found, "It gives what it gave before\(proof.basis), and no figure got worse",
        stop: found.round == 0 ? stop : nil)
    }
    let tries = rounds.count - before
    if let stop, tries == 0 {
      guard case .model(let error) = stop else {
        throw GenerateError(
          code: stop == .time ? .timedOut : .modelFailed,
          detail: "Nothing was answered: \(stop.sentence).", isFinal: true)
      }
      throw GenerateError(error)
    }
    return await result(
      nil, .fail,
      "The code is as it was: none of \(tries) tries could be shown to keep what it does and to "
        + "make no figure worse.", stop: stop)
  }

  // MARK: By a tool

  /// Ruff's fixes that it calls safe, with our configuration and not the code's.
  private static let ruff = [
    "ruff", "check", "--fix", "--isolated", "--no-cache", "--exit-zero", "--quiet", "--select",
    "E,F,I,UP,B,SIM,C4,RET,PERF,PIE",
  ]

  /// - Returns: `nil` where ruff is not there, found nothing, or what it did was not taken.
  private mutating func byTool() async throws(GenerateError) -> Candidate? {
    request.progress("ruff: looking for fixes")
    guard let first = try await proved(byRuff: Self.ruff) else { return nil }
    if first.feedback.isEmpty { return first }
    // An import that nothing here uses may be there for others; the rest may hold without it.
    guard first.feedback.items.contains(where: { $0.kind == .behaviour }),
      let second = try await proved(byRuff: Self.ruff + ["--unfixable", "F401"])
    else { return nil }
    return second.feedback.isEmpty ? second : nil
  }

  private mutating func proved(
    byRuff words: [String]
  ) async throws(GenerateError) -> Candidate? {
    let result: SandboxResult
    do throws(SandboxError) {
      result = try await ports.evaluation.sandbox.run(
        SandboxTask(
          .command(words + [path]), image: .test,
          files: [SandboxFile(path, text: request.code)], collects: [path]))
    } catch {
      // With a model its answers are enough; without one there is nothing else.
      if asking != nil, error.code != .cancelled { return nil }
      throw GenerateError(error)
    }
    guard result.succeeded, let file = result.files.first(where: { $0.path == path }) else {
      if asking != nil { return nil }
      throw GenerateError(
        code: .noSandbox,
        detail: "ruff came to no end in the sandbox: "
          + Defanged.forTerminal(result.errorText, oneLine: true, limit: 300))
    }
    let fixed = form.restored(String(decoding: file.bytes, as: UTF8.self))
    guard !fixed.utf8.elementsEqual(request.code.utf8) else { return nil }
    let candidate = try await proof.proved(Candidate(code: fixed))
    add(candidate, .tool)
    return candidate
  }

  private func withoutModel(_ tool: Candidate?, _ before: Int) async -> GenerationResult {
    let unset = "No model is set (LLM_PROVIDER); "
    if let tool {
      return await judged(
        tool, unset + "ruff made its safe fixes, and it gives what it gave before\(proof.basis)")
    }
    if rounds.count > before {
      return await result(
        nil, .fail,
        unset + "what ruff would change could not be shown to keep what the code does, so it is as "
          + "it was.")
    }
    return await judged(
      nil,
      unset + "ruff found nothing that it can safely fix"
        + (request.goal == nil ? "" : "; a goal in words needs a model"))
  }

  /// What is kept passes where the criteria hold, too: a proof that nothing changed says nothing of
  /// what was wrong before.
  private func judged(
    _ candidate: Candidate?, _ reason: String, stop: ModelAsking.Stop? = nil
  ) async -> GenerationResult {
    let failing = proof.failing(candidate, request.criteria).map(\.rawValue)
    guard !failing.isEmpty else { return await result(candidate, .pass, reason + ".", stop: stop) }
    let verb = failing.count == 1 ? "fails" : "fail"
    return await result(
      candidate, .fail, "\(reason); \(failing.joined(separator: ", ")) still \(verb).", stop: stop)
  }

  // MARK: By a model

  private mutating func byModel(
    _ asking: ModelAsking, _ masking: inout MaskedText
  ) async throws(GenerateError) -> (Candidate?, ModelAsking.Stop?) {
    let secrets = SecretPlaceholders(masking: form.plain)
    let said = (request.earlier?.messages ?? []).map { "\n- \($0)" }.joined()
    let goal = request.goal.map { masking.clean($0 + said) }
    let prompt = RefactorPrompt(
      style: asking.model.profile.promptStyle, path: path, code: secrets.text, goal: goal,
      figures: proof.figures)
    var generator = RandomBits(bits: ports.random)
    let first = prompt.first(&generator)
    var asked = first
    var failed = 0
    for number in 1...request.limits.rounds {
      request.progress("round \(number)")
      let reply: ModelReply
      do throws(ModelAsking.Stop) {
        reply = try await asking.reply(
          to: asked.turns, prompt.format, temperature: failed == 0 ? 0 : 0.6, seed: number)
      } catch {
        if case .model(let failure) = error, failure.code == .cancelled {
          throw GenerateError(failure)
        }
        return (nil, error)
      }
      var (candidate, shown) = try await examined(reply, asked.nonce, secrets)
      candidate.round = number
      add(candidate, number == 1 ? .revise : .repair)
      if candidate.feedback.isEmpty { return (candidate, nil) }
      failed += 1
      // After two repairs that did not help, from the code as it was.
      asked =
        failed % 3 == 0
        ? first : prompt.again(first.turns, shown, candidate.feedback, &generator)
    }
    return (nil, nil)
  }

  /// - Returns: the candidate with every secret in place, and its text as the model wrote it.
  private func examined(
    _ reply: ModelReply, _ nonce: String, _ secrets: SecretPlaceholders
  ) async throws(GenerateError) -> (Candidate, String) {
    let answered: String
    do throws(CodeFault) {
      answered = try AnsweredProgram.code(in: reply, wanted: proof.names, nonce: nonce)
    } catch {
      return (Candidate(noCode: error), "")
    }
    guard let whole = secrets.restored(answered) else {
      let fault = CodeFault(
        forModel: "a text of the form [masked:...] is missing, changed or doubled",
        forPeople: "a secret would have been lost")
      return (Candidate(noCode: fault), answered)
    }
    let code = form.restored(whole)
    guard !code.utf8.elementsEqual(request.code.utf8) else {
      var same = Candidate(code: code)
      same.feedback = CodeFeedback(.person, "it is the same text as before; change something")
      return (same, answered)
    }
    return (try await proof.proved(Candidate(code: code)), answered)
  }

  // MARK: The answer

  private mutating func add(_ candidate: Candidate, _ step: GenerationRound.Step) {
    let round = GenerationRound(
      step: step, candidates: candidate.code.isEmpty ? 0 : 1,
      verdict: candidate.feedback.isEmpty ? .pass : .fail, feedback: candidate.feedback.text,
      evaluation: candidate.evaluation)
    rounds.append(round)
    request.progress(RoundKeeper.headline(round, rounds.count))
  }

  private func result(
    _ candidate: Candidate?, _ verdict: Evaluation.Verdict, _ reason: String,
    stop: ModelAsking.Stop? = nil
  ) async -> GenerationResult {
    GenerationResult(
      verdict: verdict, reason: reason, code: candidate?.code ?? request.code,
      changed: candidate != nil, rounds: rounds,
      usage: await asking?.spending.usage ?? ModelUsage(), run: run,
      failure: stop.map { "It ended early: \($0.sentence)" }, path: path,
      prompt: request.goal ?? "", messages: request.earlier?.messages ?? [],
      testFiles: request.tests, criteria: request.criteria, limits: request.limits)
  }
}
