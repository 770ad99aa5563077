import ArgumentParser
import Domain
import Foundation
import UseCases

struct ReviewerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reviewer", abstract: "Look after reviewers that are learned from people.",
    subcommands: [
      ReviewerTrainCommand.self, ReviewerListCommand.self, ReviewerShowCommand.self,
      ReviewerForgetCommand.self, ReviewerConsentCommand.self, ReviewerImportTokensCommand.self,
    ])
}

struct ReviewerConsentCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "consent",
    abstract: "Record that a person agreed to be learned in a repository, or no longer does.",
    discussion: """
      People say it themselves on the forge with @stet agree and @stet disagree; this is for those \
      who said it elsewhere. Only people who agreed are learned when others ask.
      """)

  @Argument(help: "The repository, as OWNER/REPO.")
  var repository: String
  @Argument(help: "The person's login.")
  var user: String
  @Flag(help: "The person does not agree, or no longer.")
  var withdraw = false
  @OptionGroup var settingsOptions: SettingsOptions

  func run() async throws {
    guard let name = RepositoryName(repository) else {
      throw CommandFailure.misuse("Name the repository as OWNER/REPO.")
    }
    let wiring = Wiring(try settingsOptions.read())
    do {
      try await record(name, wiring)
      await wiring.close()
    } catch {
      await wiring.close()
      if let error = error as? ForgeError { throw PullRequestSubject.failure(error) }
      throw error
    }
  }

  private func record(_ name: RepositoryName, _ wiring: Wiring) async throws {
    let access = ForgeAccess(forge: "github", repository: name)
    let account = try await ReviewerAccount.find(user, access, wiring)
    try await RunsReading.ask {
      try await wiring.prepareKey()
      try await wiring.consents.save(
        ReviewerConsent(
          identity: ReviewerIdentity(forge: access.forge, repository: name, user: account),
          isGiven: !withdraw, at: Date(), by: "stet reviewer consent"))
      _ = try await wiring.audit.append(
        AuditEvent(
          actor: "cli", action: withdraw ? "consent.withdrawn" : "consent.given",
          place: "\(access.forge):\(name)", facts: ["account": "\(account.id)"]))
    }
    Output.notes.tell(
      withdraw
        ? "Recorded: \(account.login) is not to be learned in \(name)."
        : "Recorded: \(account.login) agreed to be learned in \(name).")
  }
}
