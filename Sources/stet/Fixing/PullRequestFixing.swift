import Domain
import Foundation
import Jobs
import UseCases

/// `stet fix OWNER/REPO#N`: what a worker does for a comment, done once by hand.
struct PullRequestFixing {
  let options: FixOptions
  let wiring: Wiring

  func run(
    _ reference: PullRequestReference, progress: @escaping @Sendable (String) -> Void
  ) async throws -> FixDocument {
    // Credentials that are missing or broken are wrong settings, not a fix that failed.
    _ = try await PullRequestSubject.open(reference, wiring.openForge)
    let id = TimeOrderedID.next(Date())
    let outcome: JobOutcome
    do {
      outcome = try await wiring.fixPullRequest(model: try wiring.model(), queued: false).run(
        Work.FixPullRequest(
          access: ForgeAccess(forge: "github", repository: reference.repository),
          reference: reference, askedBy: "cli", run: id, paths: options.paths,
          publishes: options.push), progress: progress)
    } catch let failure as JobFailure {
      throw failure.isFinal
        ? CommandFailure.misuse(failure.message) : CommandFailure.failed(failure.message)
    }
    switch outcome {
    case .completed: break
    case .cancelled(let reason):
      throw CommandFailure.failed("\(reference) was not fixed: \(reason).")
    case .snoozed(let wait, _):
      throw CommandFailure.failed(
        "\(reference) cannot be fixed now; try again in \(wait.components.seconds) s.")
    }
    let run = try await RunsReading.ask { try await wiring.runs.run(id: id) }
    guard let run, let result = run.result,
      let document = try? JSONDecoder().decode(
        FixDocument.self, from: JSONEncoder().encode(result))
    else {
      throw CommandFailure.failed("The fix of \(reference) has left no record.")
    }
    for action in run.actions ?? [] {
      Output.notes.tell("stet: \(action.name) on \(action.place)")
    }
    if run.outcome == .failed {
      Output.notes.tell("stet: \(Defanged.forTerminal(run.failure ?? "it failed", oneLine: true))")
    }
    return document
  }
}
