public import ArgumentParser
import Domain
import Foundation
public import Jobs

extension JobState: ExpressibleByArgument {}

struct JobsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "jobs", abstract: "Look at the work in the background, and steer it.",
    subcommands: [
      JobsListCommand.self, JobsShowCommand.self, JobsRetryCommand.self, JobsCancelCommand.self,
      JobsStatsCommand.self,
    ])
}

struct JobsListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List jobs, the newest first.")

  @Option(
    help: ArgumentHelp(
      "Only jobs in this state: available, scheduled, running, retryable, completed, cancelled or "
        + "discarded. May be repeated.", valueName: "state"))
  var state: [JobState] = []
  @Option(help: ArgumentHelp("Only jobs of this kind.", valueName: "kind"))
  var kind: String?
  @Option(help: ArgumentHelp("Show at most this many.", valueName: "number"))
  var limit = 20
  @Option(help: ArgumentHelp("Only jobs older than this one.", valueName: "job"))
  var before: String?
  @Flag(help: "Print JSON.")
  var json = false
  @OptionGroup var settingsOptions: SettingsOptions

  func validate() throws {
    if limit < 1 { throw ValidationError("--limit \(limit) must be at least 1.") }
  }

  func run() async throws {
    let wiring = Wiring(try settingsOptions.read())
    let jobs = try await RunsReading.ask {
      try await wiring.jobs.jobs(
        JobFilter(states: state, kind: kind, before: before, limit: limit))
    }
    await wiring.close()
    if json {
      try Output.results.write(JSONText.of(jobs))
    } else if jobs.isEmpty {
      Output.notes.tell("There are no such jobs.")
    } else {
      var table = TextTable(columns: 6)
      for job in jobs {
        table.add([
          job.id, job.createdAt.formatted(.iso8601), job.state.rawValue,
          "\(job.attempt)/\(job.maxAttempts)", job.kind, job.errors.last?.message ?? "",
        ])
      }
      try Output.results.write(table.text)
    }
  }
}

struct JobsShowCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show one job with every failure it had.")

  @Argument(help: "The job, or the first letters of it.")
  var job: String
  @Flag(help: "Print JSON.")
  var json = false
  @OptionGroup var settingsOptions: SettingsOptions

  func run() async throws {
    let wiring = Wiring(try settingsOptions.read())
    let found = try await RunsReading.ask { try await JobsReading.find(job, in: wiring.jobs) }
    await wiring.close()
    try Output.results.write(json ? JSONText.of(found) : JobsReading.text(found))
  }
}

struct JobsRetryCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "retry",
    abstract: "Have a discarded, cancelled or waiting job tried again now.")

  @Argument(help: "The job, or the first letters of it.")
  var job: String
  @OptionGroup var settingsOptions: SettingsOptions

  func run() async throws {
    let wiring = Wiring(try settingsOptions.read())
    try await RunsReading.ask {
      let found = try await JobsReading.find(job, in: wiring.jobs)
      let after = try await wiring.jobs.retry(id: found.id)
      guard after?.state == .available else {
        throw CommandFailure.misuse(
          "The job \(found.id) is \(found.state.rawValue); only a discarded, cancelled or "
            + "waiting one can be tried again.")
      }
      try await wiring.audit.append(
        AuditEvent(actor: "cli", action: "job.retried", place: "job:\(found.id)", job: found.id))
      Output.notes.tell("The job \(found.id) will be tried again.")
    }
    await wiring.close()
  }
}

struct JobsCancelCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cancel", abstract: "Cancel a job; one that runs is asked to stop.")

  @Argument(help: "The job, or the first letters of it.")
  var job: String
  @OptionGroup var settingsOptions: SettingsOptions

  func run() async throws {
    let wiring = Wiring(try settingsOptions.read())
    try await RunsReading.ask {
      let found = try await JobsReading.find(job, in: wiring.jobs)
      guard !found.state.isFinal else {
        throw CommandFailure.misuse("The job \(found.id) is \(found.state.rawValue) already.")
      }
      let after = try await wiring.jobs.cancel(
        id: found.id, reason: "cancelled from the command line")
      try await wiring.audit.append(
        AuditEvent(actor: "cli", action: "job.cancelled", place: "job:\(found.id)", job: found.id))
      Output.notes.tell(
        after?.state == .cancelled
          ? "The job \(found.id) is cancelled." : "The job \(found.id) is asked to stop.")
    }
    await wiring.close()
  }
}

struct JobsStatsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stats", abstract: "Count jobs by state.")

  @Flag(help: "Print JSON.")
  var json = false
  @OptionGroup var settingsOptions: SettingsOptions

  func run() async throws {
    let wiring = Wiring(try settingsOptions.read())
    let counts = try await RunsReading.ask { try await wiring.jobs.counts() }
    await wiring.close()
    let all = JobState.allCases.map { ($0.rawValue, counts[$0] ?? 0) }
    if json {
      try Output.results.write(JSONText.of(Dictionary(uniqueKeysWithValues: all)))
    } else {
      var table = TextTable(columns: 2)
      for (state, count) in all { table.add([state, "\(count)"]) }
      try Output.results.write(table.text)
    }
  }
}

enum JobsReading {
  /// How many jobs are searched for one that begins with the given letters.
  static let searched = 1000

  static func find(_ wanted: String, in store: any JobStore) async throws -> Job {
    let id = wanted.lowercased()
    if let job = try await store.job(id: id) { return job }
    let matches =
      id.isEmpty
      ? [] : try await store.jobs(JobFilter(limit: searched)).filter { $0.id.hasPrefix(id) }
    switch matches.count {
    case 1: return matches[0]
    case 0: throw CommandFailure.misuse("There is no job \(wanted); `stet jobs list` shows them.")
    default:
      throw CommandFailure.misuse(
        "\(wanted) begins \(matches.count) jobs; give more letters of the one you mean.")
    }
  }

  static func text(_ job: Job) -> String {
    var table = TextTable(columns: 2)
    table.add(["job", job.id])
    table.add(["kind", job.kind])
    table.add(["state", job.state.rawValue + (job.cancelRequested ? ", asked to stop" : "")])
    table.add(["attempt", "\(job.attempt) of \(job.maxAttempts)"])
    table.add(["created", job.createdAt.formatted(.iso8601)])
    if !job.state.isFinal { table.add(["due", job.scheduledAt.formatted(.iso8601)]) }
    if let at = job.attemptedAt { table.add(["last tried", at.formatted(.iso8601)]) }
    if let at = job.finishedAt { table.add(["finished", at.formatted(.iso8601)]) }
    if let run = job.run { table.add(["run", run]) }
    for failure in job.errors {
      table.add(["attempt \(failure.attempt)", failure.message])
    }
    return table.text
  }
}
