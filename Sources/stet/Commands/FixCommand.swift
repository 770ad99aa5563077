import ArgumentParser
import Domain
import Foundation
import Jobs
import Sandbox
import UseCases

struct FixCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fix",
    abstract: "Fix files, a git range, or a pull request.",
    discussion: """
      Every change is proved before it is shown: it applies, the file parses, linters find no more \
      than before, and tests pass, in the sandbox. Without a model: what rules and linters can fix.
      """)

  @OptionGroup var options: FixOptions
  @OptionGroup var settingsOptions: SettingsOptions

  func run() async throws {
    let settings = try settingsOptions.read(overrides: options.overrides)
    settings.tellWarnings()
    if options.model != nil, settings.providers.isEmpty {
      throw CommandFailure.misuse(
        "--model \(options.model ?? "") has no provider to ask; set LLM_PROVIDER, such as local.")
    }
    let wiring = Wiring(settings)
    await wiring.checkouts.removeStale()
    let line = ProgressLine(terminal: Terminal(environment: settings.environment))
    do {
      let document: FixDocument
      var failure: ModelError?
      if let reference = try options.pullRequest(settings) {
        document = try await PullRequestFixing(options: options, wiring: wiring)
          .run(reference) { line.show("fixing: \($0)") }
      } else {
        let outcome = try await LocalFixing(options: options, wiring: wiring)
          .run { line.show("fixing: \($0)") }
        (document, failure) = (outcome.document, outcome.modelFailure)
      }
      line.end()
      await wiring.close()
      try Task.checkCancellation()
      try tell(document, failure)
    } catch {
      line.end()
      await wiring.close()
      throw error
    }
  }

  private func tell(_ document: FixDocument, _ failure: ModelError?) throws {
    if options.json {
      try Output.results.write(JSONText.of(document))
    } else {
      if !document.diff.isEmpty {
        try Output.results.write(Defanged.forTerminal(document.diff, limit: 1 << 20))
      }
      for file in document.files {
        let proofs = file.verified.isEmpty ? "nothing" : file.verified.joined(separator: ", ")
        Output.notes.tell("stet: \(Self.shown(file.path)): \(Self.shown(file.reason)) [\(proofs)]")
      }
      for left in document.left {
        Output.notes.tell("stet: \(Self.shown(left.path)) was left: \(Self.shown(left.reason)).")
      }
      if let tests = document.tests {
        Output.notes.tell(
          "stet: tests (\(Self.shown(tests.command))): \(tests.before) before"
            + (tests.after.map { ", \($0) with the change." } ?? "."))
      }
      Output.notes.tell("stet: \(Self.shown(document.summary))")
    }
    if let failure {
      Output.notes.tell(
        "stet: the model failed (\(failure.code.rawValue)): \(Self.shown(failure.detail))")
      throw CommandFailure.quiet(.failed)
    }
  }

  private static func shown(_ text: String) -> String {
    Defanged.forTerminal(SecretMask.masked(text).text, oneLine: true, limit: 600)
  }
}

/// What `stet fix` is asked to do, as typed.
struct FixOptions: ParsableArguments {
  @Argument(
    help: ArgumentHelp(
      "Files to fix; or a pull request on the forge, OWNER/REPO#N or its address.",
      valueName: "file|pull request"), completion: .file())
  var subjects: [String] = []

  @Option(
    help: ArgumentHelp(
      "Fix the files that this git range changes, as they lie in the working folder.",
      valueName: "range"))
  var range: String?

  @Flag(help: "Write the fixed files.")
  var write = false

  @Flag(help: "Push the fix to the pull request's branch, and answer there.")
  var push = false

  @Option(
    name: .customLong("path"),
    help: ArgumentHelp(
      "Only this file or folder of the pull request. May be repeated.", valueName: "path"))
  var paths: [String] = []

  @Option(
    name: [.customShort("C")],
    help: ArgumentHelp("Work in this folder instead of the current one.", valueName: "dir"),
    completion: .directory)
  var folder: String?

  @Flag(help: "Print the result as JSON.")
  var json = false

  @Flag(help: "Ask no model: rules and linters alone.")
  var noModel = false

  @Option(help: ArgumentHelp("The model to ask, over LLM_MODEL.", valueName: "name"))
  var model: String?

  func validate() throws {
    if subjects.isEmpty == (range == nil) {
      throw ValidationError("Give files, a pull request, or --range, one of them.")
    }
    if noModel, model != nil {
      throw ValidationError("--no-model and --model exclude each other.")
    }
    let isPull = subjects.count == 1 && Self.mayBePull(subjects[0])
    if push, !isPull {
      throw ValidationError(
        "--push is for a pull request: give OWNER/REPO#N; --write is for files.")
    }
    if !paths.isEmpty, !isPull {
      throw ValidationError("--path is for a pull request; name files as arguments.")
    }
    if write, isPull {
      throw ValidationError("--write is for files; --push pushes to a pull request.")
    }
  }

  private static func mayBePull(_ subject: String) -> Bool {
    PullRequestReference(subject) != nil || subject.hasPrefix("https://")
      || subject.hasPrefix("http://")
  }

  /// The pull request that is meant; `nil` for files.
  func pullRequest(_ settings: Settings) throws(CommandFailure) -> PullRequestReference? {
    guard subjects.count == 1, Self.mayBePull(subjects[0]) else { return nil }
    return try PullRequestSubject.reference(subjects[0], webURL: settings.github.webURL)
  }

  var overrides: [String: String] {
    var overrides: [String: String] = [:]
    if noModel { overrides["LLM_PROVIDER"] = "none" }
    if let model { overrides["LLM_MODEL"] = model }
    return overrides
  }
}
