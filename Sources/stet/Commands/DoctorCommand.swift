import ArgumentParser

struct DoctorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Say for each part whether it works here, and what to do where it does not.",
    discussion: "Exit status 3 where something needed is broken; what is only absent is no failure."
  )

  @Flag(help: "Do not ask any server.")
  var offline = false
  @Flag(help: "Print JSON.")
  var json = false
  @OptionGroup var settingsOptions: SettingsOptions

  func run() async throws {
    let settings = try settingsOptions.read()
    let report = await DoctorReport(of: Wiring(settings).doctorChecks(offline: offline))
    if json {
      try Output.results.write(JSONText.of(report.lines))
    } else {
      try Output.results.write(report.text(Terminal(environment: settings.environment)))
    }
    if report.isBroken { throw CommandFailure.quiet(.failed) }
  }
}
