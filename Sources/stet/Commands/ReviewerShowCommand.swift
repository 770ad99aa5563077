import ArgumentParser
import Domain
import Foundation
import Jobs
import UseCases

struct ReviewerListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List learned reviewers.")

  @Argument(help: "Only of this repository, as OWNER/REPO.")
  var repository: String?
  @Flag(help: "Print JSON.")
  var json = false
  @OptionGroup var settingsOptions: SettingsOptions

  func run() async throws {
    let name = repository.flatMap(RepositoryName.init)
    guard repository == nil || name != nil else {
      throw CommandFailure.misuse("Name the repository as OWNER/REPO.")
    }
    let wiring = Wiring(try settingsOptions.read())
    let found = try await RunsReading.ask { try await wiring.reviewers.reviewers(of: name) }
    await wiring.close()
    if json {
      try Output.results.write(JSONText.of(found))
    } else if found.isEmpty {
      Output.notes.tell("Nobody is learned; `stet reviewer train OWNER/REPO USER` learns somebody.")
    } else {
      try Output.results.write(ReviewerText.list(found))
    }
  }
}

struct ReviewerShowCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Show what a likeness was learned from, and how near it comes to the person.",
    discussion: """
      The fidelity is measured on later comments of other pull requests than those it was learned \
      from. With --pairs a model is asked about as many held-out hunks, and --page writes them side \
      by side, in the person's own words: it is for those who may read these.
      """)

  @Argument(help: "The person's login.")
  var user: String
  @Argument(help: "The repository, as OWNER/REPO; needed where the person is learned in several.")
  var repository: String?
  @Option(help: ArgumentHelp("Ask about so many held-out hunks.", valueName: "number"))
  var pairs = 0
  @Flag(help: "Ask the bare model instead, without examples and adapter, to compare with.")
  var bare = false
  @Option(help: ArgumentHelp("Write a page of the pairs to this file.", valueName: "file"))
  var page: String?
  @Flag(help: "Print JSON.")
  var json = false
  @OptionGroup var settingsOptions: SettingsOptions

  func validate() throws {
    guard (0...1_000).contains(pairs) else {
      throw ValidationError("--pairs \(pairs) must be from 0 to 1000.")
    }
    if page != nil, pairs == 0 {
      throw ValidationError("--page shows pairs: give --pairs too, such as --pairs 20.")
    }
  }

  private struct Shown: Encodable {
    var reviewer: LearnedReviewer
    var fidelity: Fidelity
  }

  func run() async throws {
    let name = repository.flatMap(RepositoryName.init)
    guard repository == nil || name != nil else {
      throw CommandFailure.misuse("Name the repository as OWNER/REPO.")
    }
    if let page { try ResultFile.check(page, option: "--page") }
    let wiring = Wiring(try settingsOptions.read())
    let line = ProgressLine(terminal: Terminal(environment: wiring.settings.environment))
    let reviewer: LearnedReviewer
    let fidelity: Fidelity
    do {
      reviewer = try await ReviewerChoice.find(user, in: name, wiring)
      let model = pairs > 0 ? try wiring.model() : nil
      fidelity = try await MeasureFidelity(ports: wiring.learning(model: model)).run(
        .init(reviewer: reviewer, questions: pairs, isLearned: !bare)
      ) { line.show($0) }
      line.end()
      await wiring.close()
    } catch {
      line.end()
      await wiring.close()
      if let failure = error as? JobFailure { throw CommandFailure.misuse(failure.message) }
      if let error = error as? StoreError { throw CommandFailure(error) }
      throw error
    }
    if let page { try ResultFile.write(FidelityText.page(fidelity), to: page) }
    if json {
      try Output.results.write(JSONText.of(Shown(reviewer: reviewer, fidelity: fidelity)))
    } else {
      try Output.results.write(
        ReviewerText.one(reviewer)
          + Defanged.forTerminal(FidelityText.plain(fidelity), oneLine: false, limit: 20_000))
    }
  }
}

struct ReviewerForgetCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "forget",
    abstract: "Forget what was learned of a person: examples, vectors, adapters, consent.",
    discussion: """
      The person may say so themselves with @stet forget me. Comments that a likeness has posted \
      stay on their pull requests; the audit trail keeps that somebody was forgotten.
      """)

  @Argument(help: "The person's login, as it was when they were learned.")
  var user: String
  @Argument(help: "Only in this repository, as OWNER/REPO.")
  var repository: String?
  @OptionGroup var settingsOptions: SettingsOptions

  func run() async throws {
    let name = repository.flatMap(RepositoryName.init)
    guard repository == nil || name != nil else {
      throw CommandFailure.misuse("Name the repository as OWNER/REPO.")
    }
    let login = user.hasPrefix("@") ? String(user.dropFirst()) : user
    let wiring = Wiring(try settingsOptions.read())
    let forgotten: ForgottenReviewers
    do {
      forgotten = try await RunsReading.ask {
        try await wiring.forgetReviewer.forget(login: login, in: name, by: "cli")
      }
      await wiring.close()
    } catch {
      await wiring.close()
      throw error
    }
    let shown = Defanged.forTerminal(login, oneLine: true, limit: 80)
    if let remains = forgotten.remains { Output.notes.tell("stet: \(remains)") }
    let count = forgotten.count
    if count == 0, forgotten.stopped > 0 {
      Output.notes.tell("Nothing was learned of \(shown) yet; what was about to be was stopped.")
      return
    }
    guard count > 0 else {
      throw CommandFailure.misuse(
        "Nobody called \(shown) is learned\(name.map { " in \($0)" } ?? "").")
    }
    Output.notes.tell(
      "Forgot \(shown) in \(count == 1 ? "one repository" : "\(count) repositories").")
  }
}
