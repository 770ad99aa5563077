import ArgumentParser

struct Stet: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stet",
    abstract: "Reviews a change, and proves what it says of it.",
    discussion: """
      Exit status: 0 done; 1 findings at or above --fail-on; 2 wrong usage, settings or input; \
      3 the work failed.
      """,
    version: Version.number,
    subcommands: [
      ReviewCommand.self, ModelCommand.self, RunsCommand.self, SettingsCommand.self,
      DoctorCommand.self,
    ])
}
