import Domain
import Foundation
import Jobs
import UseCases

/// `stet review OWNER/REPO#N --post`: what a server does for an event, done once by hand.
struct PostedReviewing {
  let options: ReviewOptions
  let wiring: Wiring

  func run() async throws -> ReviewChange.Outcome {
    guard let reference = try options.pullRequest(wiring.settings) else {
      throw CommandFailure.misuse("--post publishes on a pull request: give OWNER/REPO#N.")
    }
    // Credentials that are missing or broken are wrong settings, not a review that failed.
    _ = try await PullRequestSubject.open(reference, wiring.openForge)
    let id = TimeOrderedID.next(Date())
    let outcome: JobOutcome
    do {
      outcome = try await wiring.reviewPullRequest(
        model: try wiring.model(), usesCache: !options.noCache,
        callDeadline: options.timeout.map { .seconds($0) }
      ).run(
        Work.ReviewPullRequest(
          access: ForgeAccess(forge: "github", repository: reference.repository),
          reference: reference, askedBy: "cli", run: id, isAskedFor: true))
    } catch let failure as JobFailure {
      // What no later try would mend is for the user to mend.
      throw failure.isFinal
        ? CommandFailure.misuse(failure.message) : CommandFailure.failed(failure.message)
    }
    switch outcome {
    case .completed: return try await published(id, reference)
    case .cancelled(let reason):
      throw CommandFailure.misuse("\(reference) was not reviewed: \(reason).")
    case .snoozed(let wait, _):
      throw CommandFailure.failed(
        "\(reference) cannot be reviewed now; try again in \(wait.components.seconds) s.")
    }
  }

  private func published(
    _ id: String, _ reference: PullRequestReference
  ) async throws -> ReviewChange.Outcome {
    let run = try await RunsReading.ask { try await wiring.runs.run(id: id) }
    guard let run, let review = run.review else {
      throw CommandFailure.failed(
        "The review of \(reference) is posted, but its record cannot be found.")
    }
    for action in run.actions ?? [] {
      Output.notes.tell("stet: \(action.name) on \(action.place)")
    }
    return ReviewChange.Outcome(
      review: review,
      modelFailure: run.outcome == .failed
        ? ModelError(code: .unavailable, detail: run.failure ?? "it did not answer") : nil,
      storeFailure: nil)
  }
}
