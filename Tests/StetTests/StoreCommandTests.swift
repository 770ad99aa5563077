import Domain
import Foundation
import Jobs
import Storage
import TestKit
import Testing

/// `stet backup`, `restore` and `migrate` as an operator uses and misuses them.
@Suite(.serialized) struct StoreCommandTests {
  private func enqueue(_ service: ServiceRunning, _ kind: String) async throws {
    _ = try await SQLJobStore(service.opened).enqueue([NewJob(kind: kind, arguments: "{}")])
  }

  /// The likeliest slip of all: the place of the database itself, beside a server that runs.
  @Test(arguments: ["the database", "a link to it", "its log", "the key", "another database"])
  func aBackupOntoWhatIsInUseIsRefused(_ what: String) async throws {
    let service = try await ServiceRunning(.none)
    let running = try await service.start()
    let place: String
    switch what {
    case "the database": place = service.data + "/stet.db"
    case "its log": place = service.data + "/stet.db-wal"
    case "the key": place = service.data + "/secret.key"
    case "a link to it":
      place = service.folder.path + "/link.db"
      try FileManager.default.createSymbolicLink(
        atPath: place, withDestinationPath: service.data + "/stet.db")
    default:
      place = service.folder.path + "/other.db"
      let other = SQLiteDatabase(path: place)
      _ = try await other.schemaVersion()
      // Its log is there as long as it is open.
      let outcome = try await service.stet(["backup", "--force", place])
      #expect(outcome.status == 2 && outcome.error.contains("in use"), "\(outcome.error)")
      await other.close()
      return
    }
    let outcome = try await service.stet(["backup", "--force", place])
    #expect(outcome.status == 2, "\(outcome.error)")
    #expect(outcome.error.contains(place), "\(outcome.error)")
    try await enqueue(service, "after")
    await service.closeDatabase()
    running.terminate()
    #expect(try await running.ended(within: .seconds(20)).status == 0)
    try await service.start()
    #expect(try await service.jobs().contains { $0.kind == "after" })
    await service.closeDatabase()
  }

  /// The key file is not in a backup: a machine that has only the backup can start all the same.
  @Test func aBackupAloneStartsOnANewMachine() async throws {
    let old = try await ServiceRunning(.none)
    let running = try await old.start()
    let backup = old.folder.path + "/backup.db"
    #expect(try await old.stet(["backup", backup]).status == 0)
    running.terminate()
    _ = try await running.ended(within: .seconds(20))

    let new = try await ServiceRunning(.none)
    let restored = try await new.stet(["restore", backup])
    #expect(restored.status == 0, "\(restored.error)")
    let key = new.data + "/secret.key"
    #expect(!FileManager.default.fileExists(atPath: key))
    let started = try await new.start()
    #expect(started.log.contains(key) && started.log.contains("nothing is encrypted"))
    started.terminate()
    _ = try await started.ended(within: .seconds(20))
    // It keeps the new one.
    let again = try await new.start()
    #expect(!again.log.contains("nothing is encrypted"))
    again.terminate()
    _ = try await again.ended(within: .seconds(20))

    // A file of another key is never taken nor written over; the sentence says what to do.
    let other = try await ServiceRunning(.none)
    let first = try await other.start()
    first.terminate()
    _ = try await first.ended(within: .seconds(20))
    let before = try String(contentsOfFile: other.data + "/secret.key", encoding: .utf8)
    #expect(try await other.stet(["restore", "--force", backup]).status == 0)
    let refused = try await other.startInVain()
    #expect(refused.status == 2, "\(refused.error)")
    #expect(refused.error.contains(other.data + "/secret.key"), "\(refused.error)")
    #expect(refused.error.contains("stet migrate --new-key"), "\(refused.error)")
    #expect(!refused.error.contains("STET_SECRET_KEY"), "\(refused.error)")
    #expect(!refused.error.contains(before.prefix(20)))
    #expect(try String(contentsOfFile: other.data + "/secret.key", encoding: .utf8) == before)
    let forgotten = try await other.stet(["migrate", "--new-key"])
    #expect(forgotten.status == 0, "\(forgotten.error)")
    try await other.start()
    // Not beside a server.
    #expect(try await other.stet(["migrate", "--new-key"]).status == 3)
  }

  @Test func everyRestoreSaysWhatItKept() async throws {
    let service = try await ServiceRunning(.none)
    let backup = service.folder.path + "/backup.db"
    #expect(try await service.stet(["migrate"]).status == 0)
    #expect(try await service.stet(["backup", backup]).status == 0)
    for name in ["stet.db.before-restore", "stet.db.before-restore-2"] {
      try await enqueue(service, "kept")
      await service.closeDatabase()
      let outcome = try await service.stet(["restore", "--force", backup])
      #expect(outcome.status == 0)
      #expect(outcome.error.contains("\(service.data)/\(name)."), "\(outcome.error)")
      let old = SQLiteDatabase(path: "\(service.data)/\(name)")
      #expect(try await SQLJobStore(old).jobs(JobFilter(kind: "kept")).count == 1)
      await old.close()
    }
  }
}

/// The same on PostgreSQL.
@Suite(.serialized, .enabled(if: PostgresServer.isAvailable, "no PostgreSQL is installed"))
struct StoreCommandPostgresTests {
  /// Nothing of an operator's settings hides a server: neither a name in the address nor PGAPPNAME.
  @Test(arguments: [["serve", "--no-worker"], ["worker"]])
  func aServerIsNoticedWhateverItIsCalled(_ command: [String]) async throws {
    let service = try await SeveralProcessesTests.service()
    let url = try #require(service.environment["DATABASE_URL"])
    let backup = service.folder.path + "/backup.db"
    #expect(try await service.stet(["backup", backup]).status == 0)
    let running = try await service.startBeside(
      command,
      environment: [
        "DATABASE_URL": url + "?application_name=mine", "PGAPPNAME": "theirs",
        "STET_DATA_DIR": service.folder.path + "/server",
      ])
    defer { running.kill() }
    for command in [["restore", "--force", backup], ["migrate", "--new-key"]] {
      let refused = try await service.stet(command)
      #expect(refused.status == 3, "\(command)")
      #expect(refused.error.contains("stop them all"), "\(refused.error)")
    }
    let file = SQLiteDatabase(path: service.data + "/stet.db")
    _ = try await file.schemaVersion()
    await file.close()
    let refused = try await service.stet(
      ["migrate", "--to", url], environment: ["DATABASE_URL": "sqlite:"])
    #expect(refused.status == 3 && refused.error.contains("stop them all"), "\(refused.error)")
    running.terminate()
    #expect(try await running.ended(within: .seconds(20)).status == 0)
    let restored = try await service.stet(["restore", "--force", backup])
    #expect(restored.status == 0, "\(restored.error)")
  }

  /// Killed in the middle of 50 MB: what was copied stays and is not written again, no server starts
  /// on the half, and the end holds what the source does.
  @Test(.timeLimit(.minutes(3)), arguments: ["migrate", "restore"])
  func aKilledCopyGoesOn(_ what: String) async throws {
    let service = try await SeveralProcessesTests.service()
    let url = try #require(service.environment["DATABASE_URL"])
    let sqlite = ["DATABASE_URL": "sqlite:"]
    let jobs = 5_000
    let source = SQLiteDatabase(path: service.data + "/stet.db")
    _ = try await source.schemaVersion()
    // Ten kilobytes each, no two alike.
    try await source.change([
      SQLStatement(
        """
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < \(jobs))
        INSERT INTO deliveries (id, event, meaning, received_at, job, bytes, sha256, body)
        SELECT 'github:' || i, 'e', 'm' || i, 1000 + i, 'j', 10000, 's', randomblob(10000) FROM n
        """)
    ])
    await source.close()
    var arguments = ["migrate", "--to", url]
    var environment = sqlite
    if what == "restore" {
      let backup = service.folder.path + "/backup.db"
      #expect(try await service.stet(["backup", backup], environment: sqlite).status == 0)
      (arguments, environment) = (["restore", backup], [:])
    }
    let target = service.opened
    _ = try await target.schemaVersion()

    let first = try StartedService(try service.launched(arguments, environment: environment))
    var copied: Int64 = 0
    try await eventually("pieces that were copied", within: .seconds(60)) {
      copied =
        try await target.query(
          SQLStatement("SELECT copied FROM copying WHERE name = 'deliveries'")
        ).first?.integer(0) ?? 0
      return copied > 0 || !first.process.isRunning
    } told: {
      first.log
    }
    try await first.killed()
    #expect(copied > 0 && copied < jobs)
    let mark = SQLStatement(
      "SELECT id, CAST(xmin AS text) FROM deliveries ORDER BY received_at LIMIT 1")
    let early = try await target.query(mark)
    #expect(early.count == 1)
    #expect(try await target.unfinishedCopy() != nil)
    let vain = try await service.startInVain()
    #expect(vain.status == 3 && vain.error.contains("not finished"), "\(vain.error)")

    let second = try await service.stet(arguments, environment: environment)
    #expect(second.status == 0, "\(second.error)")
    #expect(second.output.contains("deliveries") && !second.output.contains("no, "))
    // Of the first run still: nothing was thrown away.
    #expect(try await target.query(mark) == early)
    #expect(try await target.unfinishedCopy() == nil)
    // Compared once more, not by what the program says of itself.
    let count = SQLStatement("SELECT id, body FROM deliveries ORDER BY received_at")
    let there = try await target.query(count)
    let here = try await source.query(count)
    #expect(there.count == jobs)
    #expect(there == here)
    await source.close()
    await service.closeDatabase()
    let left = try FileManager.default.contentsOfDirectory(atPath: service.data)
    #expect(left.filter { $0.contains("restoring") }.isEmpty)
  }
}
