import ArgumentParser
import Domain
import Foundation
import Storage

struct ReviewerImportTokensCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import-tokens",
    abstract: "Take over people's GitHub tokens that an older installation encrypted with Fernet.",
    discussion: """
      FILE holds one token a line, as LOGIN,TOKEN or TOKEN, or JSON: an array of objects with a \
      token and perhaps a user, or one object of tokens by login. Each token is opened, shown to \
      GitHub to learn whose it is, and stored encrypted with STET_SECRET_KEY. Those that GitHub no \
      longer takes, or that are another's than the file says, are told and left out; the status is 3 \
      then. The file is not changed: delete it afterwards.
      """)

  @Argument(help: "The file of tokens; - for standard input.")
  var file: String
  @Option(
    help: ArgumentHelp(
      "File of the Fernet key; several keys, one a line, where they were turned.",
      valueName: "file"))
  var keyFile: String
  @OptionGroup var settingsOptions: SettingsOptions

  func run() async throws {
    let settings = try settingsOptions.read()
    let keys = try fernetKeys()
    let bytes = try InputFile.read(
      file, in: nil, limit: ByteCount(16 << 20), what: "The file of tokens", standardInput: true)
    let rows = try ImportedToken.rows(bytes)
    let wiring = Wiring(settings)
    guard let authority = wiring.accountAuthority else {
      await wiring.close()
      throw CommandFailure.misuse(
        "Tokens are of use where people sign in: set GITHUB_OAUTH_CLIENT_ID, "
          + "GITHUB_OAUTH_CLIENT_SECRET and STET_PUBLIC_URL first.")
    }
    var failures = 0
    do {
      try await RunsReading.ask { _ = try await wiring.prepareKey() }
      for row in rows {
        let problem = try await RunsReading.ask {
          try await Self.take(row, keys: keys, authority, wiring)
        }
        if let problem {
          failures += 1
          Output.notes.tell("stet: line \(row.place): \(problem)")
        }
      }
      await wiring.close()
    } catch {
      await wiring.close()
      throw error
    }
    Output.notes.tell("\(rows.count - failures) of \(rows.count) tokens were taken over.")
    if failures > 0 { throw CommandFailure.quiet(.failed) }
  }

  private func fernetKeys() throws(CommandFailure) -> [Fernet] {
    let text = String(
      decoding: try InputFile.read(
        keyFile, in: nil, limit: ByteCount(64 << 10), what: "The file of the Fernet key"),
      as: UTF8.self)
    let lines = text.split(whereSeparator: \.isNewline).filter { !$0.allSatisfy(\.isWhitespace) }
    let keys = lines.compactMap { Fernet(key: String($0)) }
    guard !keys.isEmpty, keys.count == lines.count else {
      throw .misuse(
        "The file of the Fernet key holds something else: a key is 44 characters of base64url, 32 "
          + "bytes.")
    }
    return keys
  }

  /// - Returns: why it was left out.
  private static func take(
    _ row: ImportedToken, keys: [Fernet], _ authority: any AccountAuthority, _ wiring: Wiring
  ) async throws -> String? {
    var opened: (text: [UInt8], sealedAt: Date)?
    for key in keys where opened == nil { opened = try? key.open(row.token) }
    guard let opened else { return "it is no Fernet token of this key, or it was changed" }
    let token = String(decoding: opened.text, as: UTF8.self)
      .trimmingCharacters(in: .whitespacesAndNewlines)
    let owner: SignedInAccount
    do { owner = try await authority.account(of: token) } catch {
      return SecretMask.masked(error.detail).text.replacing(token, with: "(credential)")
    }
    let account = owner.account
    if let user = row.user, user.lowercased() != account.login.lowercased(),
      user != "\(account.id)"
    {
      let told = Defanged.forTerminal(user, oneLine: true, limit: 80)
      return "GitHub says that it is \(account.login)'s token, not \(told)'s"
    }
    if try await wiring.accountLinks.link(forge: authority.forge, user: account.id) != nil {
      return "\(account.login) has signed in here already; their newer token stays"
    }
    try await wiring.accountLinks.save(
      AccountLink(
        forge: authority.forge, user: account, token: token, refreshToken: nil, expiresAt: nil,
        scopes: owner.scopes ?? [], linkedAt: opened.sealedAt))
    _ = try await wiring.audit.append(
      AuditEvent(
        actor: "cli", action: "account.linked", place: authority.forge, decidedBy: "import-tokens",
        facts: ["account": "\(account.id)"]))
    return nil
  }
}

/// One token of a file.
struct ImportedToken: Equatable {
  /// From 1: a line, or a place in the JSON.
  var place: Int
  /// A login or a number; `nil` where the file does not say.
  var user: String?
  var token: String

  private struct Row: Decodable {
    var user: String?
    var token: String

    private enum Key: String, CodingKey {
      case user, login, username
      case id = "user_id"
      case token
      case access = "access_token"
      case encrypted = "encrypted_token"
    }

    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: Key.self)
      for key in [Key.user, .login, .username, .id] where user == nil {
        user =
          (try? container.decode(String.self, forKey: key))
          ?? (try? container.decode(Int64.self, forKey: key)).map(String.init)
      }
      for key in [Key.encrypted, .access] {
        if let text = try? container.decode(String.self, forKey: key) {
          token = text
          return
        }
      }
      token = try container.decode(String.self, forKey: .token)
    }
  }

  static func rows(_ bytes: [UInt8]) throws(CommandFailure) -> [ImportedToken] {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw .misuse("The file of tokens is not UTF-8.")
    }
    let first = text.first { !$0.isWhitespace }
    if first == "[" || first == "{", let rows = json(Data(bytes)) { return rows }
    var rows: [ImportedToken] = []
    let lines = text.split(omittingEmptySubsequences: false) { $0.isNewline }
    for (index, line) in lines.enumerated() {
      let line = line.trimmingCharacters(in: .whitespaces)
      if line.isEmpty || line.hasPrefix("#") { continue }
      if line.hasPrefix("{") {
        guard let row = try? JSONDecoder().decode(Row.self, from: Data(line.utf8)) else {
          throw .misuse("Line \(index + 1) of the file of tokens is no JSON object with a token.")
        }
        rows.append(ImportedToken(place: index + 1, user: row.user, token: row.token))
        continue
      }
      let parts = line.split(separator: ",", maxSplits: 1).map {
        $0.trimmingCharacters(in: .whitespaces)
      }
      // A line of headings.
      if index == 0, parts.count == 2, !parts[1].hasPrefix("gAAAA") { continue }
      rows.append(
        ImportedToken(
          place: index + 1, user: parts.count == 2 ? parts[0] : nil, token: parts.last ?? ""))
    }
    guard !rows.isEmpty else { throw .misuse("The file of tokens holds no token.") }
    return rows
  }

  /// - Returns: `nil` where it is not one whole document of JSON.
  private static func json(_ data: Data) -> [ImportedToken]? {
    if let rows = try? JSONDecoder().decode([Row].self, from: data), !rows.isEmpty {
      return rows.enumerated().map {
        ImportedToken(place: $0 + 1, user: $1.user, token: $1.token)
      }
    }
    if let rows = try? JSONDecoder().decode([String: String].self, from: data), rows.count > 0,
      rows["token"] == nil
    {
      return rows.sorted { $0.key < $1.key }.enumerated().map {
        ImportedToken(place: $0 + 1, user: $1.key, token: $1.value)
      }
    }
    return nil
  }
}
