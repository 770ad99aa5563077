import Domain
import Foundation
import Jobs
import Testing

@testable import Storage

/// A process that stores webhooks is killed while it does, again and again on the same file.
@Suite struct KillTests {
  private var writer: String {
    URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
      .deletingLastPathComponent().path + "/DeliveryWriter"
  }

  @Test func whatWasAcceptedIsThereAfterAKill() async throws {
    try #require(
      FileManager.default.isExecutableFile(atPath: writer), "build DeliveryWriter first: \(writer)")
    for round in 0..<4 {
      try await withFolder { folder in
        let path = folder + "/a.db"
        let accepted = try await run(path, until: 40 * (round + 1))
        #expect(accepted.count >= 40 * (round + 1))
        let database = SQLiteDatabase(path: path)
        let check = try await database.query(SQLStatement("PRAGMA integrity_check"))
        #expect(check.first?.text(0) == "ok")
        let stored = try await database.query(SQLStatement("SELECT id, job FROM deliveries"))
        #expect(accepted.isSubset(of: Set(stored.compactMap { $0.text(0) })))
        // Each has its job, and no job is without its delivery.
        let store = SQLJobStore(database)
        #expect(try await store.counts() == [.available: stored.count])
        for row in stored.prefix(20) {
          let id = try #require(row.text(0))
          #expect(try await store.job(id: row.text(1) ?? "")?.arguments.contains(id) == true)
          #expect(try await SQLInbox(database).delivery(id: id)?.body.count == 5_000)
        }
      }
    }
  }

  /// - Returns: what it said was accepted before it was killed.
  private func run(_ path: String, until count: Int) async throws -> Set<String> {
    let process = Process()
    let output = Pipe()
    process.executableURL = URL(fileURLWithPath: writer)
    process.arguments = [path, "forever", "5000", "8"]
    process.standardOutput = output
    try process.run()
    return await withCheckedContinuation { done in
      DispatchQueue.global().async {
        var text = Data()
        var isKilled = false
        while true {
          let piece = output.fileHandleForReading.availableData
          if piece.isEmpty { break }
          text += piece
          if !isKilled, text.count(where: { $0 == 0x0A }) >= count {
            kill(process.processIdentifier, SIGKILL)
            isKilled = true
          }
        }
        process.waitUntilExit()
        // A last line may be half one.
        let lines = String(decoding: text, as: UTF8.self)
          .split(separator: "\n", omittingEmptySubsequences: false).dropLast()
        done.resume(returning: Set(lines.map(String.init)))
      }
    }
  }
}
