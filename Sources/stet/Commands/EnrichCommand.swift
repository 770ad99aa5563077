import ArgumentParser
import Domain
import Foundation
import UseCases

struct EnrichCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "enrich",
    abstract: "Summarise and tag an issue, or see what became of tags.",
    subcommands: [EnrichIssueCommand.self, EnrichReportCommand.self],
    defaultSubcommand: EnrichIssueCommand.self)
}

struct EnrichIssueCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "issue",
    abstract: "Summarise and tag an issue: given here, in a file, or on the forge.",
    discussion: """
      The first line of a file is the title. Of an issue on the forge nothing is changed without \
      --post; the labels are those of its repository. With --batch each line of the file is an issue \
      as JSON with title, description and perhaps id; each gives one line of JSON, in their order. A \
      line that is none is named, the others go on, and the status is 2.
      """)

  @Argument(
    help: ArgumentHelp(
      "The file; - reads standard input; OWNER/REPO#N is an issue on the forge.",
      valueName: "file|-|issue"),
    completion: .file())
  var subject: String?

  @Option(help: "The issue's title, where it is given here.")
  var title: String?

  @Option(help: "The description of the issue that has this title.")
  var body: String?

  @Option(
    help: ArgumentHelp(
      "Enrich every line of this file, or of standard input (-).", valueName: "file|-"),
    completion: .file())
  var batch: String?

  @Flag(help: "Comment on the issue, and set labels where its repository's policy says live.")
  var post = false

  @Flag(help: "Print the result as JSON.")
  var json = false

  @Flag(help: "Ask no model: the issue's own words alone.")
  var noModel = false

  @OptionGroup var settingsOptions: SettingsOptions

  private static let largest = ByteCount.mebibytes(1)

  func validate() throws {
    guard [subject, batch, title].count(where: { $0 != nil }) == 1 else {
      throw ValidationError(
        "Give one of these: --title with --body, a file, -, OWNER/REPO#N, or --batch with a file.")
    }
    if body != nil, title == nil { throw ValidationError("--body goes with --title.") }
    if let title, title.allSatisfy(\.isWhitespace) {
      throw ValidationError("--title is empty: an issue needs a title.")
    }
    if post, subject.flatMap({ PullRequestReference($0) }) == nil {
      throw ValidationError("--post is for an issue on the forge: give OWNER/REPO#N.")
    }
  }

  func run() async throws {
    let settings = try settingsOptions.read(overrides: noModel ? ["LLM_PROVIDER": "none"] : [:])
    settings.tellWarnings()
    let wiring = Wiring(settings)
    let line = ProgressLine(terminal: Terminal(environment: settings.environment))
    do {
      if let batch {
        let status = try await EnrichBatch(file: batch, line: line).run(wiring)
        line.end()
        await wiring.close()
        if status != .done { throw CommandFailure.quiet(status) }
        return
      }
      line.show("looking at the issue")
      let found: Run
      if let title {
        found = try await given(title, body ?? "", called: "--title", wiring)
      } else if let reference = subject.flatMap({ PullRequestReference($0) }) {
        found = try await onForge(reference, wiring)
      } else {
        found = try await inText(subject ?? "-", wiring)
      }
      line.end()
      await wiring.close()
      try Task.checkCancellation()
      try tell(found)
    } catch {
      line.end()
      await wiring.close()
      throw error
    }
  }

  private func inText(_ subject: String, _ wiring: Wiring) async throws -> Run {
    let bytes = try InputFile.read(
      subject, in: nil, limit: Self.largest, what: "the issue", standardInput: true)
    guard !bytes.contains(0), let text = String(validating: bytes, as: UTF8.self) else {
      throw CommandFailure.misuse("the issue \(subject) is no text in UTF-8.")
    }
    let lines = text.split(
      maxSplits: 1, omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    let title = String(lines.first ?? "").trimmingCharacters(in: .whitespaces)
      .trimmingPrefix("# ")
    guard !title.isEmpty else {
      throw CommandFailure.misuse(
        "the issue \(subject) has no title: its first line is empty.")
    }
    return try await given(
      String(title), lines.count > 1 ? String(lines[1]) : "",
      called: subject == "-" ? "standard input" : subject, wiring)
  }

  private func given(
    _ title: String, _ description: String, called subject: String, _ wiring: Wiring
  ) async throws -> Run {
    try await wiring.enrichText(model: try wiring.model()).run(
      title: title.trimmingCharacters(in: .whitespacesAndNewlines),
      description: description.trimmingCharacters(in: .whitespacesAndNewlines),
      subject: subject, askedBy: "cli")
  }

  private func onForge(_ reference: PullRequestReference, _ wiring: Wiring) async throws -> Run {
    let run = TimeOrderedID.next(Date())
    let work = Work.EnrichForgeIssue(
      access: ForgeAccess(forge: "github", repository: reference.repository),
      reference: reference, askedBy: "cli", run: run, cause: .asked, publishes: post)
    let outcome = try await EnrichForgeIssue(
      ports: wiring.enrichment(model: try wiring.model())
    ).run(work, job: nil)
    guard let found = try await wiring.runs.run(id: run) else {
      switch outcome {
      case .cancelled(let reason): throw CommandFailure.failed("\(reference): \(reason).")
      case .snoozed(_, let why):
        throw CommandFailure.failed("\(reference): \(why ?? "the forge asks to wait").")
      case .completed: throw CommandFailure.failed("\(reference): nothing was recorded.")
      }
    }
    return found
  }

  private func tell(_ run: Run) throws {
    let result = run.result
    if json {
      try Output.results.write(JSONText.of(result ?? .object([:])))
      return
    }
    func shown(_ text: String) -> String {
      Defanged.forTerminal(SecretMask.masked(text).text, oneLine: true, limit: 1_000)
    }
    try Output.results.line(shown(result?["ai_summary"]?.string ?? ""))
    let tags = result?["tags"]?.string ?? ""
    try Output.results.line("tags: \(tags.isEmpty ? "none" : shown(tags))")
    for duplicate in result?["duplicates"]?.array ?? [] {
      func score(_ name: String) -> String? {
        let value: Double? =
          switch duplicate[name] {
          case .number(let value)?: value
          case .integer(let value)?: Double(value)
          default: nil
          }
        return value.map { $0.formatted(.number.precision(.fractionLength(2))) }
      }
      let scores = [
        score("words").map { "\($0) in words" }, score("meaning").map { "\($0) in meaning" },
      ].compactMap(\.self).joined(separator: ", ")
      try Output.results.line("perhaps the same: #\(duplicate["id"]?.string ?? "?") (\(scores))")
    }
    Output.notes.tell("stet: by \(shown(result?["source"]?.string ?? "?")), run \(run.id)")
    if let failure = result?["model_failure"]?.string {
      Output.notes.tell("stet: the model failed: \(shown(failure))")
      throw CommandFailure.quiet(.failed)
    }
  }
}

struct EnrichReportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Show how often people kept the labels and tags that Stet gave.")

  @Option(
    help: ArgumentHelp(
      "Only of this place: OWNER/REPO, or tracker.", valueName: "place"))
  var place: String?
  @Flag(help: "Print JSON.")
  var json = false
  @OptionGroup var settingsOptions: SettingsOptions

  func run() async throws {
    let settings = try settingsOptions.read()
    let wiring = Wiring(settings)
    let wanted = place.map { $0 == "tracker" ? $0 : "github:\($0)" }
    let report: EnrichmentReport
    do throws(StoreError) {
      report = try await EnrichmentReport.read(
        runs: wiring.runs, issues: wiring.issues, place: wanted)
    } catch {
      await wiring.close()
      throw CommandFailure.failed(error.detail)
    }
    await wiring.close()
    if json {
      try Output.results.write(JSONText.of(report))
      return
    }
    guard report.enrichments > 0 || !report.rows.isEmpty else {
      Output.notes.tell("No issue was enriched yet; `stet enrich` and `stet serve` do it.")
      return
    }
    var table = TextTable(columns: 5)
    table.add(["PLACE", "TAG", "GIVEN", "REMOVED", "PRECISION"])
    for row in report.rows {
      table.add([
        row.place, row.tag, "\(row.given)", "\(row.removed)",
        row.precision.formatted(.percent.precision(.fractionLength(0))),
      ])
    }
    try Output.results.write(table.text)
    let cost = report.costUSD.formatted(.number.precision(.fractionLength(4)))
    try Output.results.line(
      "\(report.enrichments) enrichments, \(report.fallbacks) without a model, \(report.cached) "
        + "from the cache, \(report.tokens) tokens, \(cost) USD where prices are known")
  }
}
