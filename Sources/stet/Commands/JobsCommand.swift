public import ArgumentParser
import Domain
import Foundation
public import Jobs
import UseCases

extension JobState: ExpressibleByArgument {}

struct JobsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "jobs", abstract: "Look at the work in the background, and steer it.",
    subcommands: [
      JobsListCommand.self, JobsShowCommand.self, JobsRetryCommand.self, JobsCancelCommand.self,
      JobsStatsCommand.self, JobsSchedulesCommand.self,
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
          "\(job.attempt)/\(job.maxAttempts)", job.kind, JobsReading.remark(job),
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
    let (found, steps) = try await RunsReading.ask {
      let found = try await JobsReading.find(job, in: wiring.jobs)
      return (found, try await wiring.jobs.steps(of: found.id))
    }
    await wiring.close()
    try Output.results.write(
      json ? JSONText.of(found) : JobsReading.text(found, steps: steps.keys.sorted()))
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

  /// Why it stands where it does, in one line.
  static func remark(_ job: Job) -> String {
    if !job.state.isFinal, !Work.kinds.contains(job.kind) { return unknown }
    if job.blockers > 0 { return "waits for \(job.blockers) other jobs" }
    return job.note ?? job.errors.last?.message ?? ""
  }

  static let unknown = "no worker of this version knows this kind"

  static func text(_ job: Job, steps: [String] = []) -> String {
    var table = TextTable(columns: 2)
    table.add(["job", job.id])
    let isKnown = Work.kinds.contains(job.kind)
    table.add(["kind", isKnown ? job.kind : "\(job.kind) (\(unknown))"])
    if job.version != 1 { table.add(["form", "\(job.version)"]) }
    table.add(["state", job.state.rawValue + (job.cancelRequested ? ", asked to stop" : "")])
    table.add(["attempt", "\(job.attempt) of \(job.maxAttempts)"])
    table.add(["created", job.createdAt.formatted(.iso8601)])
    if !job.state.isFinal { table.add(["due", job.scheduledAt.formatted(.iso8601)]) }
    if let at = job.attemptedAt { table.add(["last tried", at.formatted(.iso8601)]) }
    if let at = job.finishedAt { table.add(["finished", at.formatted(.iso8601)]) }
    if let run = job.run { table.add(["run", run]) }
    if let group = job.group { table.add(["group", group]) }
    for limit in job.limits { table.add(["limit", text(limit)]) }
    if job.blockers > 0 { table.add(["needs", "\(job.blockers) unfinished jobs"]) }
    if let note = job.note { table.add(["note", note]) }
    for step in steps { table.add(["step done", step]) }
    for failure in job.errors {
      table.add(["attempt \(failure.attempt)", failure.message])
    }
    return table.text
  }

  private static func text(_ limit: JobLimit) -> String {
    var parts: [String] = []
    if let most = limit.concurrency { parts.append("\(most) at once") }
    if let rate = limit.rate { parts.append("\(rate) in \(Int(limit.seconds)) s") }
    return "\(limit.key): \(parts.joined(separator: ", "))"
  }
}
