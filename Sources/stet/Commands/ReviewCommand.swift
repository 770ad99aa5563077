import ArgumentParser
import Domain
import UseCases

struct ReviewCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "review",
    abstract: "Review a git range of this folder, or a diff.",
    discussion: """
      Every finding is proved before it is shown: it stands at a line of the change, and what it \
      quotes is what stands there. What no model looked at is listed.
      """)

  @OptionGroup var options: ReviewOptions
  @OptionGroup var settingsOptions: SettingsOptions

  func run() async throws {
    let settings = try settingsOptions.read(overrides: options.overrides)
    settings.tellWarnings()
    if options.model != nil, settings.providers.isEmpty {
      throw CommandFailure.misuse(
        "--model \(options.model ?? "") has no provider to ask; set LLM_PROVIDER, such as local.")
    }
    // Before the work, not after it: a review that cannot be put down costs time and money.
    let output = options.output.map { InputFile.resolved($0, in: options.folder) }
    if let output { try ResultFile.check(output) }
    let wiring = Wiring(settings)
    do {
      let outcome: ReviewChange.Outcome
      if let user = options.likeness {
        let found = try await LikenessReviewing(options: options, wiring: wiring, user: user).run()
        guard let found else { return await wiring.close() }
        outcome = found
      } else if options.post {
        outcome = try await PostedReviewing(options: options, wiring: wiring).run()
      } else {
        let subject = try await ReviewSubject.read(options, settings, forge: wiring.openForge)
        for note in subject.notes { Output.notes.tell("stet: \(note)") }
        let imported = try ReportFiles.findings(options, root: subject.root)
        outcome = try await review(subject, imported, wiring)
      }
      await wiring.close()
      try Task.checkCancellation()
      try tell(outcome, output)
    } catch {
      await wiring.close()
      throw error
    }
  }

  private func review(_ subject: ReviewSubject, _ imported: [Finding], _ wiring: Wiring)
    async throws -> ReviewChange.Outcome
  {
    let terminal = Terminal(environment: wiring.settings.environment)
    let line = ProgressLine(terminal: terminal)
    defer { line.end() }
    do {
      return try await ReviewChange(
        ports: wiring.review(model: try wiring.model(), usesCache: !options.noCache)
      ).run(
        .init(
          diff: subject.diff, subject: subject.title, askedBy: "cli", policy: subject.policy,
          imported: imported, sources: subject.sources,
          callDeadline: options.timeout.map { .seconds($0) } ?? wiring.callDeadline,
          progress: { progress in
            guard progress.hunksToDo > 0 else { return }
            line.show("reviewing: \(progress.hunksDone) of \(progress.hunksToDo) hunks")
          }))
    } catch let error as DiffError {
      throw CommandFailure.misuse(sentence(for: error, subject))
    }
  }

  private func sentence(for error: DiffError, _ subject: ReviewSubject) -> String {
    let place = "\(subject.title), byte \(error.offset): \(error.detail)"
    switch error.code {
    case .combinedDiff:
      return
        "\(place). Diffs of merges are not read; compare with one parent: git diff HEAD^1 HEAD."
    case .truncated: return "\(place). The diff was cut off; save it again, whole."
    case .notADiff: return Self.noDiff(subject)
    default: return "\(place). The diff is damaged; save it again, without editing it."
    }
  }

  /// Results first, then what went wrong, so that nothing proved is lost.
  private func tell(_ outcome: ReviewChange.Outcome, _ output: String?) throws {
    let terminal = Terminal(environment: ProcessEnvironment.values)
    let text = options.chosenFormat.render(
      outcome.review,
      .init(
        color: terminal.colour && output == nil, width: terminal.width,
        version: Version.number))
    if let output {
      try ResultFile.write(text, to: output)
    } else {
      try Output.results.write(text)
    }
    if let failure = outcome.modelFailure {
      Output.notes.tell(
        "stet: the model failed (\(failure.code.rawValue)): \(Self.ended(failure.detail)) "
          + "\(Self.advice(failure))What it did not see is listed as model_failed.")
    }
    if let failure = outcome.storeFailure {
      let knows = failure.detail.contains("STET_DATA_DIR")
      Output.notes.tell(
        "stet: this run could not be recorded: \(Self.ended(failure.detail))"
          + (knows ? "" : " Free some space or set STET_DATA_DIR to another folder."))
    }
    if outcome.modelFailure != nil || outcome.storeFailure != nil {
      throw CommandFailure.quiet(.failed)
    }
    if outcome.review.findings.contains(where: { $0.severity >= options.failOn }) {
      throw CommandFailure.quiet(.findings)
    }
  }
}

extension ReviewCommand {
  fileprivate static func noDiff(_ subject: ReviewSubject) -> String {
    switch (subject.diff.first, subject.diff.dropFirst().first) {
    case (0xFF, 0xFE), (0xFE, 0xFF):
      "\(subject.title) is in UTF-16, as PowerShell's > writes it; let git write the file: "
        + "git diff --output=FILE."
    case (0x1F, 0x8B): "\(subject.title) is compressed; unpack it with gzip -d first."
    default: "\(subject.title) holds no diff; give what git diff, git show or diff -u print."
    }
  }

  fileprivate static func ended(_ sentence: String) -> String {
    sentence.hasSuffix(".") || sentence.hasSuffix("!") ? sentence : sentence + "."
  }

  /// What a user can do about it, with a space after it; empty where the failure says so itself.
  fileprivate static func advice(_ failure: ModelError) -> String {
    if failure.detail.contains("`stet ") { return "" }
    return switch failure.code {
    case .unauthorized: "Check the key and the address it is sent to. "
    case .rateLimited: "Try again later. "
    case .unavailable: "Check that the server runs and that its address is right. "
    case .timedOut: "Give it more time with --timeout, or a smaller change. "
    case .malformedAnswer: "Try again, or choose a model that keeps to a form. "
    default: ""
    }
  }
}

/// What other tools found, from the files that `--sarif` names.
enum ReportFiles {
  static func findings(_ options: ReviewOptions, root: String?) throws -> [Finding] {
    var findings: [Finding] = []
    for file in options.sarifFiles {
      let bytes = try InputFile.read(
        file, in: options.folder, limit: SARIFImport.largest, what: "--sarif")
      do {
        findings += try SARIFImport(root: root ?? "").findings(in: bytes, file: file)
      } catch {
        throw CommandFailure.misuse("--sarif \(error).")
      }
    }
    return findings
  }
}
