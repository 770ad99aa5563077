import Domain
import Foundation
import Jobs
import Logging
import UseCases

/// `stet review --as USER`: a change held before a learned reviewer, or, with `--post`, what a worker
/// does for a comment, done once by hand.
struct LikenessReviewing {
  let options: ReviewOptions
  let wiring: Wiring
  let user: String

  /// - Returns: `nil` where it was published.
  func run() async throws -> ReviewChange.Outcome? {
    let model = try wiring.model()
    do {
      if options.post {
        try await post(model)
        return nil
      }
      let subject = try await ReviewSubject.read(
        options, wiring.settings, forge: wiring.openForge)
      for note in subject.notes { Output.notes.tell("stet: \(note)") }
      let repository = try options.pullRequest(wiring.settings)?.repository
      let reviewer = try await ReviewerChoice.find(user, in: repository, wiring)
      try await checkConsent(of: reviewer)
      return try await ReviewDiffAs(ports: wiring.learning(model: model), syntax: wiring.syntax)
        .run(
          .init(
            reviewer: reviewer, diff: subject.diff, subject: subject.title, askedBy: "cli",
            tone: options.tone, policy: subject.policy))
    } catch let failure as JobFailure {
      throw failure.isFinal
        ? CommandFailure.misuse(failure.message) : CommandFailure.failed(failure.message)
    } catch let error as StoreError {
      throw CommandFailure(error)
    }
  }

  /// Nobody speaks as a person who took their consent back, not at the machine either.
  private func checkConsent(of reviewer: LearnedReviewer) async throws {
    let identity = reviewer.identity
    guard try await wiring.consents.consent(of: identity)?.isGiven == false else { return }
    let (login, place) = (identity.user.login, identity.repository)
    throw CommandFailure.misuse(
      "\(login) does not agree any more to be learned in \(place). `stet reviewer forget \(login) "
        + "\(place)` takes away what was learned; where they agree again, they say @"
        + "\(wiring.settings.service.mention) agree there, or `stet reviewer consent \(place) "
        + "\(login)` records it.")
  }

  private func post(_ model: (any LanguageModel)?) async throws {
    guard let reference = try options.pullRequest(wiring.settings) else {
      throw CommandFailure.misuse("--post publishes on a pull request: give OWNER/REPO#N.")
    }
    _ = try await PullRequestSubject.open(reference, wiring.openForge)
    let reviewer = try await ReviewerChoice.find(user, in: reference.repository, wiring)
    try await checkConsent(of: reviewer)
    let now = Date()
    let work = Work.ReviewAs(
      access: ForgeAccess(forge: "github", repository: reference.repository),
      reference: reference, user: reviewer.identity.user, tone: options.tone, asker: nil,
      askedBy: "cli", run: TimeOrderedID.next(now))
    var ports = wiring.learning(model: model)
    // What was learned is taken as it is: `stet reviewer train` brings it up to date.
    ports.settings.freshness = .seconds(Int64.max >> 8)
    let job = Job(
      id: "by-hand", kind: Work.ReviewAs.kind, arguments: try work.json(), state: .running,
      uniqueKey: nil, supersedeKey: nil, priority: 0, attempt: 1, maxAttempts: 1, createdAt: now,
      scheduledAt: now, attemptedAt: now, finishedAt: nil, errors: [], cancelRequested: false,
      run: work.run)
    let outcome = try await ReviewAs(ports: ports, syntax: wiring.syntax).run(
      work, JobContext(job: job, logger: wiring.logger))
    switch outcome {
    case .completed:
      for action in try await wiring.runs.run(id: work.run)?.actions ?? [] {
        Output.notes.tell("stet: \(action.name) on \(action.place)")
      }
    case .cancelled(let reason):
      throw CommandFailure.misuse("\(reference) was not reviewed: \(reason)")
    case .snoozed(_, let because):
      throw CommandFailure.failed(
        "\(reference) cannot be reviewed now: \(because ?? "try again later.")")
    }
  }
}

/// Finds a learned reviewer by what a person types.
enum ReviewerChoice {
  /// - Parameter repository: `nil`: wherever there is one of that login alone.
  static func find(
    _ user: String, in repository: RepositoryName?, _ wiring: Wiring
  ) async throws -> LearnedReviewer {
    let login = user.hasPrefix("@") ? String(user.dropFirst()) : user
    let shown = Defanged.forTerminal(login, oneLine: true, limit: 80)
    let found = try await RunsReading.ask {
      try await wiring.reviewers.reviewers(of: repository).filter {
        $0.gatheredAt != nil && $0.identity.user.login.lowercased() == login.lowercased()
      }
    }
    if found.count == 1, let reviewer = found.first { return reviewer }
    let place = repository.map { " in \($0)" } ?? ""
    if found.isEmpty {
      throw CommandFailure.misuse(
        "Nobody called \(shown) is learned\(place); `stet reviewer list` shows who is, and `stet "
          + "reviewer train OWNER/REPO USER` learns somebody.")
    }
    throw CommandFailure.misuse(
      "\(shown) is learned in \(found.map { "\($0.identity.repository)" }.joined(separator: ", ")); "
        + "name a pull request of the one that you mean, OWNER/REPO#N.")
  }
}
