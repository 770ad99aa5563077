import ArgumentParser
import Domain
import Foundation
import UseCases

struct ReplCommand: ServerCommand {
  static let configuration = CommandConfiguration(
    commandName: "repl",
    abstract: "A Python prompt in the sandbox.",
    discussion: """
      Names are kept from cell to cell; what a cell does reaches neither this machine's files nor \
      the network. Cells end as in Python's own prompt; Control-C interrupts one, a second time \
      kills the interpreter. Lines that begin with a colon are for Stet: `:reset` starts anew, \
      `:image NAME` with other packages, `:quit` ends. From a pipe, every statement is a cell, and \
      the first that fails ends it with status 3.
      """)

  @Option(help: ArgumentHelp("What is installed: python, data or test.", valueName: "name"))
  var image: SandboxImage = .python
  @Option(help: ArgumentHelp("Seconds that one cell may take.", valueName: "seconds"))
  var time: Int = 60
  @Flag(help: "Print one JSON object for each cell.")
  var json = false
  @Flag(help: "Run on this machine as you, with nothing kept apart.")
  var withoutSandbox = false
  @OptionGroup var settingsOptions: SettingsOptions

  func validate() throws {
    guard (1...86_400).contains(time) else {
      throw ValidationError("--time has to be 1 to 86400 seconds.")
    }
  }

  func run() async throws {
    let settings = try settingsOptions.read()
    settings.tellWarnings()
    let wiring = Wiring(settings, withoutSandbox: withoutSandbox)
    if withoutSandbox {
      Output.notes.tell("stet: cells run on this machine as you: nothing is kept apart.")
    }
    let prompt = ReplPrompt(
      sandbox: wiring.sandbox, image: image, limit: .seconds(time), printsJSON: json)
    do {
      try await prompt.run()
      await wiring.close()
    } catch {
      await wiring.close()
      throw error
    }
  }
}
