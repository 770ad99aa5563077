import ArgumentParser
import Domain
import Foundation
import UseCases

struct RunsOutcomesCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "outcomes",
    abstract: "Show what became of findings: how many were acted on, by category, rule and model.")

  @Argument(help: ArgumentHelp("Only of this repository.", valueName: "owner/name"))
  var repository: String?
  @Option(help: ArgumentHelp("Of the last so many days.", valueName: "number"))
  var days = 90
  @Flag(help: "Ask the forge too: thumbs, threads that were resolved, pull requests that ended.")
  var askForge = false
  @Flag(help: "List each finding with its fate and the reason.")
  var each = false
  @Flag(help: "Print JSON.")
  var json = false
  @OptionGroup var settingsOptions: SettingsOptions

  func validate() throws {
    if days < 1 { throw ValidationError("--days \(days) must be at least 1.") }
  }

  func run() async throws {
    let wiring = Wiring(try settingsOptions.read())
    let name = try RepositoryArgument.read(repository)
    let read = try await RunsReading.ask {
      try await wiring.outcomes(asksForge: askForge).read(
        repository: name, since: Date().addingTimeInterval(-Double(days) * 86_400))
    }
    for (subject, why) in read.unseen.sorted(by: { $0.key < $1.key }) {
      Output.notes.tell("stet: \(subject) was not looked at on the forge: \(why)")
    }
    await wiring.close()
    if json {
      try Output.results.write(JSONText.of(OutcomesDocument(read.outcomes)))
    } else if read.outcomes.isEmpty {
      Output.notes.tell("No findings were published in that time.")
    } else {
      try Output.results.write(OutcomesText.text(read.outcomes, each: each))
    }
  }
}

/// `OWNER/NAME` as it is typed.
enum RepositoryArgument {
  static func read(_ text: String?) throws(CommandFailure) -> RepositoryName? {
    guard let text else { return nil }
    guard let name = RepositoryName(text) else {
      throw .misuse(
        "\(Defanged.forTerminal(text, oneLine: true, limit: 80)) is no repository; write OWNER/NAME."
      )
    }
    return name
  }
}

struct OutcomesDocument: Encodable {
  var categories: [OutcomeRate]
  var rules: [OutcomeRate]
  var models: [OutcomeRate]
  var findings: [FindingOutcome]

  init(_ outcomes: [FindingOutcome]) {
    categories = OutcomeRate.by({ $0.category }, outcomes)
    rules = OutcomeRate.by(
      { outcome in
        switch outcome.source {
        case .rule, .tool: "\(outcome.source)"
        case .model: nil
        }
      }, outcomes)
    models = OutcomeRate.by(
      { outcome in
        if case .model(let name) = outcome.source { name } else { nil }
      }, outcomes)
    findings = outcomes
  }
}

enum OutcomesText {
  static func text(_ outcomes: [FindingOutcome], each: Bool) -> String {
    let document = OutcomesDocument(outcomes)
    var lines: [String] = []
    for (name, rates) in [
      ("category", document.categories), ("rule", document.rules), ("model", document.models),
    ] where !rates.isEmpty {
      if !lines.isEmpty { lines.append("") }
      lines += table(name, rates)
    }
    if each {
      lines.append("")
      lines += outcomes.map { outcome in
        "\(outcome.subject)  \(outcome.fate.rawValue)  \(outcome.severity.rawValue)  "
          + "\(outcome.source)  \(shown(outcome.path, 80)): \(shown(outcome.reason, 120))"
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func table(_ name: String, _ rates: [OutcomeRate]) -> [String] {
    var rows = [
      [name, "findings", "fixed", "resolved", "disputed", "ignored", "open", "acted on"]
    ]
    let fates = [FindingFate.fixed, .resolved, .disputed, .ignored, .open]
    for rate in rates {
      var share = "-"
      if let value = rate.rate, let interval = rate.interval {
        share =
          "\(percent(value)) % (\(percent(interval.lowerBound)) to \(percent(interval.upperBound)))"
      }
      rows.append(
        [shown(rate.name, 60), "\(rate.findings)"] + fates.map { "\(rate.fates[$0] ?? 0)" }
          + [share])
    }
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      row.enumerated().map { index, cell in
        let gap = String(repeating: " ", count: max(0, widths[index] - cell.count))
        return index == 0 ? cell + gap : gap + cell
      }.joined(separator: "  ")
    }
  }

  static func percent(_ value: Double) -> Int { Int((value * 100).rounded()) }

  private static func shown(_ text: String, _ limit: Int) -> String {
    Defanged.forTerminal(text, oneLine: true, limit: limit)
  }
}
