import Domain
import Foundation
import Jobs
import Storage
import TestKit
import Testing
import WebClient

/// What an operator meets on the way from one machine to several.
@Suite(.serialized, .enabled(if: PostgresServer.isAvailable, "no PostgreSQL is installed"))
struct SharedDatabaseTests {
  private typealias Shared = SeveralProcessesTests

  @Test func aDatabaseBelongsToItsKey() async throws {
    let service = try await Shared.service()
    let without = try await service.startInVain(environment: ["STET_SECRET_KEY": ""])
    #expect(without.status == 2)
    #expect(without.error.contains("openssl rand -base64 32"))
    try await service.start()
    let other = try await service.startInVain(
      environment: [
        "STET_SECRET_KEY": Shared.key(9), "STET_DATA_DIR": service.folder.path + "/other",
      ])
    #expect(other.status == 2)
    #expect(other.error.contains("STET_SECRET_KEY"))
    #expect(!other.error.contains(Shared.key(9)))
  }

  @Test(arguments: [
    ("password", 2, "does not let Stet in"), ("database", 2, "does not let Stet in"),
    ("port", 3, "cannot be reached"), ("address", 2, "port"),
  ])
  func aDatabaseThatCannotBeUsedIsASentence(
    _ what: String, _ status: Int32, _ words: String
  ) async throws {
    let service = try await Shared.service()
    let server = try PostgresServer.shared()
    let url = try #require(service.environment["DATABASE_URL"])
    service.environment["DATABASE_URL"] =
      switch what {
      case "password": url.replacingOccurrences(of: server.password, with: "wrong-password")
      case "database": url + "_none"
      case "port": url.replacingOccurrences(of: ":\(server.port)/", with: ":\(ClosedPort().port)/")
      default: url.replacingOccurrences(of: ":\(server.port)/", with: ":99999/")
      }
    for command in [["serve"], ["worker"], ["jobs", "list"], ["migrate"]] {
      let outcome = try await service.stet(command)
      #expect(outcome.status == status, "\(command) \(outcome.error)")
      #expect(outcome.error.contains(words), "\(command) \(outcome.error)")
      #expect(!outcome.error.contains(server.password))
    }
    let shown = try await service.stet(["settings"], environment: ["DATABASE_URL": url])
    #expect(shown.output.contains("postgres://********@"))
    #expect(!shown.output.contains(server.password))
  }

  @Test func aNewerDatabaseIsRefused() async throws {
    let service = try await Shared.service()
    #expect(try await service.stet(["migrate"]).status == 0)
    try await service.opened.change([SQLStatement("UPDATE schema_version SET version = 999")])
    let outcome = try await service.startInVain()
    #expect(outcome.status == 3)
    #expect(outcome.error.contains("newer Stet"))
    await service.closeDatabase()
  }

  @Test func aWorkerNeedsPostgreSQL() async throws {
    let service = try await ServiceRunning(.none)
    let outcome = try await service.stet(["worker"])
    #expect(outcome.status == 2)
    #expect(outcome.error.contains("SQLite is one `stet serve`"))
    #expect(try await service.stet(["serve", "--no-worker"]).status == 2)
  }

  /// From SQLite to PostgreSQL, into a file, and back into SQLite; the key is made with 0600.
  @Test func everythingMovesAndComesBack() async throws {
    let service = try await ServiceRunning(.token)
    try await service.start()
    let posting = ServicePosting(service)
    try await service.deliver(posting.delivery())
    try await service.review(comesTo: .completed)
    let key = service.data + "/secret.key"
    let mode = try FileManager.default.attributesOfItem(atPath: key)[.posixPermissions] as? Int
    #expect(mode == 0o600)
    let url = try PostgresServer.shared().newDatabase()
    let served = try await service.stet(["migrate", "--to", url])
    #expect(served.status == 3)
    #expect(served.error.contains("another Stet"))
    let backup = service.folder.path + "/backup.db"
    #expect(try await service.stet(["backup", backup]).status == 0)
    #expect(try await service.stet(["backup", backup]).status == 3)
    #expect(try await service.stet(["restore", backup, "--force"]).status == 3)
    let before = try await service.jobs()
    await service.closeDatabase()
    service.current?.terminate()
    _ = try await service.current?.ended(within: .seconds(20))

    let moved = try await service.stet(["migrate", "--to", url])
    #expect(moved.status == 0, "\(moved.error)")
    #expect(moved.output.contains("jobs") && !moved.output.contains("no, "))
    #expect(moved.error.contains("DATABASE_URL"))
    #expect(!moved.error.contains(try PostgresServer.shared().password))
    let again = try await service.stet(["migrate", "--to", url])
    #expect(again.status == 3 && again.error.contains("holds data already"))

    service.environment["DATABASE_URL"] = url
    service.environment["STET_SECRET_KEY"] = try String(contentsOfFile: key, encoding: .utf8)
      .trimmingCharacters(in: .whitespacesAndNewlines)
    try await service.start()
    // What was reviewed is known: the same webhook is a duplicate, and nothing is posted again.
    #expect(try await service.deliver(posting.delivery()).status == 200)
    posting.expectPostedOnce()
    #expect(try await service.jobs().filter { $0.kind != "upkeep" } == before)
    let second = service.folder.path + "/second.db"
    #expect(try await service.stet(["backup", second]).status == 0)
    let refused = try await service.stet(["restore", second, "--force"])
    #expect(refused.status == 3 && refused.error.contains("stop them all"), "\(refused.error)")
    service.current?.terminate()
    _ = try await service.current?.ended(within: .seconds(20))
    #expect(try await service.stet(["restore", second]).status == 3)
    let forced = try await service.stet(["restore", second, "--force"])
    #expect(forced.status == 0, "\(forced.error)")
    await service.closeDatabase()

    service.environment["DATABASE_URL"] = "sqlite:" + service.folder.path + "/back.db"
    #expect(try await service.stet(["restore", second]).status == 0)
    let back = SQLiteDatabase(path: service.folder.path + "/back.db")
    #expect(
      try await SQLJobStore(back).jobs(JobFilter(limit: 100)).reversed()
        .filter { !["upkeep", "shepherd-pull-request"].contains($0.kind) } == before)
    await back.close()
  }
}
