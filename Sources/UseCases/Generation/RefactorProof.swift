import Domain

/// The code as it was, by which every rewriting of it is judged.
struct RefactorProof: Sendable {
  private let probe: CodeProbe
  private let judge: CandidateJudge
  private let tests: [TestSource]
  private let module: String
  private let before: Evaluation
  /// Inputs whose outputs were the same twice, with what they were.
  private let oracle: [(input: JSONValue, output: String)]
  /// Functions and classes that the code defines.
  let names: [String]
  /// What others may take from the code.
  private let exported: [String]

  init(
    code: String, tests: [TestSource], probe: CodeProbe, judge: CandidateJudge
  ) async throws(GenerateError) {
    self.probe = probe
    self.judge = judge
    self.tests = tests
    module = String(judge.path.dropLast(3))
    do throws(SandboxError) {
      let look = try await probe.look(code)
      if let error = look.error {
        throw SandboxError(code: .invalid, detail: "does not parse: \(error.sentence)")
      }
      names = look.names
      exported = look.exported
      let inputs = try await probe.inputs(for: code, texts: tests.map(\.text) + [code])
      var known: [(JSONValue, String)] = []
      if let first = try await probe.outputs(of: code, module: module, inputs: inputs),
        let second = try await probe.outputs(of: code, module: module, inputs: inputs)
      {
        for (input, (a, b)) in zip(inputs, zip(first, second)) where a == b && a != "late" {
          known.append((input, a))
        }
      }
      oracle = known
    } catch {
      if error.code == .invalid {
        throw GenerateError(code: .invalid, detail: error.detail, field: "code")
      }
      throw GenerateError(error)
    }
    var alone = judge
    alone.previous = nil
    let judged = try await alone.judged(
      Candidate(code: code), tests: tests, compared: nil, whole: true)
    guard let evaluation = judged.evaluation else {
      throw GenerateError(
        code: .invalid, detail: judged.feedback.items.first?.message ?? "cannot be judged",
        field: "code")
    }
    before = evaluation
  }

  /// Whether the tests, where there are any, pass before anything is changed.
  var isSound: Bool {
    tests.isEmpty || before.axis(.correctness)?.verdict == .pass
  }

  /// Whether a change of behaviour could be seen at all: silence proves nothing.
  var canTell: Bool {
    !tests.isEmpty
      || oracle.contains { $0.output != "missing" && !$0.output.hasPrefix("raises ") }
  }

  /// What the proof rests on, as the middle of a sentence.
  var basis: String {
    let inputs = oracle.isEmpty ? nil : "\(oracle.count) inputs"
    let given = tests.isEmpty ? nil : "its tests"
    let parts = [inputs, given].compactMap { $0 }
    return " for " + parts.joined(separator: " and ")
  }

  /// What was measured of the code, for whoever is to make it better.
  var figures: [String] {
    before.axes.filter { $0.name == .practice || $0.name == .security || $0.name == .types }
      .flatMap { axis in
        axis.evidence.prefix(5).map { evidence in
          let place = evidence.line.map { "line \($0): " } ?? ""
          return "- \(place)"
            + Defanged.forTerminal(
              SecretMask.masked(evidence.message).text, oneLine: true, limit: 200)
        }
      }
  }

  /// Axes that the criteria name and that fail; of the code as it was without a candidate.
  func failing(
    _ candidate: Candidate?, _ criteria: EvaluationCriteria
  ) -> [EvaluationAxis.Name] {
    let axes = (candidate.map(\.evaluation) ?? before)?.axes ?? []
    return axes.filter { criteria.axes.contains($0.name) && $0.verdict == .fail }.map(\.name)
  }

  /// The candidate with what speaks against it; nothing where it holds.
  func proved(_ candidate: Candidate) async throws(GenerateError) -> Candidate {
    var candidate = candidate
    var items: [CodeFeedback.Item] = []
    do throws(SandboxError) {
      let look = try await probe.look(candidate.code)
      if let error = look.error {
        candidate.feedback = CodeFeedback(.syntax, error.message, line: error.line)
        return candidate
      }
      // What `from x import *` binds cannot be told.
      let lost = look.bound.contains("*") ? [] : exported.filter { !look.bound.contains($0) }
      if !lost.isEmpty {
        items.append(
          .init(kind: .behaviour, line: nil, message: "gone: " + lost.joined(separator: ", ")))
      }
      items += try await differences(candidate.code)
    } catch {
      throw GenerateError(error)
    }
    candidate = try await judge.judged(candidate, tests: tests, compared: before, whole: true)
    items += worse(candidate.evaluation)
    candidate.feedback = CodeFeedback(items)
    return candidate
  }

  private func differences(_ code: String) async throws(SandboxError) -> [CodeFeedback.Item] {
    guard !oracle.isEmpty else { return [] }
    guard
      let outputs = try await probe.outputs(
        of: code, module: module, inputs: oracle.map(\.input))
    else {
      return [
        .init(kind: .behaviour, line: nil, message: "it no longer runs where it ran before")
      ]
    }
    var items: [CodeFeedback.Item] = []
    for (known, output) in zip(oracle, outputs) where known.output != output {
      let pair = known.input.array ?? []
      let call = "\(pair.first?.string ?? "")(*\(pair.last?.string ?? ""))"
      let words = "\(call) gave \(known.output) and now gives \(output)"
      items.append(
        .init(
          kind: .behaviour, line: nil,
          message: Defanged.forTerminal(words, oneLine: true, limit: 400)))
      if items.count == 4 { break }
    }
    return items
  }

  /// Tests that fail now, and figures that grew.
  private func worse(_ after: Evaluation?) -> [CodeFeedback.Item] {
    guard let after else {
      return [.init(kind: .exception, line: nil, message: "it could not be judged")]
    }
    var items: [CodeFeedback.Item] = []
    if after.axis(.correctness)?.verdict == .fail
      || (after.verdict == .error && before.verdict != .error)
    {
      items += CodeFeedback(after, criteria: EvaluationCriteria(axes: [.correctness])).items
    }
    if !tests.isEmpty, after.axis(.correctness)?.verdict == .notRun, items.isEmpty {
      items.append(.init(kind: .notRun, line: nil, message: "its tests could not be run"))
    }
    if after.axis(.efficiency)?.verdict == .fail {
      items += CodeFeedback(after, criteria: EvaluationCriteria(axes: [.efficiency])).items
    }
    let kinds: [(EvaluationAxis.Name, CodeFeedback.Kind)] = [
      (.practice, .practice), (.types, .types), (.security, .security),
    ]
    for (name, kind) in kinds {
      guard let old = before.axis(name), let new = after.axis(name) else { continue }
      if old.verdict != .notRun, new.verdict == .notRun {
        let why = Defanged.forTerminal(
          new.reason ?? "no reason was told", oneLine: true, limit: 200)
        items.append(
          .init(
            kind: kind, line: nil, message: "\(name.rawValue) cannot be judged any more: \(why)"))
        continue
      }
      let isWorse = new.verdict == .fail && old.verdict == .pass
      if isWorse || (new.value ?? 0) > (old.value ?? new.value ?? 0) {
        let from = old.value.map(EvaluationDecision.figure) ?? "nothing"
        let to = new.value.map(EvaluationDecision.figure) ?? "more"
        items.append(
          .init(kind: kind, line: nil, message: "\(name.rawValue) went from \(from) to \(to)"))
      }
    }
    return items
  }
}
