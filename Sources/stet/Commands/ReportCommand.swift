public import ArgumentParser
import Domain
import Foundation
public import UseCases

extension ReportFormat: ExpressibleByArgument {}

struct ReportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Tell what happened in a time: reviews, findings and what became of them, cost.")

  @Argument(help: ArgumentHelp("Only of this repository.", valueName: "owner/name"))
  var repository: String?
  @Option(help: ArgumentHelp("Of the last so many days.", valueName: "number"))
  var days = 7
  @Option(help: "The form: text, markdown, html (with plots), json.")
  var format = ReportFormat.text
  @Option(
    help: ArgumentHelp("Write to this file instead of standard output.", valueName: "file"),
    completion: .file())
  var output: String?
  @Flag(
    help: "Ask the forge too: what was opened and merged, and how long it took. Needs a repository."
  )
  var askForge = false
  @OptionGroup var settingsOptions: SettingsOptions

  func validate() throws {
    if !(1...366).contains(days) { throw ValidationError("--days \(days) must be 1 to 366.") }
    if askForge, repository == nil {
      throw ValidationError("--ask-forge needs a repository; write OWNER/NAME.")
    }
  }

  func run() async throws {
    if let output { try ResultFile.check(output) }
    let wiring = Wiring(try settingsOptions.read())
    let name = try RepositoryArgument.read(repository)
    let report = try await RunsReading.ask {
      try await wiring.report(asksForge: askForge).report(of: name, days: days)
    }
    await wiring.close()
    let text = try format.render(report)
    if let output {
      try ResultFile.write(text, to: output)
    } else {
      try Output.results.write(text)
    }
  }
}
