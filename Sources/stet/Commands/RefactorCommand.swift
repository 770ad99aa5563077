import ArgumentParser
import Domain
import Foundation
import UseCases

struct RefactorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "refactor",
    abstract: "Rewrite a Python file so that it does the same and reads better.",
    discussion: """
      The file as it is, its tests and its figures are the measure; what cannot be shown to hold is \
      not written. Without a model it is what ruff can safely fix. Prints the change as a diff.
      """)

  @Argument(
    help: ArgumentHelp("The file.", valueName: "file"), completion: .file(extensions: ["py"]))
  var file: String

  @Option(help: ArgumentHelp("What should become better, in words.", valueName: "text"))
  var goal: String?

  @Flag(help: "Write the result to the file.")
  var write = false

  @OptionGroup var options: GenerationOptions
  @OptionGroup var settingsOptions: SettingsOptions

  func run() async throws {
    let settings = try settingsOptions.read(overrides: options.overrides)
    settings.tellWarnings()
    let bytes = try InputFile.read(file, in: nil, limit: EvaluateCode.largest, what: "the file")
    let code = try GenerationText.text(bytes, file)
    let tests = try options.tests()
    if write { try ResultFile.check(LocalFixing.place(of: file), option: "--write") }
    let wiring = Wiring(settings)
    let result: GenerationResult
    do {
      result = try await refactor(code, tests, wiring)
      await wiring.close()
    } catch {
      await wiring.close()
      throw error
    }
    try Task.checkCancellation()
    if write, result.changed {
      try LocalFixing.write(result.code, to: file, named: file, over: bytes)
    }
    if options.printsJSON {
      try Output.results.write(JSONText.of(result))
    } else if result.changed {
      let change = FileDiff.comparing(
        old: bytes, new: Array(result.code.utf8), path: SourcePath(file))
      let text = String(decoding: change?.printed() ?? [], as: UTF8.self)
      try Output.results.write(GenerationText.shown(text))
    }
    try GenerationText.tell(result)
    let status = GenerationText.status(result)
    if status != .done { throw CommandFailure.quiet(status) }
  }

  private func refactor(
    _ code: String, _ tests: [TestSource], _ wiring: Wiring
  ) async throws -> GenerationResult {
    let line = ProgressLine(terminal: Terminal(environment: wiring.settings.environment))
    defer { line.end() }
    let name = file.split(separator: "/").last.map(String.init)
    let request = RefactorCode.Request(
      code: code, path: name, tests: tests, goal: goal,
      criteria: options.criteria(over: wiring.settings.service.criteria),
      limits: options.limits(wiring.settings), askedBy: "cli",
      progress: { line.show(Defanged.forTerminal($0, oneLine: true, limit: 200)) })
    let model = try wiring.model()
    do throws(GenerateError) {
      return try await RefactorCode(ports: wiring.generation(model: model)).run(request)
    } catch {
      throw GenerationText.failure(error)
    }
  }
}
