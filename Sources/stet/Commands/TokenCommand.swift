public import ArgumentParser
public import Domain
import Foundation
import Server

extension APIToken.Scope: ExpressibleByArgument {}

struct TokenCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "token", abstract: "Make, list and revoke tokens for the API.",
    subcommands: [
      TokenCreateCommand.self, TokenListCommand.self, TokenRevokeCommand.self,
    ])
}

struct TokenCreateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "create",
    abstract: "Make a token and print it, once; only its hash is kept.",
    discussion: """
      The first token closes the API: from then on every call needs one, on this machine too.
      """)

  @Argument(help: "What the token is for, in a few words.")
  var name: String
  @Option(help: "What it may be used for: read, write or admin; each includes those before it.")
  var scope: APIToken.Scope = .write
  @Option(help: ArgumentHelp("Days until it expires; 0 for never.", valueName: "days"))
  var days = 90
  @Flag(help: "Print JSON.")
  var json = false
  @OptionGroup var settingsOptions: SettingsOptions

  func validate() throws {
    if !(0...3650).contains(days) {
      throw ValidationError("--days \(days) must be from 0 to 3650.")
    }
    if name.isEmpty || name.count > 100 {
      throw ValidationError("The name must have 1 to 100 characters.")
    }
  }

  private struct Made: Encodable {
    var id: String
    var name: String
    var scope: APIToken.Scope
    var expires: Date?
    var token: String
  }

  func run() async throws {
    let wiring = Wiring(try settingsOptions.read())
    let now = Date()
    let text = TokenText.make()
    let token = APIToken(
      id: TimeOrderedID.next(now), name: name, scope: scope, hash: TokenText.hash(text),
      createdAt: now, expiresAt: days == 0 ? nil : now.addingTimeInterval(Double(days) * 86_400))
    try await RunsReading.ask {
      try await wiring.tokens.save(token)
      try await wiring.audit.append(
        AuditEvent(
          actor: "cli", action: "token.created", place: "token:\(token.id)",
          facts: ["scope": scope.rawValue, "days": "\(days)"]))
    }
    await wiring.close()
    if json {
      try Output.results.write(
        JSONText.of(
          Made(id: token.id, name: name, scope: scope, expires: token.expiresAt, token: text)))
    } else {
      try Output.results.line(text)
      Output.notes.tell(
        "Keep it now: it is not shown again. Send it as Authorization: Bearer TOKEN.")
    }
  }
}

struct TokenListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List tokens; what they are is not kept, so it is not shown.")

  @Flag(help: "Print JSON.")
  var json = false
  @OptionGroup var settingsOptions: SettingsOptions

  private struct Row: Encodable {
    var id: String
    var name: String
    var scope: APIToken.Scope
    var created: Date
    var expires: Date?
    var state: String
  }

  func run() async throws {
    let wiring = Wiring(try settingsOptions.read())
    let tokens = try await RunsReading.ask { try await wiring.tokens.tokens() }
    await wiring.close()
    let now = Date()
    let rows = tokens.map { token in
      Row(
        id: token.id, name: token.name, scope: token.scope, created: token.createdAt,
        expires: token.expiresAt,
        state: token.revokedAt != nil ? "revoked" : token.isValid(at: now) ? "valid" : "expired")
    }
    if json {
      try Output.results.write(JSONText.of(rows))
    } else if rows.isEmpty {
      Output.notes.tell("There are no tokens; `stet token create NAME` makes one.")
    } else {
      var table = TextTable(columns: 5)
      for row in rows {
        table.add([
          row.id, row.scope.rawValue, row.state,
          row.expires.map { "until \($0.formatted(.iso8601))" } ?? "for ever", row.name,
        ])
      }
      try Output.results.write(table.text)
    }
  }
}

struct TokenRevokeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "revoke", abstract: "Take a token back; a running server notices within seconds.")

  @Argument(help: "The token's id, as `stet token list` shows it, or the first letters of it.")
  var id: String
  @OptionGroup var settingsOptions: SettingsOptions

  func run() async throws {
    let wiring = Wiring(try settingsOptions.read())
    let wanted = id.lowercased()
    try await RunsReading.ask {
      let matches = try await wiring.tokens.tokens().filter { $0.id.hasPrefix(wanted) }
      guard let token = matches.first, matches.count == 1 else {
        throw CommandFailure.misuse(
          matches.isEmpty
            ? "There is no token \(id); `stet token list` shows them."
            : "\(id) begins \(matches.count) tokens; give more letters of the one you mean.")
      }
      guard try await wiring.tokens.revoke(id: token.id, at: Date()) else {
        throw CommandFailure.misuse("The token \(token.id) is revoked already.")
      }
      try await wiring.audit.append(
        AuditEvent(actor: "cli", action: "token.revoked", place: "token:\(token.id)"))
      Output.notes.tell("Revoked \(token.id) (\(TextTable.plain(token.name))).")
    }
    await wiring.close()
  }
}
