import ArgumentParser
import Domain
import Foundation

struct AuditCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit", abstract: "Look at what Stet did outside, and prove the record whole.",
    subcommands: [AuditListCommand.self, AuditVerifyCommand.self])
}

struct AuditListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the audit trail, the oldest entry first.")

  @Option(help: ArgumentHelp("Only entries after this number.", valueName: "number"))
  var after: Int64 = 0
  @Option(help: ArgumentHelp("Show at most this many.", valueName: "number"))
  var limit = 100
  @Flag(help: "Print JSON.")
  var json = false
  @OptionGroup var settingsOptions: SettingsOptions

  func validate() throws {
    if limit < 1 { throw ValidationError("--limit \(limit) must be at least 1.") }
    if after < 0 { throw ValidationError("--after \(after) must not be negative.") }
  }

  func run() async throws {
    let wiring = Wiring(try settingsOptions.read())
    let entries = try await RunsReading.ask {
      try await wiring.audit.entries(after: after, limit: limit)
    }
    await wiring.close()
    if json {
      try Output.results.write(JSONText.of(entries))
    } else if entries.isEmpty {
      Output.notes.tell(
        after == 0 ? "Nothing was done outside yet." : "There is no entry after \(after).")
    } else {
      var table = TextTable(columns: 6)
      for entry in entries {
        let event = entry.event
        let facts = event.facts.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        table.add([
          "\(entry.number)", entry.at.formatted(.iso8601), event.actor, event.action, event.place,
          ([event.decidedBy].filter { !$0.isEmpty } + facts).joined(separator: " "),
        ])
      }
      try Output.results.write(table.text)
    }
  }
}

struct AuditVerifyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Check that no entry was changed, taken out or put in.",
    discussion: """
      Each entry holds the hash of the one before. Keep the printed hash elsewhere: with it you \
      can also tell that nothing was cut off the end. Ends with status 3 where the chain is broken.
      """)

  @Flag(help: "Print JSON.")
  var json = false
  @OptionGroup var settingsOptions: SettingsOptions

  private struct Answer: Encodable {
    var entries: Int64
    var head: String
    var brokenAt: Int64?
    enum CodingKeys: String, CodingKey {
      case entries, head
      case brokenAt = "broken_at"
    }
  }

  func run() async throws {
    let wiring = Wiring(try settingsOptions.read())
    let found = try await RunsReading.ask { try await wiring.audit.verify() }
    await wiring.close()
    if json {
      try Output.results.write(
        JSONText.of(Answer(entries: found.entries, head: found.head, brokenAt: found.brokenAt)))
    } else if found.brokenAt == nil {
      try Output.results.line("\(found.entries) entries, unbroken; the last hash is \(found.head)")
    }
    if let number = found.brokenAt {
      throw CommandFailure.failed(
        "The audit trail is broken at entry \(number): it, or the one before it, was changed, "
          + "taken out or put in. Compare with a backup.")
    }
  }
}
