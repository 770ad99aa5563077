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
    let subject = try await ReviewSubject.read(options, environment: settings.environment)
    for note in subject.notes { Output.notes.tell("stet: \(note)") }
    let imported = try ReportFiles.findings(options, root: subject.root)

    let wiring = Wiring(settings)
    do {
      let outcome = try await review(subject, imported, wiring)
      await wiring.close()
      try Task.checkCancellation()
      try tell(outcome)
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
        ports: .init(
          model: try wiring.model(), cache: options.noCache ? nil : wiring.responseCache,
          runs: wiring.runs, syntax: wiring.syntax)
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
    case .notADiff: return "\(place). Give what git diff, git show or diff -u print."
    default: return "\(place). The diff is damaged; save it again, without editing it."
    }
  }

  /// Results first, then what went wrong, so that nothing proved is lost.
  private func tell(_ outcome: ReviewChange.Outcome) throws {
    let terminal = Terminal(environment: ProcessEnvironment.values)
    let text = options.chosenFormat.render(
      outcome.review,
      .init(
        color: terminal.colour && options.output == nil, width: terminal.width,
        version: Version.number))
    if let output = options.output {
      try ResultFile.write(text, to: output)
    } else {
      try Output.results.write(text)
    }
    if let failure = outcome.modelFailure {
      Output.notes.tell(
        "stet: the model failed: \(failure.detail) (\(failure.code.rawValue)). "
          + "What it did not see is listed as model_failed.")
    }
    if let failure = outcome.storeFailure {
      Output.notes.tell(
        "stet: this run could not be recorded: \(failure.detail) "
          + "Free some space or set STET_DATA_DIR to another folder.")
    }
    if outcome.modelFailure != nil || outcome.storeFailure != nil {
      throw CommandFailure.quiet(.failed)
    }
    if outcome.review.findings.contains(where: { $0.severity >= options.failOn }) {
      throw CommandFailure.quiet(.findings)
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
