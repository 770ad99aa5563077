import ArgumentParser
import Domain
import Foundation
import Sandbox

struct HistoryCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "history", abstract: "Look at the rounds that a folder holds, and go back.",
    subcommands: [
      HistoryListCommand.self, HistoryDiffCommand.self, HistoryRollbackCommand.self,
    ], defaultSubcommand: HistoryListCommand.self)
}

struct HistoryListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the rounds of a folder, the newest first.")

  @Argument(
    help: ArgumentHelp("The folder; the current one without it.", valueName: "dir"),
    completion: .directory)
  var folder: String = "."
  @Option(help: ArgumentHelp("Show at most this many.", valueName: "number"))
  var limit = 50
  @Flag(help: "Print JSON.")
  var json = false
  @OptionGroup var settingsOptions: SettingsOptions

  func validate() throws {
    if limit < 1 { throw ValidationError("--limit \(limit) must be at least 1.") }
  }

  func run() async throws {
    let history = Wiring(try settingsOptions.read()).history(folder)
    let entries = try await HistoryFailure.ask { () async throws(HistoryError) in
      try await history.entries(limit: limit)
    }
    if json {
      try Output.results.write(JSONText.of(entries))
    } else if entries.isEmpty {
      Output.notes.tell(
        "There are no rounds in \(folder) yet; `stet generate --into` makes them.")
    } else {
      for entry in entries { try Output.results.line(HistoryFailure.line(entry)) }
    }
  }
}

struct HistoryDiffCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff", abstract: "Show what changed from one round to another.")

  @Argument(help: "The commit to begin with.")
  var from: String
  @Argument(help: "The commit to end with; the newest without it.")
  var to: String = "HEAD"
  @Option(
    name: [.customShort("C")],
    help: ArgumentHelp("Work in this folder instead of the current one.", valueName: "dir"),
    completion: .directory)
  var folder: String?
  @OptionGroup var settingsOptions: SettingsOptions

  func run() async throws {
    let history = Wiring(try settingsOptions.read()).history(folder ?? ".")
    let bytes = try await HistoryFailure.ask { () async throws(HistoryError) in
      try await history.difference(from: from, to: to)
    }
    let text = String(decoding: bytes, as: UTF8.self)
    try Output.results.write(GenerationText.shown(text))
  }
}

struct HistoryRollbackCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rollback",
    abstract: "Restore the files of a round, in a new commit.",
    discussion: "Only files that rounds have written are touched.")

  @Argument(help: "The commit to go back to.")
  var commit: String
  @Option(
    name: [.customShort("C")],
    help: ArgumentHelp("Work in this folder instead of the current one.", valueName: "dir"),
    completion: .directory)
  var folder: String?
  @Flag(help: "Print JSON.")
  var json = false
  @OptionGroup var settingsOptions: SettingsOptions

  func run() async throws {
    let history = Wiring(try settingsOptions.read()).history(folder ?? ".")
    let entry = try await HistoryFailure.ask { () async throws(HistoryError) in
      try await history.rollBack(to: commit)
    }
    if json {
      try Output.results.write(JSONText.of(entry))
    } else {
      try Output.results.line(HistoryFailure.line(entry))
    }
  }
}

enum HistoryFailure {
  static func ask<Answer: Sendable>(
    _ body: () async throws(HistoryError) -> Answer
  ) async throws -> Answer {
    do throws(HistoryError) {
      return try await body()
    } catch {
      switch error.code {
      case .failed: throw CommandFailure.failed(error.detail)
      case .conflict, .unknown, .unavailable: throw CommandFailure.misuse(error.detail)
      }
    }
  }

  static func line(_ entry: HistoryEntry) -> String {
    let day = entry.at.formatted(.iso8601)
    let subject = Defanged.forTerminal(entry.subject, oneLine: true, limit: 160)
    let run = entry.run.map { "  run " + Defanged.forTerminal($0, oneLine: true, limit: 60) } ?? ""
    return "\(entry.commit.prefix(12))  \(day)  \(subject)\(run)"
  }
}
