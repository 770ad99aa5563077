import Domain

/// One call of `FixCode`: what it asks, and what it has spent so far.
struct FixWork {
  let ports: FixCode.Ports
  let request: FixCode.Request
  private let path: SourcePath?
  private let end: ContinuousClock.Instant

  private(set) var spending = ModelSpending()
  private(set) var masked: [String: Int] = [:]
  /// Texts that the model, or the rules, put forward.
  private(set) var claims = 0
  private var proof: CodeProof

  init(ports: FixCode.Ports, request: FixCode.Request) {
    self.ports = ports
    self.request = request
    path = request.path.map { SourcePath($0) }
    end = .now + request.deadline
    proof = CodeProof(
      Array(request.code.utf8), path: path ?? UnnamedCode.path(request.code),
      given: GivenTests.texts(in: request.context),
      syntax: ports.syntax, sandbox: ports.sandbox, end: end)
  }

  /// The run's id is left empty.
  mutating func answer() async throws(FixError) -> FixCode.Answer {
    let answer: FixCode.Answer
    if let model = ports.model {
      answer = try await asked(model)
    } else {
      answer = await builtIn()
    }
    // A proof that was cut off says nothing.
    if Task.isCancelled { throw FixError(code: .cancelled, detail: "It was stopped.") }
    return answer
  }

  private func answer(
    _ code: String?, _ reason: String, _ proofs: [Proof] = [], _ notes: [String] = []
  ) -> FixCode.Answer {
    FixCode.Answer(
      fixedCode: code ?? request.code, changed: code != nil,
      reason: ([reason] + notes).joined(separator: " "),
      verified: Proof.allCases.filter(proofs.contains).map(\.rawValue), usage: spending.usage,
      run: "")
  }

  // MARK: Without a model

  private mutating func builtIn() async -> FixCode.Answer {
    let original = Array(request.code.utf8)
    let rules = await RuleFixes(syntax: ports.syntax).fix(original, path: path ?? "code")
    var made = rules.applied.prefix(20).map { "\($0.rule) at line \($0.line)" }
    let more = rules.applied.count - made.count
    if more > 0 { made.append("\(more) more") }
    claims = rules.applied.count
    var text = rules.text
    if let linted = await ruff(rules.text), linted.text != rules.text {
      text = linted.text
      claims += linted.rules.count
      made += linted.rules.map { "ruff's \($0)" }
    }
    let none =
      "No model is set (LLM_PROVIDER), and no built-in rule has a certain fix for this code"
    guard text != original else { return answer(nil, none + ".") }
    switch await proof.hold(text, mayStayBroken: true) {
    case .success(let shown):
      return answer(
        String(decoding: text, as: UTF8.self), Self.madeByRules(made), [.applies] + shown.proofs,
        shown.notes)
    case .failure(let fault):
      return answer(nil, none + " that holds: \(fault.forPeople).")
    }
  }

  private static func madeByRules(_ made: [String]) -> String {
    "No model is set (LLM_PROVIDER); rules made certain fixes: "
      + made.joined(separator: ", ") + "."
  }

  private func ruff(_ text: [UInt8]) async -> RuffLint.Fixed? {
    guard let sandbox = ports.sandbox, let path, Language(path: path) == .python else {
      return nil
    }
    return try? await RuffLint(sandbox: sandbox).fixed(text, path: path, time: end - .now)
  }

  // MARK: With one

  private mutating func asked(_ model: any LanguageModel) async throws(FixError) -> FixCode.Answer {
    let form = TextForm(request.code)
    let secrets = SecretPlaceholders(masking: form.plain)
    note(secrets.counts)
    // Four bytes a token is sparse for code: what is over it cannot be written back whole.
    let least = secrets.text.utf8.count / 4
    guard least <= model.profile.maxOutput.value else {
      throw FixError(
        code: .tooLong,
        detail: "The code has more than \(least) tokens, and \(model.name) writes at most "
          + "\(model.profile.maxOutput.value); send a part of it.")
    }
    let prompt = FixPrompt(style: model.profile.promptStyle, path: path)
    var asked = prompt.asked(
      .init(
        code: secrets.text, diff: request.diff.map { clean($0) },
        context: request.context.map { clean($0) }), random: ports.random)

    let budget = FailureBudget()
    let first = try await reply(model, asked.turns, budget)
    let fault: CodeFault
    switch await examine(first, asked.nonce, form, secrets) {
    case .success(let answer): return answer
    case .failure(let found): fault = found
    }
    asked.turns.append(.init(.assistant, first.text))
    asked.turns.append(.init(.user, FixPrompt.repair(fault)))
    let second: ModelReply
    do throws(FixError) {
      second = try await reply(model, asked.turns, budget)
    } catch {
      if error.code == .cancelled { throw error }
      // The first answer came and did not hold: that is known whatever befell the second.
      return unused(fault, model)
    }
    switch await examine(second, asked.nonce, form, secrets) {
    case .success(let answer): return answer
    case .failure(let fault): return unused(fault, model)
    }
  }

  private func unused(_ fault: CodeFault, _ model: any LanguageModel) -> FixCode.Answer {
    answer(nil, "The answer of \(model.name) was not used: \(fault.forPeople).")
  }

  private func unproved(_ model: String, _ notes: [String]) -> FixCode.Answer {
    let why = "The answer of \(model) was not used: nothing of it could be proved"
    guard proof.path == nil else { return answer(nil, why + ".", [], notes) }
    return answer(
      nil, why + ", because the code's language is not known; name its file (`path`).", [], notes)
  }

  private mutating func note(_ counts: [String: Int]) {
    for (kind, count) in counts { masked[kind, default: 0] += count }
  }

  /// Text that only orients the model: it need not come back, so its secrets are simply masked.
  private mutating func clean(_ text: String) -> String {
    let hidden = HiddenText.stripped(text)
    if hidden.removed > 0 { note(["hidden-text": hidden.removed]) }
    let secrets = SecretMask.masked(hidden.text)
    note(secrets.counts)
    return secrets.text
  }

  private mutating func reply(
    _ model: any LanguageModel, _ turns: [ModelRequest.Turn], _ budget: FailureBudget
  ) async throws(FixError) -> ModelReply {
    let began = ContinuousClock.now
    let left = end - began
    guard left > .zero else { throw late }
    do throws(ModelError) {
      let reply = try await model.reply(
        to: ModelRequest(
          turns: turns, answer: .json(name: "fixed_code", FixPrompt.schema),
          maxOutput: model.profile.maxOutput, deadline: left, budget: budget))
      spending.add(reply)
      claims += 1
      return reply
    } catch {
      spending.add(error, model: model.name, seconds: (ContinuousClock.now - began).seconds)
      throw FixError(error)
    }
  }

  private var late: FixError {
    FixError(code: .timedOut, detail: "The time of \(request.deadline) for this request is up.")
  }

  /// Holds a model's answer against the original: whole, with every secret in place, and proved.
  private mutating func examine(
    _ reply: ModelReply, _ nonce: String, _ form: TextForm, _ secrets: SecretPlaceholders
  ) async -> Result<FixCode.Answer, CodeFault> {
    let code: String
    do throws(CodeFault) {
      code = try AnsweredCode.code(
        in: reply.json?["fixed_code"]?.string ?? "", original: secrets.text, nonce: nonce)
    } catch {
      return .failure(error)
    }
    guard let whole = secrets.restored(code) else {
      return .failure(
        CodeFault(
          forModel: "a text of the form [masked:...] is missing, changed or doubled; each must "
            + "stand once, exactly as in the code",
          forPeople: "a secret that it was not shown would have been lost or moved"))
    }
    let fixed = form.restored(whole)
    let words = Defanged.message(
      SecretMask.masked(reply.json?["reason"]?.string ?? "").text, limit: 500)
    guard !sameBytes(fixed, request.code) else {
      return .success(answer(nil, words.isEmpty ? "The model found nothing to change." : words))
    }
    let reason = words.isEmpty ? "The model gave no reason." : words
    switch await proof.hold(Array(fixed.utf8)) {
    case .success(let shown) where shown.proofs.isEmpty:
      // There is nothing that the model could mend of that.
      return .success(unproved(reply.model, shown.notes))
    case .success(let shown):
      return .success(answer(fixed, reason, shown.proofs, shown.notes))
    case .failure(let fault): return .failure(fault)
    }
  }

  /// Swift compares texts by canonical equivalence; a file is its bytes.
  private func sameBytes(_ a: String, _ b: String) -> Bool { a.utf8.elementsEqual(b.utf8) }
}
