import Domain
import Storage

/// Where everything is kept.
enum DatabaseSetting: Sendable {
  /// The file's path.
  case sqlite(String)
  case postgres(PostgresAddress)

  /// - Parameters:
  ///   - dataFolder: where the file is unless the text says otherwise.
  ///   - path: makes a path of the user absolute.
  /// - Throws: why it is none, in a sentence without a password.
  init(
    _ text: String, dataFolder: String, path: (String) -> String
  ) throws(CommandFailure) {
    let scheme = text.prefix { $0 != ":" }.lowercased()
    switch scheme {
    case "postgres", "postgresql":
      // Schemes are the same in capitals; libpq knows them in small letters only.
      let rest = text.dropFirst(scheme.count)
      do throws(StoreError) { self = .postgres(try PostgresAddress(parsing: scheme + rest)) } catch
      {
        throw .misuse(error.detail)
      }
    case "sqlite" where text.contains(":"):
      var file = text.dropFirst("sqlite:".count)
      if file.isEmpty {
        self = .sqlite("\(dataFolder)/stet.db")
        return
      }
      if file.hasPrefix("//") { file = file.dropFirst(2) }
      guard !file.isEmpty, !file.hasPrefix(":memory:") else {
        throw .misuse("it names no file; write sqlite:PATH.")
      }
      self = .sqlite(path(String(file)))
    default:
      throw .misuse(
        "it must be sqlite:PATH or postgres://USER:PASSWORD@HOST:PORT/NAME, or unset for a file in "
          + "the data folder.")
    }
  }

  /// As one may show it.
  var shown: String {
    switch self {
    case .sqlite(let path): "sqlite:\(path)"
    case .postgres(let address): "\(address)"
    }
  }

  /// For messages.
  var place: String {
    switch self {
    case .sqlite(let path): path
    case .postgres(let address): "\(address)"
    }
  }

  /// `nil` with PostgreSQL.
  var file: String? { if case .sqlite(let path) = self { path } else { nil } }

  var isShared: Bool { file == nil }
}
