public import ArgumentParser
import Domain
import Foundation
public import UseCases

extension Pipeline: ExpressibleByArgument {}

struct GenerateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate",
    abstract: "Write Python code that has run and passes its tests.",
    discussion: """
      Several candidates are written, run in the sandbox, judged and repaired; the best is printed, \
      with a verdict that says what was shown of it. Status 0: every criterion holds; 1: not every \
      one; 3: nothing could be said.
      """)

  @Argument(
    help: ArgumentHelp(
      "What the code should do; with --continue what should be different. - reads standard input.",
      valueName: "prompt|-"))
  var prompt: String

  @OptionGroup var options: GenerationOptions

  @Option(
    help: ArgumentHelp(
      "Answers where code is written from scratch, 1 to 16; over STET_GENERATE_CANDIDATES.",
      valueName: "number"))
  var candidates: Int?

  @Option(
    help: ArgumentHelp(
      "Write into this folder, and commit every round to its git repository, which is made where "
        + "there is none.", valueName: "dir"),
    completion: .directory)
  var into: String?

  @Option(
    help: ArgumentHelp(
      "File name of the code; what the tests import, else solution.py.", valueName: "name.py"))
  var name: String?

  @Option(
    help: ArgumentHelp(
      "With --into: write a pipeline that repeats tests, security scan and licence check: github, "
        + "gitlab or jenkins.", valueName: "kind"))
  var ci: Pipeline?

  @Option(
    name: .customLong("continue"),
    help: ArgumentHelp("Go on from this run, by what the prompt says of it.", valueName: "run"))
  var continued: String?

  @OptionGroup var settingsOptions: SettingsOptions

  func validate() throws {
    if let candidates, !(1...GenerationLimits.mostCandidates).contains(candidates) {
      throw ValidationError(
        "--candidates \(candidates) must be from 1 to \(GenerationLimits.mostCandidates).")
    }
    if ci != nil, into == nil { throw ValidationError("--ci needs a folder: --into DIR.") }
  }

  func run() async throws {
    let settings = try settingsOptions.read(overrides: options.overrides)
    settings.tellWarnings()
    let words = try readPrompt()
    let tests = try options.tests()
    let wiring = Wiring(settings)
    let result: GenerationResult
    do {
      result = try await generate(words, tests, wiring)
      await wiring.close()
    } catch {
      await wiring.close()
      throw error
    }
    try Task.checkCancellation()
    if options.printsJSON {
      try Output.results.write(JSONText.of(result))
    } else {
      try Output.results.write(GenerationText.shown(result.code))
    }
    try GenerationText.tell(result)
    let status = GenerationText.status(result)
    if status != .done { throw CommandFailure.quiet(status) }
  }

  private func generate(
    _ words: String, _ tests: [TestSource], _ wiring: Wiring
  ) async throws -> GenerationResult {
    var earlier: GenerationResult?
    var kind = Run.Kind.generate
    if let continued {
      let run = try await RunsReading.ask { try await RunsReading.find(continued, in: wiring.runs) }
      do { earlier = try GenerateCode.earlier(run) } catch { throw GenerationText.failure(error) }
      kind = run.kind
    }
    let line = ProgressLine(terminal: Terminal(environment: wiring.settings.environment))
    defer { line.end() }
    let progress: @Sendable (String) -> Void = {
      line.show(Defanged.forTerminal($0, oneLine: true, limit: 200))
    }
    if let earlier, kind == .refactor {
      return try await refactor(earlier, words, tests, wiring, progress)
    }
    var limits = options.limits(wiring.settings)
    if let candidates { limits.candidates = candidates }
    let request = GenerateCode.Request(
      prompt: earlier == nil ? words : "", tests: tests,
      criteria: options.criteria(over: earlier?.criteria ?? wiring.settings.service.criteria),
      limits: limits, path: name, earlier: earlier, message: earlier == nil ? nil : words,
      askedBy: "cli", history: into.map(wiring.history), pipeline: ci, progress: progress)
    let model = try wiring.model()
    do throws(GenerateError) {
      return try await GenerateCode(ports: wiring.generation(model: model)).run(request)
    } catch {
      throw GenerationText.failure(error)
    }
  }

  /// What was a refactoring stays one, under the same proof.
  private func refactor(
    _ earlier: GenerationResult, _ words: String, _ tests: [TestSource], _ wiring: Wiring,
    _ progress: @escaping @Sendable (String) -> Void
  ) async throws -> GenerationResult {
    guard into == nil, name == nil, candidates == nil else {
      throw CommandFailure.misuse(
        "--continue names a refactoring, which has no --into, --name or --candidates.")
    }
    let request = RefactorCode.Request(
      goingOnFrom: earlier, message: words, tests: tests,
      criteria: options.criteria(over: earlier.criteria), limits: options.limits(wiring.settings),
      askedBy: "cli", progress: progress)
    let model = try wiring.model()
    do throws(GenerateError) {
      return try await RefactorCode(ports: wiring.generation(model: model)).run(request)
    } catch {
      throw GenerationText.failure(error)
    }
  }

  private func readPrompt() throws -> String {
    guard prompt == "-" else { return prompt }
    let bytes = try InputFile.read(
      "-", in: nil, limit: GenerateCode.longestPrompt, what: "prompt", standardInput: true)
    return try GenerationText.text(bytes, "standard input")
  }
}
