import Domain

/// What a model says of one file, over several rounds: asked, told what is wrong with its answer,
/// and at last asked anew.
struct AskedFix: Sendable {
  let file: FixFile
  let model: any LanguageModel
  let proof: FileProof
  let random: @Sendable () -> UInt64

  /// What one request of one round gave.
  struct Answer: Sendable {
    var candidate: FixCandidate?
    /// Why there is none.
    var fault: CodeFault?
    /// The model's own word that nothing is wrong.
    var isContent = false
  }

  struct Toll: Sendable {
    var spending = ModelSpending()
    var masked: [String: Int] = [:]
    var claims = 0

    mutating func note(_ counts: [String: Int]) {
      for (kind, count) in counts { masked[kind, default: 0] += count }
    }
  }

  /// The request before, to be answered again.
  private var before: (turns: [ModelRequest.Turn], reply: String)?

  init(
    _ file: FixFile, model: any LanguageModel, proof: FileProof,
    random: @escaping @Sendable () -> UInt64
  ) {
    self.file = file
    self.model = model
    self.proof = proof
    self.random = random
  }

  /// - Parameters:
  ///   - fault: of the answer before; `nil` to ask anew.
  ///   - tests: the end of what failing tests printed.
  ///   - heat: 0 for the likeliest answer.
  mutating func ask(
    repairing fault: CodeFault?, tests: String?, heat: Double, budget: FailureBudget,
    toll: inout Toll
  ) async throws(ModelError) -> Answer {
    switch model.profile.promptStyle {
    case .numberedHunks:
      return try await edits(fault, tests, heat, budget, &toll)
    case .beforeAfter:
      return try await functions(fault, tests, heat, budget, &toll)
    }
  }

  private func reply(
    _ turns: [ModelRequest.Turn], _ name: String, _ schema: JSONSchema, _ heat: Double,
    _ budget: FailureBudget, _ toll: inout Toll
  ) async throws(ModelError) -> ModelReply {
    let began = ContinuousClock.now
    let left = proof.end - began
    guard left > .zero else {
      throw ModelError(code: .timedOut, detail: "The time for this fix is up.")
    }
    do throws(ModelError) {
      let reply = try await model.reply(
        to: ModelRequest(
          turns: turns, answer: .json(name: name, schema), maxOutput: model.profile.maxOutput,
          temperature: heat, deadline: min(left, .seconds(300)), budget: budget))
      toll.spending.add(reply)
      toll.claims += 1
      return reply
    } catch {
      toll.spending.add(error, model: model.name, seconds: (ContinuousClock.now - began).seconds)
      throw error
    }
  }

  // MARK: Edits of the whole file

  private mutating func edits(
    _ fault: CodeFault?, _ tests: String?, _ heat: Double, _ budget: FailureBudget,
    _ toll: inout Toll
  ) async throws(ModelError) -> Answer {
    let form = TextForm(String(decoding: file.bytes, as: UTF8.self))
    let secrets = SecretPlaceholders(masking: form.plain)
    toll.note(secrets.counts)
    var asked = EditPrompt.asked(
      .init(
        path: file.path, file: secrets.text, change: shownChange(&toll),
        findings: shownFindings(&toll), tests: tests), random: random)
    if let fault, let before {
      asked.turns = before.turns
      asked.turns.append(.init(.assistant, before.reply))
      asked.turns.append(.init(.user, EditPrompt.repair(fault)))
    }
    let reply = try await reply(asked.turns, "edits", EditPrompt.schema, heat, budget, &toll)
    before = (asked.turns, reply.text)
    let edits = (reply.json?["edits"]?.array ?? []).compactMap { edit -> SearchReplace? in
      guard let search = edit["search"]?.string, let replace = edit["replace"]?.string else {
        return nil
      }
      return SearchReplace(search: search, replace: replace)
    }
    let reason = Self.words(reply)
    guard !edits.isEmpty else { return Answer(isContent: true) }
    let text: String
    do throws(CodeFault) {
      let edited = try SearchReplace.applied(edits, to: secrets.text)
      if edited.contains(asked.nonce) {
        throw CodeFault(
          forModel: "it repeats the number of the markers", forPeople: "it repeated our own words")
      }
      text = try Self.restored(edited, secrets)
    } catch {
      return Answer(fault: error)
    }
    return await held(Array(form.restored(text).utf8), reason, reply.model)
  }

  // MARK: Whole functions

  private mutating func functions(
    _ fault: CodeFault?, _ tests: String?, _ heat: Double, _ budget: FailureBudget,
    _ toll: inout Toll
  ) async throws(ModelError) -> Answer {
    let form = TextForm(String(decoding: file.bytes, as: UTF8.self))
    let lines = form.plain.split(separator: "\n", omittingEmptySubsequences: false)
    let first = String(decoding: file.bytes, as: UTF8.self).prefix { $0.isNewline }.count
    let wanted =
      file.findings.filter { $0.side == .new }.map { $0.startLine - first }
      + file.changed.map { $0.lowerBound - first }
    let spans = CodeSpans.spans(in: lines, around: wanted.isEmpty ? [1] : wanted)
    guard !spans.isEmpty else {
      return Answer(
        fault: CodeFault(
          forModel: "", forPeople: "its functions are too long for \(model.name)"))
    }
    var output = lines.map(String.init)
    var reasons: [String] = []
    var faults: [CodeFault] = []
    var answeredBy = model.name
    // From the last up, so that the numbers of the lines above stay true.
    for span in spans.reversed() {
      let original = lines[(span.lowerBound - 1)..<span.upperBound].joined(separator: "\n")
      let (bare, indent) = Self.outdented(original)
      let part = TextForm(bare)
      let secrets = SecretPlaceholders(masking: part.plain)
      toll.note(secrets.counts)
      guard secrets.text.utf8.count / 4 <= model.profile.maxOutput.value else {
        faults.append(CodeFault(forModel: "", forPeople: "it is too long for \(model.name)"))
        continue
      }
      var context = file.findings.filter { span.contains($0.startLine - first) }
        .map { shown($0, &toll) }
      if let fault { context.append("An answer before was not accepted: \(fault.forModel).") }
      if let tests { context.append("Tests fail:\n\(tests.suffix(1_200))") }
      let asked = FixPrompt(style: .beforeAfter, path: file.path).asked(
        .init(
          code: secrets.text, diff: nil,
          context: context.isEmpty ? nil : context.joined(separator: "\n")), random: random)
      let reply = try await reply(
        asked.turns, "fixed_code", FixPrompt.schema, heat, budget, &toll)
      answeredBy = reply.model
      do throws(CodeFault) {
        let code = try AnsweredCode.code(
          in: reply.json?["fixed_code"]?.string ?? "", original: secrets.text, nonce: asked.nonce)
        let fixed = Self.indented(part.restored(try Self.restored(code, secrets)), indent)
        guard !fixed.utf8.elementsEqual(original.utf8) else { continue }
        output.replaceSubrange(
          (span.lowerBound - 1)..<span.upperBound,
          with: fixed.split(separator: "\n", omittingEmptySubsequences: false).map(String.init))
        reasons.insert(Self.words(reply), at: 0)
      } catch {
        faults.append(error)
      }
    }
    guard !reasons.isEmpty else {
      return faults.isEmpty ? Answer(isContent: true) : Answer(fault: faults.first)
    }
    let text = form.restored(output.joined(separator: "\n"))
    return await held(Array(text.utf8), reasons.joined(separator: " "), answeredBy)
  }

  /// A method is shown without the indentation of its class, which small models leave out.
  private static func outdented(_ text: String) -> (text: String, indent: Substring) {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    let indent = (lines.first ?? "").prefix { $0 == " " || $0 == "\t" }
    let isShared = lines.allSatisfy { $0.hasPrefix(indent) || $0.allSatisfy(\.isWhitespace) }
    guard !indent.isEmpty, isShared else { return (text, "") }
    return (
      lines.map { $0.hasPrefix(indent) ? $0.dropFirst(indent.count) : $0 }.joined(separator: "\n"),
      indent
    )
  }

  private static func indented(_ text: String, _ indent: Substring) -> String {
    guard !indent.isEmpty else { return text }
    return text.split(separator: "\n", omittingEmptySubsequences: false)
      .map { $0.isEmpty ? "" : indent + $0 }.joined(separator: "\n")
  }

  // MARK: Proof

  private func held(_ after: [UInt8], _ reason: String, _ name: String) async -> Answer {
    guard after != file.bytes else { return Answer(isContent: true) }
    switch await proof.hold(after, of: file, isCertain: false) {
    case .failure(let fault): return Answer(fault: fault)
    case .success(let shown):
      return Answer(
        candidate: FixCandidate(
          path: file.path, before: file.bytes, after: after, reason: reason,
          source: .model(name), proofs: shown.proofs, notes: shown.notes))
    }
  }

  private static func restored(
    _ text: String, _ secrets: SecretPlaceholders
  ) throws(CodeFault) -> String {
    guard let whole = secrets.restored(text) else {
      throw CodeFault(
        forModel: "a text of the form [masked:...] is missing, changed or doubled; each must stand "
          + "once, exactly as in the file",
        forPeople: "a secret that it was not shown would have been lost or moved")
    }
    return whole
  }

  static func words(_ reply: ModelReply) -> String {
    let words = Defanged.message(
      SecretMask.masked(reply.json?["reason"]?.string ?? "").text, limit: 400)
    return words.isEmpty ? "The model gave no reason." : words
  }

  // MARK: What is shown

  private func shownChange(_ toll: inout Toll) -> String? {
    guard let diff = file.diff, diff.status != .added else { return nil }
    let text = String(decoding: Diff(files: [diff]).printed(), as: UTF8.self)
    guard text.utf8.count <= 32_768 else { return nil }
    let masked = SecretMask.masked(HiddenText.stripped(text).text)
    toll.note(masked.counts)
    return masked.text
  }

  private func shownFindings(_ toll: inout Toll) -> [String] {
    file.findings.prefix(20).map { shown($0, &toll) }
  }

  private func shown(_ finding: Finding, _ toll: inout Toll) -> String {
    let masked = SecretMask.masked(finding.message)
    toll.note(masked.counts)
    return "line \(finding.startLine) (\(finding.severity.rawValue)): "
      + Defanged.oneLine(masked.text, limit: 600)
  }
}
