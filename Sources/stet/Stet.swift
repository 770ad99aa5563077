import ArgumentParser

struct Stet: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stet",
    abstract: "Reviews changes and pull requests, and proves what it says of them.",
    discussion: """
      Exit status: 0 done; 1 findings at or above --fail-on; 2 wrong usage, settings or input; \
      3 the work failed.
      """,
    version: Version.number,
    subcommands: [
      ReviewCommand.self, FixCommand.self, EvaluateCommand.self, ServeCommand.self,
      WorkerCommand.self, JobsCommand.self,
      RunsCommand.self,
      TokenCommand.self, AuditCommand.self, ModelCommand.self, SettingsCommand.self,
      GenerateCommand.self, RefactorCommand.self, HistoryCommand.self, SandboxCommand.self,
      EnrichCommand.self, ReplCommand.self, PolicyCommand.self, NotifyCommand.self,
      ReportCommand.self, ReviewerCommand.self,
      MigrateCommand.self, BackupCommand.self, RestoreCommand.self,
      DoctorCommand.self,
    ])
}
