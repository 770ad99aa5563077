public import ArgumentParser
public import Domain
import UseCases

extension EvaluationAxis.Name: ExpressibleByArgument {}
extension EvaluationCriteria.Severity: ExpressibleByArgument {}

/// How a result of `stet generate` or `stet refactor` is printed.
enum GenerationFormat: String, ExpressibleByArgument, CaseIterable, Sendable { case text, json }

/// What `stet generate` and `stet refactor` share: tests, criteria, limits and form.
struct GenerationOptions: ParsableArguments {
  @Option(
    name: .customLong("tests"),
    help: ArgumentHelp(
      "Tests or examples that the code has to pass; never changed. May be repeated.",
      valueName: "file"),
    completion: .file())
  var testFiles: [String] = []

  @Option(
    help: ArgumentHelp(
      "Rounds at most, 1 to 20; over STET_GENERATE_ROUNDS.", valueName: "number"))
  var rounds: Int?

  @Option(
    help: ArgumentHelp(
      "Seconds of wall clock at most; over STET_GENERATE_SECONDS.", valueName: "seconds"))
  var time: Int?

  @Option(
    help: ArgumentHelp(
      "Tokens of prompts and answers at most; over STET_GENERATE_TOKENS.", valueName: "number"))
  var tokens: Int?

  @Option(
    help: ArgumentHelp(
      "US dollars at most, where the model's price is known; over STET_GENERATE_CENTS.",
      valueName: "usd"))
  var cost: Double?

  @Option(
    name: .customLong("axis"),
    help: ArgumentHelp(
      "An axis that must not fail: correctness, efficiency, practice, types or security. May be "
        + "repeated; all without one.", valueName: "name"))
  var axes: [EvaluationAxis.Name] = []

  @Option(
    help: ArgumentHelp("Cyclomatic complexity of a function at most; 15.", valueName: "number"))
  var complexity: Int?

  @Option(help: "The least severity of a security finding that fails: low, medium or high.")
  var severity: EvaluationCriteria.Severity?

  @Option(help: ArgumentHelp("The model to ask, over LLM_MODEL.", valueName: "name"))
  var model: String?

  @Option(help: "How to print the result: text or json.")
  var format: GenerationFormat = .text

  @Flag(help: "Same as --format json.")
  var json = false

  var printsJSON: Bool { json || format == .json }

  func validate() throws {
    func check(_ value: Int?, _ name: String, _ range: ClosedRange<Int>) throws {
      if let value, !range.contains(value) {
        throw ValidationError(
          "--\(name) \(value) must be from \(range.lowerBound) to \(range.upperBound).")
      }
    }
    try check(rounds, "rounds", 1...GenerationLimits.mostRounds)
    try check(time, "time", 1...Int(GenerationLimits.longest))
    try check(tokens, "tokens", 1...1_000_000_000)
    try check(complexity, "complexity", 1...1_000)
    if let cost, !(cost > 0) { throw ValidationError("--cost \(cost) must be above 0.") }
  }

  /// - Parameter base: what holds where no option says otherwise.
  func criteria(over base: EvaluationCriteria) -> EvaluationCriteria {
    var criteria = base
    if !axes.isEmpty { criteria.axes = Set(axes) }
    if let complexity { criteria.complexity = complexity }
    if let severity { criteria.severity = severity }
    return criteria
  }

  func limits(_ settings: Settings) -> GenerationLimits {
    var limits = settings.service.generation
    if let rounds { limits.rounds = rounds }
    if let time { limits.time = Double(time) }
    if let tokens { limits.tokens = tokens }
    if let cost { limits.cost = cost }
    return limits
  }

  var overrides: [String: String] { model.map { ["LLM_MODEL": $0] } ?? [:] }

  func tests() throws -> [TestSource] {
    try testFiles.map { file in
      let bytes = try InputFile.read(file, in: nil, limit: EvaluateCode.largest, what: "--tests")
      return TestSource(
        path: file.split(separator: "/").last.map(String.init) ?? file,
        text: try GenerationText.text(bytes, "--tests \(file)"))
    }
  }
}

enum GenerationText {
  /// - Throws: where it is no text.
  static func text(_ bytes: [UInt8], _ name: String) throws -> String {
    guard let text = String(validating: bytes, as: UTF8.self), !bytes.contains(0) else {
      throw CommandFailure.misuse("\(name) is no UTF-8 text; name a Python file.")
    }
    return text
  }

  /// As it is for a file or a program, harmless for a person's terminal.
  static func shown(_ text: String) -> String {
    guard Terminal(environment: ProcessEnvironment.values).width != nil else { return text }
    let harmless = Defanged.forTerminal(text, oneLine: false, limit: 16 << 20)
    return harmless.hasSuffix("\n") || harmless.isEmpty ? harmless : harmless + "\n"
  }

  /// Results first, then what went wrong.
  static func tell(_ result: GenerationResult) throws {
    var lines = result.rounds.enumerated().map { index, round in
      "round \(index + 1): \(round.step.rawValue), \(round.verdict.rawValue)"
        + (round.commit.map { ", \($0.prefix(12))" } ?? "")
    }
    lines.append("\(result.verdict.rawValue): \(harmless(result.reason))")
    if let failure = result.failure { lines.append(harmless(failure)) }
    lines.append("run \(result.run)")
    for line in lines { Output.notes.tell("stet: \(line)") }
  }

  private static func harmless(_ text: String) -> String {
    Defanged.forTerminal(SecretMask.masked(text).text, oneLine: true)
  }

  static func status(_ result: GenerationResult) -> ProgramStatus {
    // What passes holds, such as a tool's own fixes where the model was down.
    if result.failure != nil, result.verdict != .pass { return .failed }
    return switch result.verdict {
    case .pass: .done
    case .fail: .findings
    case .error: .failed
    }
  }

  static func failure(_ error: GenerateError) -> CommandFailure {
    let detail = SecretMask.masked(error.detail).text
    switch error.code {
    case .invalid:
      return .misuse(error.field.map { "\($0) \(detail)" } ?? detail)
    case .unknownRun: return .misuse(detail)
    case .history: return .misuse(detail)
    case .noModel, .unauthorized, .rateLimited, .modelFailed, .timedOut, .noSandbox, .cancelled:
      return .failed(detail)
    }
  }
}
