import Domain
import Foundation
import Synchronization
import TestKit
import Testing

@testable import Storage

/// The databases that every store is tested on. PostgreSQL is among them where it is installed;
/// `PostgresServerTests` says so where it is not.
enum Engine: String, CaseIterable, Sendable, CustomTestStringConvertible {
  case sqlite, postgres

  var testDescription: String { rawValue }

  static var available: [Engine] { PostgresServer.isAvailable ? allCases : [.sqlite] }

  /// An empty database that is gone when the test is over.
  func withDatabase<T>(_ body: (any SQLDatabase) async throws -> T) async throws -> T {
    try await withDatabases { open in try await body(open()) }
  }

  /// Hands on a closure that opens the same empty database anew, as another process would.
  func withDatabases<T>(
    _ body: (@escaping @Sendable () -> any SQLDatabase) async throws -> T
  ) async throws -> T {
    let opened = Opened()
    switch self {
    case .sqlite:
      let folder = FileManager.default.temporaryDirectory.path + "/stet-store-\(UUID().uuidString)"
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(atPath: folder) }
      return try await opened.closing {
        try await body {
          opened.add(SQLiteDatabase(path: folder + "/a.db", patience: .seconds(60)))
        }
      }
    case .postgres:
      let server = try PostgresServer.shared()
      let url = try await PostgresTemplate.newDatabase(server)
      defer { try? server.dropDatabase(url) }
      let address = try PostgresAddress(parsing: url)
      return try await opened.closing {
        try await body { opened.add(PostgresDatabase(address: address)) }
      }
    }
  }
}

/// Databases that a test has opened and that are closed after it.
private final class Opened: Sendable {
  private let databases = Mutex<[any SQLDatabase]>([])

  func add(_ database: any SQLDatabase) -> any SQLDatabase {
    databases.withLock { $0.append(database) }
    return database
  }

  func closing<T>(_ body: () async throws -> T) async throws -> T {
    let result: Result<T, any Error>
    do { result = .success(try await body()) } catch { result = .failure(error) }
    for database in databases.withLock({ $0 }) { await database.close() }
    return try result.get()
  }
}

/// A database that is up to date, to be copied: the migrations are tested once, not in every test.
private enum PostgresTemplate {
  private static let name = Mutex<String?>(nil)

  static func newDatabase(_ server: PostgresServer) async throws -> String {
    if let name = name.withLock({ $0 }) { return try server.newDatabase(template: name) }
    let url = try server.newDatabase()
    let database = PostgresDatabase(address: try PostgresAddress(parsing: url))
    _ = try await database.schemaVersion()
    await database.close()
    let template = String(url.split(separator: "/").last ?? "")
    name.withLock { $0 = template }
    return try server.newDatabase(template: template)
  }
}
