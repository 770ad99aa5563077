import CPostgres
public import Domain

/// Where a PostgreSQL database is and how it is reached: a URL that libpq understands, with all its
/// parameters. Its description never holds the password.
///
/// Source: PostgreSQL documentation, "34.1.1.2. Connection URIs" and "34.1.2. Parameter Key Words".
public struct PostgresAddress: Sendable, Hashable, CustomStringConvertible,
  CustomDebugStringConvertible, CustomReflectable
{
  /// Holds the password: for libpq only.
  let url: String
  /// `postgres://user@host:5432/name`.
  public let description: String
  let database: String?
  let user: String?
  let password: String?
  /// Seconds, where the address says them.
  let connectTimeout: Int?
  /// What the connections are called in `pg_stat_activity`, whatever the address or PGAPPNAME says;
  /// `nil` leaves it to them.
  public var applicationName: String?

  public var debugDescription: String { description }
  public var customMirror: Mirror { Mirror(self, children: ["address": description]) }

  private static let sslModes: Set = [
    "disable", "allow", "prefer", "require", "verify-ca", "verify-full",
  ]

  /// - Throws: `.refused` where it is none, in a sentence without the password.
  public init(parsing text: String) throws(StoreError) {
    guard text.hasPrefix("postgres://") || text.hasPrefix("postgresql://") else {
      throw Self.refused("begins with neither postgres:// nor postgresql://")
    }
    guard !text.utf8.contains(0) else { throw Self.refused("holds a zero byte") }
    guard PQlibVersion() >= 140_000 else {
      throw StoreError(
        code: .refused,
        detail: "this machine's libpq is version \(PQlibVersion() / 10_000); Stet needs 14 or "
          + "newer to use PostgreSQL. Install a newer libpq.")
    }
    guard !Self.hasStrayAt(text) else {
      throw Self.refused(
        "has an @ in a host, in the name of the database or in that of a parameter; one of the "
          + "password is written %40, and a / or ? before it %2F or %3F")
    }
    let settings = try Self.settings(text)
    if let port = settings["port"] {
      for one in port.split(separator: ",") where !(1...65_535).contains(Int(one) ?? 0) {
        throw Self.refused("has a port that is no number from 1 to 65535")
      }
    }
    if let mode = settings["sslmode"], !Self.sslModes.contains(mode) {
      throw Self.refused(
        "has an sslmode that is none of disable, allow, prefer, require, verify-ca and verify-full")
    }
    let timeout = settings["connect_timeout"].map { Int($0) }
    if case .some(.none) = timeout {
      throw Self.refused("has a connect_timeout that is no whole number of seconds")
    }
    url = text
    database = settings["dbname"]
    user = settings["user"]
    password = settings["password"]
    connectTimeout = timeout.flatMap(\.self).flatMap { $0 > 0 ? $0 : nil }
    let host = settings["host"] ?? settings["hostaddr"] ?? "localhost"
    description =
      "postgres://" + (user.map { $0 + "@" } ?? "") + host
      + (settings["port"].map { ":" + $0 } ?? "") + "/" + (database ?? user ?? "")
  }

  /// Where a password holds one, libpq takes a part of it for a host or a name, and those are told.
  /// The credentials are before the first of `@`, `/` and `?`, where that is an `@`.
  private static func hasStrayAt(_ text: String) -> Bool {
    guard let scheme = text.firstRange(of: "://") else { return false }
    var rest = text[scheme.upperBound...]
    if let end = rest.firstIndex(where: { "@/?".contains($0) }), rest[end] == "@" {
      rest = rest[rest.index(after: end)...]
    }
    let parts = rest.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2 else { return rest.contains("@") }
    return parts[0].contains("@")
      || parts[1].split(separator: "&").contains { parameter in
        parameter.prefix { $0 != "=" }.contains("@")
      }
  }

  private static func settings(_ text: String) throws(StoreError) -> [String: String] {
    var message: UnsafeMutablePointer<CChar>?
    guard let options = PQconninfoParse(text, &message) else {
      let words = message.map { String(cString: $0) } ?? ""
      PQfreemem(message)
      throw refused(reason(words, of: text))
    }
    defer { PQconninfoFree(options) }
    var settings: [String: String] = [:]
    var option = options
    while let keyword = option.pointee.keyword {
      if let value = option.pointee.val {
        settings[String(cString: keyword)] = String(cString: value)
      }
      option += 1
    }
    return settings
  }

  /// libpq quotes the part that it could not read, which may be one of the password.
  private static func reason(_ words: String, of text: String) -> String {
    let parts = words.split(separator: "\"", omittingEmptySubsequences: false)
    if words.hasPrefix("invalid URI query parameter"), parts.count > 1,
      let at = text.lastIndex(of: "@"), let query = text.lastIndex(of: "?"), at < query,
      parts[1].allSatisfy({ ($0.isLetter && $0.isLowercase) || $0 == "_" })
    {
      return "has a parameter that libpq does not know: \(parts[1])"
    }
    if words.hasPrefix("invalid percent-encoded token") || words.hasPrefix("forbidden value") {
      return "has a % that is not followed by two hexadecimal digits (a % itself is written %25)"
    }
    let said = parts.first.map { $0.trimmingPrefix { $0 == " " } } ?? ""
    return "cannot be read" + (said.isEmpty ? "" : " (\(said.filter { !$0.isNewline }))")
  }

  private static func refused(_ what: String) -> StoreError {
    StoreError(
      code: .refused,
      detail: "the address of the database \(what); write it as "
        + "postgres://user:password@host:5432/name, with special characters of the password "
        + "percent-encoded.")
  }

  /// What the server or libpq says, without what may not be told.
  func masked(_ text: String) -> String {
    var text = text
    if let password, password.count >= 6 {
      text = text.split(separator: password, omittingEmptySubsequences: false)
        .joined(separator: "***")
    }
    return SecretMask.masked(text).text
  }
}
