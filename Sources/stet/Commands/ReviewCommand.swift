import ArgumentParser

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
    throw CommandFailure.failed("The review is not wired into this build.")
  }
}
