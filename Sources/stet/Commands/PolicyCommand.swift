import ArgumentParser
import Domain
import Foundation
import UseCases

struct PolicyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "policy",
    abstract: "Check a repository's rules, explain them, and try them on what was.",
    subcommands: [
      PolicyCheckCommand.self, PolicyExplainCommand.self, PolicyReplayCommand.self,
      PolicySchemaCommand.self,
    ])
}

/// Where a policy is read from.
enum PolicySource {
  static func read(_ path: String, in folder: String?) throws(CommandFailure) -> PolicyFile {
    let bytes = try InputFile.read(path, in: folder, limit: .mebibytes(1), what: "the policy")
    return try read(bytes, name: path)
  }

  static func read(_ bytes: [UInt8], name: String) throws(CommandFailure) -> PolicyFile {
    do {
      return try PolicyReader.read(bytes, file: name)
    } catch {
      throw .misuse("The policy has mistakes:\n\(error)")
    }
  }

  /// A file that is named, else what stands on the default branch.
  static func policy(
    named path: String?, in folder: String?, of repository: RepositoryName, from forge: any Forge
  ) async throws -> PolicyFile {
    if let path { return try read(path, in: folder) }
    let branch: String
    let bytes: [UInt8]?
    do throws(ForgeError) {
      branch = try await forge.defaultBranch(of: repository)
      bytes = try await forge.file(ReviewSubject.policyFile, in: repository, at: branch)
    } catch {
      throw PullRequestSubject.failure(error)
    }
    guard let bytes else {
      throw CommandFailure.misuse(
        "\(repository) has no \(ReviewSubject.policyFile) on \(branch); name a file with --policy.")
    }
    return try read(bytes, name: ReviewSubject.policyFile)
  }
}

struct PolicyCheckCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Read a policy and tell all its mistakes.",
    discussion: "Ends with status 2 where it has any.")

  @Argument(help: "The file; .stet.yml where none is named.")
  var file = ReviewSubject.policyFile
  @Option(name: .customShort("C"), help: ArgumentHelp("Work in this folder.", valueName: "dir"))
  var folder: String?
  @OptionGroup var settingsOptions: SettingsOptions

  func run() async throws {
    let policy = try PolicySource.read(file, in: folder)
    for warning in policy.warnings { Output.notes.tell("stet: \(warning)") }
    let count = policy.shepherd.rules.count
    let stale = policy.shepherd.stale.map { section in
      let kinds = section.kinds.map { $0.rawValue.replacing("_", with: " ") }.sorted()
      let end = section.close.map { ", closed after \(StalePolicy.time($0)) more" } ?? ""
      return "; \(kinds.joined(separator: " and ")) are stale after "
        + StalePolicy.time(section.remind) + end
    }
    try Output.results.line(
      "\(Defanged.forTerminal(file, oneLine: true)): no mistakes; "
        + "\(count) rule\(count == 1 ? "" : "s")" + stale.joined())
  }
}

struct PolicySchemaCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "schema", abstract: "Print the JSON Schema of .stet.yml, for editors.")

  @OptionGroup var settingsOptions: SettingsOptions

  func run() async throws { try Output.results.write(JSONText.of(PolicySchema.document)) }
}

struct PolicyExplainCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain",
    abstract: "Say of a pull request what each rule makes of it, and what is missing to merge it.")

  @Argument(help: "OWNER/REPO#N, or the address of its page.")
  var pullRequest: String?
  @Option(
    help: ArgumentHelp("Facts in a JSON file, in the place of a pull request.", valueName: "file"))
  var facts: String?
  @Option(help: ArgumentHelp("This policy, not the one of the default branch.", valueName: "file"))
  var policy: String?
  @Option(help: ArgumentHelp("As if this had happened.", valueName: "event"))
  var event: String?
  @Option(name: .customShort("C"), help: ArgumentHelp("Work in this folder.", valueName: "dir"))
  var folder: String?
  @Flag(help: "Print JSON.")
  var json = false
  @OptionGroup var settingsOptions: SettingsOptions

  func validate() throws {
    if (pullRequest == nil) == (facts == nil) {
      throw ValidationError("Name a pull request, or a file with --facts.")
    }
    if let event, PolicyEvent(rawValue: event) == nil {
      let known = PolicyEvent.allCases.map(\.rawValue).joined(separator: ", ")
      throw ValidationError("--event \(event) is not known; known are \(known).")
    }
  }

  func run() async throws {
    let wiring = Wiring(try settingsOptions.read())
    let known: (facts: PolicyFacts, policy: ShepherdPolicy)
    do {
      known = try await read(wiring)
    } catch {
      await wiring.close()
      throw error
    }
    await wiring.close()
    let document = PolicyExplanationDocument(known.policy, known.facts)
    if json {
      try Output.results.write(JSONText.of(document))
    } else {
      try Output.results.write(document.text)
    }
  }

  private func read(_ wiring: Wiring) async throws -> (PolicyFacts, ShepherdPolicy) {
    let happened = event.flatMap { PolicyEvent(rawValue: $0) }
    if let factsFile = facts {
      let bytes = try InputFile.read(factsFile, in: folder, limit: .mebibytes(16), what: "--facts")
      var record = try PolicyHistory.facts(bytes, name: factsFile)
      if let happened { record.event = happened }
      return (
        record, try PolicySource.read(policy ?? ReviewSubject.policyFile, in: folder).shepherd
      )
    }
    guard
      let reference = try PullRequestSubject.reference(
        pullRequest ?? "", webURL: wiring.settings.github.webURL)
    else { throw CommandFailure.misuse("Name a pull request as OWNER/REPO#N.") }
    let forge = try await PullRequestSubject.open(reference, wiring.openForge)
    let file = try await PolicySource.policy(
      named: policy, in: folder, of: reference.repository, from: forge)
    var needs = PolicyNeeds(file.shepherd)
    needs.addGate(file.shepherd.merge)
    let review = try await RunsReading.ask {
      try await OwnReviews(publications: wiring.publications, runs: wiring.runs)
        .last(of: reference, on: "github")
    }
    do throws(ForgeError) {
      let facts = try await FactGathering(
        forge: forge, needs: needs, countsOwnAsProgram: false
      ).facts(
        of: reference, event: happened ?? .command, review: review, now: Date())
      return (facts, file.shepherd)
    } catch {
      throw PullRequestSubject.failure(error)
    }
  }
}

struct PolicyReplayCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay",
    abstract: "Try a policy on what was, and tell where people did otherwise.",
    discussion: """
      Give a file of recorded facts, one JSON document to a line, or OWNER/REPO: then the pull \
      requests that were closed last are fetched as they stand, each judged as if it were still \
      open. Nothing is changed on the forge.
      """)

  @Argument(help: "A file of recorded facts, or OWNER/REPO.")
  var history: String
  @Option(
    help: ArgumentHelp("The policy; .stet.yml, or that of the default branch.", valueName: "file"))
  var policy: String?
  @Option(help: ArgumentHelp("Fetch at most this many pull requests.", valueName: "number"))
  var limit = 50
  @Option(name: .customShort("C"), help: ArgumentHelp("Work in this folder.", valueName: "dir"))
  var folder: String?
  @Flag(help: "Print JSON.")
  var json = false
  @OptionGroup var settingsOptions: SettingsOptions

  func validate() throws {
    if !(1...1_000).contains(limit) {
      throw ValidationError("--limit \(limit) must be from 1 to 1000.")
    }
  }

  func run() async throws {
    let settings = try settingsOptions.read()
    var replay = PolicyReplay()
    let path = InputFile.resolved(history, in: folder)
    if let repository = RepositoryName(history), !FileManager.default.fileExists(atPath: path) {
      let wiring = Wiring(settings)
      do {
        try await fetch(repository, wiring, into: &replay)
      } catch {
        await wiring.close()
        throw error
      }
      await wiring.close()
    } else {
      let bytes = try InputFile.read(
        history, in: folder, limit: .mebibytes(256), what: "the history")
      let file = try PolicySource.read(policy ?? ReviewSubject.policyFile, in: folder)
      for record in try PolicyHistory.records(bytes, name: history) {
        replay.add(record, file.shepherd)
      }
    }
    if replay.lines.isEmpty {
      Output.notes.tell(
        "\(Defanged.forTerminal(history, oneLine: true, limit: 200)) has no record of anything "
          + "that ended: there is nothing to try the policy on.")
    }
    if json {
      try Output.results.write(JSONText.of(replay))
    } else {
      try Output.results.write(PolicyReplayText.of(replay))
    }
  }

  private func fetch(
    _ repository: RepositoryName, _ wiring: Wiring, into replay: inout PolicyReplay
  ) async throws {
    let forge = try await PullRequestSubject.open(
      PullRequestReference(repository, 1), wiring.openForge)
    let file = try await PolicySource.policy(
      named: policy, in: folder, of: repository, from: forge)
    do throws(ForgeError) {
      let records = try await PolicyHistory.fetched(
        repository, limit: limit, policy: file.shepherd, from: forge, now: Date())
      for record in records { replay.add(record, file.shepherd) }
    } catch {
      throw PullRequestSubject.failure(error)
    }
  }
}
