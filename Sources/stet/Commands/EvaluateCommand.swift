import ArgumentParser
import Domain
import Foundation
import UseCases

struct EvaluateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Judge a Python file by its tests and by tools.",
    discussion: """
      The code runs in the sandbox alone. Tests may be pytest, unittest, doctest, plain \
      assertions, check(candidate), or examples of input and output; the file's own doctests run \
      too. Exit status: 0 pass; 1 fail; 2 wrong usage or input; 3 nothing could be said.
      """)

  @OptionGroup var options: EvaluateOptions
  @OptionGroup var settingsOptions: SettingsOptions

  func run() async throws {
    let settings = try settingsOptions.read()
    settings.tellWarnings()
    var request = try options.request(settings)
    let terminal = Terminal(environment: settings.environment)
    let line = ProgressLine(terminal: terminal)
    request.progress = { line.show("evaluating: \($0)") }
    if options.withoutSandbox {
      Output.notes.tell(
        "stet: without a sandbox, this code may do whatever you may do on this machine.")
    }
    let wiring = Wiring(settings, withoutSandbox: options.withoutSandbox)
    let evaluation: Evaluation
    do throws(EvaluateError) {
      defer { line.end() }
      if let earlier = options.compare {
        request.compared = try await EvaluateCode.evaluation(
          of: earlier, in: wiring.evaluate.runs, field: "--compare")
      }
      evaluation = try await EvaluateCode(ports: wiring.evaluate).run(request)
    } catch {
      await wiring.close()
      throw Self.failure(error)
    }
    do {
      try await show(evaluation, request, wiring, line)
      await wiring.close()
    } catch {
      await wiring.close()
      throw error
    }
    try Task.checkCancellation()
    switch evaluation.verdict {
    case .pass: return
    case .fail:
      if options.fail { throw CommandFailure.quiet(.findings) }
    case .error: throw CommandFailure.quiet(.failed)
    }
  }

  /// As text the report comes first, what is slow after it; JSON is one document, so it waits.
  private func show(
    _ evaluation: Evaluation, _ request: EvaluateCode.Request, _ wiring: Wiring,
    _ line: ProgressLine
  ) async throws {
    try Task.checkCancellation()
    let text = EvaluationText(
      terminal: Terminal(environment: wiring.settings.environment), path: options.file)
    if options.chosenFormat == .text { try Output.results.write(text.of(evaluation)) }
    var whole = evaluation
    if options.mutation {
      do throws(EvaluateError) {
        defer { line.end() }
        whole = try await EvaluateCode(ports: wiring.evaluate).addMutation(
          to: evaluation, of: request, deadline: options.mutationTime)
      } catch {
        throw Self.failure(error)
      }
    }
    switch options.chosenFormat {
    case .json: try Output.results.write(JSONText.of(whole))
    case .text where options.mutation:
      try Output.results.write(text.ofMutation(evaluation, whole))
    case .text: break
    }
  }

  private static func failure(_ error: EvaluateError) -> CommandFailure {
    switch error.code {
    case .invalid:
      .misuse(
        error.field.map { "\(Defanged.forTerminal($0)) \(error.detail)." } ?? error.detail)
    case .cancelled: .failed(error.detail)
    }
  }
}

/// How a report is printed.
enum EvaluationFormat: String, CaseIterable, ExpressibleByArgument {
  case text, json
}

/// What `stet evaluate` is asked to do, as typed.
struct EvaluateOptions: ParsableArguments {
  @Argument(
    help: ArgumentHelp(
      "The Python file; - reads it from standard input.", valueName: "file|-"),
    completion: .file(extensions: ["py"]))
  var file: String

  @Option(
    help: ArgumentHelp(
      "Tests or examples to judge it by. May be repeated.", valueName: "file"),
    completion: .file())
  var tests: [String] = []

  @Option(
    help: ArgumentHelp(
      "The version before, to compare behaviour and speed with.", valueName: "file"),
    completion: .file(extensions: ["py"]))
  var against: String?

  @Option(
    help: ArgumentHelp(
      "An earlier evaluation, by its run: the report says what changed since.",
      valueName: "run"))
  var compare: String?

  @Option(
    help: ArgumentHelp(
      "What it has to hold to, as JSON or a file of it: axes, complexity, slowdown, growth, memory, "
        + "severity.", valueName: "json|file"))
  var criteria: String?

  @Option(
    help: ArgumentHelp(
      "An axis that must not fail: correctness, efficiency, practice, types or security. May be "
        + "repeated; without it, all.", valueName: "axis"))
  var axis: [String] = []

  @Option(
    help: ArgumentHelp("Give one test at most this long; 5 without it.", valueName: "seconds"))
  var testTimeout: Double?

  @Option(
    help: ArgumentHelp("Give everything at most this long; 60 without it.", valueName: "seconds"))
  var timeout: Double?

  @Flag(help: "Change the code in small ways and say which changes no test notices. Slow.")
  var mutation = false

  @Option(help: "How to print the report: text or json.")
  var format: EvaluationFormat?

  @Flag(help: "Same as --format json.")
  var json = false

  @Flag(inversion: .prefixedNo, help: "Exit with status 1 where the verdict is fail.")
  var fail = true

  @Flag(help: "Run the code with no protection. Only for code that you wrote yourself.")
  var withoutSandbox = false

  var chosenFormat: EvaluationFormat { format ?? (json ? .json : .text) }

  func validate() throws {
    if json, let format, format != .json {
      throw ValidationError("--json and --format \(format.rawValue) ask for different forms.")
    }
    for (name, value) in [("--test-timeout", testTimeout), ("--timeout", timeout)] {
      if let value, !(value > 0 && value <= 3_600) {
        throw ValidationError("\(name) has to be more than 0 and at most 3600 seconds.")
      }
    }
  }

  func request(_ settings: Settings) throws(CommandFailure) -> EvaluateCode.Request {
    var request = EvaluateCode.Request(
      code: try text(file, what: "the code", standardInput: true), askedBy: "cli")
    if file != "-" { request.path = Self.relative(file) }
    for test in tests {
      request.tests.append(
        TestSource(path: Self.relative(test), text: try text(test, what: "--tests")))
    }
    if let against { request.previous = try text(against, what: "--against") }
    request.criteria = try readCriteria(over: settings.service.criteria)
    if let testTimeout { request.testLimit = .seconds(testTimeout) }
    request.deadline = timeout.map { .seconds($0) } ?? .seconds(60)
    return request
  }

  /// Beside the time of the report.
  var mutationTime: Duration { timeout.map { .seconds($0) } ?? EvaluateCode.mutationTime }

  private func readCriteria(
    over base: EvaluationCriteria
  ) throws(CommandFailure) -> EvaluationCriteria {
    var read = base
    if let criteria {
      let isJSON = criteria.drop(while: \.isWhitespace).first == "{"
      let written = isJSON ? criteria : try text(criteria, what: "--criteria")
      do throws(EvaluateError) {
        read = try EvaluateCode.criteria(json: written, over: base)
      } catch {
        throw .misuse("--criteria: \(error.field ?? "it") \(error.detail).")
      }
    }
    if !axis.isEmpty {
      let known = axis.compactMap(EvaluationAxis.Name.init)
      guard known.count == axis.count else {
        let names = EvaluationAxis.Name.allCases.map(\.rawValue).joined(separator: ", ")
        throw .misuse("--axis has to be one of \(names).")
      }
      read.axes = Set(known)
    }
    return read
  }

  private func text(
    _ path: String, what: String, standardInput: Bool = false
  ) throws(CommandFailure) -> String {
    let bytes = try InputFile.read(
      path, in: nil, limit: .mebibytes(1), what: what, standardInput: standardInput)
    guard !bytes.contains(0), let text = String(validating: bytes, as: UTF8.self) else {
      throw .misuse("\(what) \(path) is no text in UTF-8.")
    }
    return text
  }

  /// Below the folder of the module, as tests name it; a path that leads elsewhere keeps its name.
  private static func relative(_ path: String) -> String {
    let parts = path.split(separator: "/").filter { $0 != "." }
    if path.hasPrefix("/") || parts.contains("..") { return parts.last.map(String.init) ?? path }
    return parts.joined(separator: "/")
  }
}
