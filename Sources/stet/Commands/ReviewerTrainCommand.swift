import ArgumentParser
import Domain
import Foundation
import Jobs
import UseCases

struct ReviewerTrainCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Learn a person from their review comments in a repository, or bring it up to date.",
    discussion: """
      Only a person who agreed is learned: see stet reviewer consent. What is read of the forge is \
      kept encrypted until the end and then deleted; chosen examples stay, encrypted. With enough \
      of them, and where a trainer is set, an adapter is trained too, which a worker does.
      """)

  @Argument(help: "The repository, as OWNER/REPO.")
  var repository: String
  @Argument(help: "The person's login.")
  var user: String
  @Flag(help: "Read everything again, not only what is new.")
  var forceReload = false
  @OptionGroup var settingsOptions: SettingsOptions

  func run() async throws {
    guard let name = RepositoryName(repository) else {
      throw CommandFailure.misuse("Name the repository as OWNER/REPO.")
    }
    let wiring = Wiring(try settingsOptions.read())
    do {
      try await learn(name, wiring)
      await wiring.close()
    } catch {
      await wiring.close()
      switch error {
      case let error as ForgeError: throw PullRequestSubject.failure(error)
      case let error as StoreError: throw CommandFailure(error)
      case let failure as JobFailure:
        throw failure.isFinal
          ? CommandFailure.misuse(failure.message) : CommandFailure.failed(failure.message)
      default: throw error
      }
    }
  }

  private func learn(_ name: RepositoryName, _ wiring: Wiring) async throws {
    let access = ForgeAccess(forge: "github", repository: name)
    let account = try await ReviewerAccount.find(user, access, wiring)
    let identity = ReviewerIdentity(forge: access.forge, repository: name, user: account)
    try await wiring.prepareKey()
    guard try await wiring.consents.consent(of: identity)?.isGiven == true else {
      throw CommandFailure.misuse(
        "\(account.login) has not agreed to be learned in \(name): let them say @"
          + "\(wiring.settings.service.mention) agree on a pull request there, or record it with "
          + "`stet reviewer consent \(name) \(account.login)`.")
    }
    let line = ProgressLine(terminal: Terminal(environment: wiring.settings.environment))
    defer { line.end() }
    let outcome = try await LearnReviewer(ports: wiring.learning(model: nil)).run(
      Work.LearnReviewer(
        access: access, user: account, asker: nil, askedBy: "cli", forceReload: forceReload,
        run: TimeOrderedID.next(Date())),
      job: nil
    ) { line.show($0) }
    line.end()
    switch outcome {
    case .completed: break
    case .cancelled(let reason): throw CommandFailure.failed("\(account.login): \(reason).")
    case .snoozed(let wait, let because):
      throw CommandFailure.failed(
        "\(because ?? "The forge does not answer now.") Run it again in "
          + "\(wait.components.seconds) s: it goes on where it stands.")
    }
    guard let reviewer = try await wiring.reviewers.reviewer(identity) else { return }
    try Output.results.write(ReviewerText.one(reviewer))
  }
}

/// Whom a login on the command line means.
enum ReviewerAccount {
  static func find(
    _ user: String, _ access: ForgeAccess, _ wiring: Wiring
  ) async throws -> ForgeAccount {
    let login = user.hasPrefix("@") ? String(user.dropFirst()) : user
    let forge = try await wiring.openForge(access)
    guard let account = try await forge.account(login: login) else {
      throw CommandFailure.misuse(
        "There is nobody called \(Defanged.forTerminal(login, oneLine: true, limit: 80)) on "
          + "GitHub; who has taken another name is known by that one.")
    }
    guard !account.isBot else {
      throw CommandFailure.misuse("\(account.login) is a program; only people are learned.")
    }
    return account
  }
}

/// Learned reviewers as text. No word of the person stands in it.
enum ReviewerText {
  static func list(_ reviewers: [LearnedReviewer]) -> String {
    var table = TextTable(columns: 6)
    for reviewer in reviewers {
      table.add([
        reviewer.identity.user.login, "\(reviewer.identity.repository)",
        "\(reviewer.comments) comments", "\(reviewer.silences) silences",
        reviewer.adapter.map { "\($0)" } ?? "by examples",
        reviewer.gatheredAt.map { $0.formatted(.iso8601) } ?? "not read yet",
      ])
    }
    return table.text
  }

  static func one(_ reviewer: LearnedReviewer) -> String {
    var table = TextTable(columns: 2)
    table.add(["reviewer", reviewer.identity.user.login])
    table.add(["repository", "\(reviewer.identity.repository)"])
    table.add(["examples", "\(reviewer.comments) comments, \(reviewer.silences) silences"])
    let dropped = DroppedComments.words(reviewer.dropped)
    if !dropped.isEmpty { table.add(["left out", dropped]) }
    if let until = reviewer.readUntil { table.add(["read until", until.formatted(.iso8601)]) }
    if let calibration = reviewer.calibration {
      let how =
        calibration.hunks == 0
        ? "as usual" : "fitted to \(calibration.hunks) held-out hunks"
      table.add([
        "speaks", "from a probability of \(FidelityText.number(calibration.threshold)) on, \(how)",
      ])
    }
    table.add(["voice", reviewer.adapter.map { "the adapter \($0)" } ?? "examples"])
    if let note = reviewer.note { table.add(["note", note]) }
    for training in reviewer.trainings {
      table.add([
        "trained",
        "\(training.name) on \(training.base) by \(training.trainer), "
          + "\(training.at.formatted(.iso8601)): \(training.verdict)",
      ])
    }
    return table.text
  }
}
