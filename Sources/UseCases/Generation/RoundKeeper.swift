import Domain

/// Commits rounds, and the best at the end. A commit that fails later on costs the history, not the
/// code: the trouble is told with the answer.
struct RoundKeeper: Sendable {
  let history: (any CodeHistory)?
  let pipeline: Pipeline?
  /// File name of the code.
  let path: String
  let run: String
  let prompt: String

  private(set) var trouble: String?
  private var last: String?

  init(
    history: (any CodeHistory)?, pipeline: Pipeline?, path: String, run: String, prompt: String
  ) {
    self.history = history
    self.pipeline = pipeline
    self.path = path
    self.run = run
    self.prompt = prompt
  }

  /// Before anything is asked of a model: a folder that cannot take the rounds is told at once.
  func check(_ tests: [TestSource]) async throws(GenerateError) {
    guard let history else { return }
    // The code's file becomes what nobody knows yet: whatever uncommitted stands there conflicts.
    let files =
      [SandboxFile(path, text: "")] + testFiles(tests)
      + pipelineFiles(tests)
    do throws(HistoryError) { try await history.check(files) } catch { throw GenerateError(error) }
  }

  /// - Returns: the commit; `nil` where there is no folder, nothing to commit, or it failed.
  mutating func keep(
    _ candidate: Candidate, _ round: GenerationRound, number: Int, tests: [TestSource]
  ) async -> String? {
    guard let history, !candidate.code.isEmpty else { return nil }
    let files =
      [SandboxFile(path, text: candidate.code)] + testFiles(tests)
      + pipelineFiles(tests, source: candidate.code)
    // Where the commit fails the file may be written all the same.
    last = candidate.code
    return await record(
      HistoryRound(
        files: files, subject: Self.headline(round, number), body: message(round),
        verdict: round.verdict, run: run, number: number), history)
  }

  /// The folder holds the best in the end, whatever the last round wrote.
  /// - Parameter afterStop: the last commit may have been cut off, which is no trouble of the folder.
  mutating func keepBest(
    _ best: Candidate?, tests: [TestSource], criteria: EvaluationCriteria, afterStop: Bool = false
  ) async {
    if afterStop { trouble = nil }
    guard let history, let best, let last, last != best.code, !best.code.isEmpty else { return }
    _ = await record(
      HistoryRound(
        files: [SandboxFile(path, text: best.code)] + testFiles(tests),
        subject: "Keep the best: round \(best.round)",
        body: "A later round came to less.", verdict: best.verdict(criteria), run: run,
        number: best.round), history)
  }

  private mutating func record(_ round: HistoryRound, _ history: any CodeHistory) async -> String? {
    guard trouble == nil else { return nil }
    do throws(HistoryError) {
      return try await history.record(round)
    } catch {
      trouble = "The rounds were not all committed: \(error.detail)"
      return nil
    }
  }

  private func pipelineFiles(_ tests: [TestSource], source: String = "") -> [SandboxFile] {
    pipeline?.files(path, source: source, tests: testFiles(tests)) ?? []
  }

  private func testFiles(_ tests: [TestSource]) -> [SandboxFile] {
    tests.map { SandboxFile(Self.fileName($0), text: $0.text) }
  }

  /// How a test is called beside the code.
  static func fileName(_ test: TestSource) -> String {
    test.path.split(separator: "/").last.map(String.init) ?? "tests.py"
  }

  private func message(_ round: GenerationRound) -> String {
    var lines = ["Asked: " + Self.short(prompt, 200)]
    for axis in round.evaluation?.axes ?? [] {
      let value = axis.value.map { " \(EvaluationDecision.figure($0))" } ?? ""
      let reason = axis.reason.map { ": \(Self.short($0, 160))" } ?? ""
      lines.append("\(axis.name.rawValue) \(axis.verdict.rawValue)\(value)\(reason)")
    }
    if !round.feedback.isEmpty { lines += ["", Self.short(round.feedback, 3_000, oneLine: false)] }
    return lines.joined(separator: "\n")
  }

  private static func short(_ text: String, _ limit: Int, oneLine: Bool = true) -> String {
    Defanged.forTerminal(SecretMask.masked(text).text, oneLine: oneLine, limit: limit)
  }

  /// Such as `Round 2 (repair): fail, 71% of the tests pass, 1 candidate`.
  static func headline(_ round: GenerationRound, _ number: Int) -> String {
    var line = "Round \(number) (\(round.step.rawValue)): \(round.verdict.rawValue)"
    if let share = round.evaluation?.axis(.correctness)?.value {
      line += ", \(Int((share * 100).rounded(.down)))% of the tests pass"
    }
    return line + ", \(round.candidates) candidate\(round.candidates == 1 ? "" : "s")"
  }
}

/// The one sentence that says what a verdict rests on.
struct GenerationReason: Sendable {
  var verdict: Evaluation.Verdict
  var best: Candidate?
  var tests: [TestSource]
  var droppedTests: Int
  var rounds: Int
  var criteria: EvaluationCriteria
  /// The code is what was gone on from.
  var isAsItWas = false
  var troubles: [String]

  var sentence: String { ([verdictSentence] + troubles).joined(separator: " ") }

  private var verdictSentence: String {
    switch verdict {
    case .pass:
      guard criteria.axes.contains(.correctness) else {
        return "Every criterion that was asked for holds."
      }
      return tests.contains(where: \.isUsers)
        ? "It passes the tests it was given, and every criterion holds."
        : "Every criterion holds. No tests were given: it passes such as were generated\(dropped)."
    case .error:
      if let reason = best?.evaluation?.axis(.correctness)?.reason, !tests.isEmpty {
        return "Nothing is known of its correctness: \(Self.short(reason))"
      }
      return "Nothing shows that it does what was asked: no tests were given, and none that the "
        + "model wrote held\(dropped). Give tests, or examples with >>> in the prompt."
    case .fail:
      guard let best, !best.code.isEmpty else {
        return isAsItWas ? "No answer held code, so it is as it was." : "No answer held code."
      }
      let kinds = Set(best.feedback.items.map(\.kind.rawValue)).sorted().joined(separator: ", ")
      return "Not every criterion holds after \(rounds) round\(rounds == 1 ? "" : "s")"
        + (kinds.isEmpty ? "." : ": \(kinds).")
    }
  }

  private var dropped: String {
    droppedTests > 0 ? " (\(droppedTests) more proved nothing and were dropped)" : ""
  }

  private static func short(_ text: String) -> String {
    Defanged.forTerminal(text, oneLine: true, limit: 300)
  }
}
