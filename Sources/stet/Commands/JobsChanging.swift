import ArgumentParser
import Domain
import Jobs

struct JobsRetryCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "retry",
    abstract: "Have discarded, cancelled or waiting jobs tried again now.",
    discussion: "Give one job, or --all with what to choose by; --all alone takes the discarded.")

  @Argument(help: "The job, or the first letters of it.")
  var job: String?
  @Flag(help: "Every job that --state and --kind choose.")
  var all = false
  @Option(
    help: ArgumentHelp(
      "Beside --all, only those in this state; by default discarded. May be repeated.",
      valueName: "state"))
  var state: [JobState] = []
  @Option(help: ArgumentHelp("Beside --all, only jobs of this kind.", valueName: "kind"))
  var kind: String?
  @OptionGroup var settingsOptions: SettingsOptions

  private static let retried: Set<JobState> = [.discarded, .cancelled, .retryable, .scheduled]

  func validate() throws {
    if all == (job != nil) { throw ValidationError("Give a job, or --all.") }
    if !all, !state.isEmpty || kind != nil {
      throw ValidationError("--state and --kind choose among --all.")
    }
    if let other = state.first(where: { !Self.retried.contains($0) }) {
      throw ValidationError(
        "--state \(other.rawValue): only discarded, cancelled, retryable and scheduled jobs can be "
          + "tried again.")
    }
  }

  func run() async throws {
    let wiring = Wiring(try settingsOptions.read())
    try await RunsReading.ask {
      if let job { try await retry(job, wiring) } else { try await retryAll(wiring) }
    }
    await wiring.close()
  }

  private func retry(_ job: String, _ wiring: Wiring) async throws {
    let found = try await JobsReading.find(job, in: wiring.jobs)
    let after = try await wiring.jobs.retry(id: found.id)
    guard Self.retried.contains(found.state), let after, !after.state.isFinal else {
      throw CommandFailure.misuse(
        "The job \(found.id) is \(found.state.rawValue); only a discarded, cancelled or "
          + "waiting one can be tried again.")
    }
    try await wiring.audit.append(
      AuditEvent(actor: "cli", action: "job.retried", place: "job:\(found.id)", job: found.id))
    Output.notes.tell("The job \(found.id) will be tried again.")
  }

  private func retryAll(_ wiring: Wiring) async throws {
    let states = state.isEmpty ? [.discarded] : state
    let count = try await wiring.jobs.retryAll(JobFilter(states: states, kind: kind))
    var facts = ["count": "\(count)", "state": states.map(\.rawValue).joined(separator: ",")]
    if let kind { facts["kind"] = kind }
    try await wiring.audit.append(
      AuditEvent(actor: "cli", action: "jobs.retried", place: "jobs", facts: facts))
    Output.notes.tell("\(count) job\(count == 1 ? "" : "s") will be tried again.")
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
