import Domain
import Foundation
import Jobs
import Testing

@testable import Storage

@Suite struct ScheduleStoreTests {
  private func schedule(
    _ expression: String = "0 3 * * *", zone: String = "Europe/Berlin",
    missed: JobSchedule.MissedRuns = .runOnce
  ) throws -> JobSchedule {
    JobSchedule(
      name: "nightly", cron: try CronExpression(expression),
      zone: try #require(TimeZone(identifier: zone)), job: NewJob(kind: "k", arguments: "{}"),
      missed: missed)
  }

  private func pass(_ seconds: Double, _ database: any SQLDatabase) async throws {
    try await database.change([
      SQLStatement("UPDATE schedules SET next_at = next_at - $1", [.real(seconds)])
    ])
  }

  @Test(arguments: Engine.available)
  func aScheduleFiresOnceForAllThatLook(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let (one, two) = (SQLScheduleStore(database), SQLScheduleStore(database))
      let schedule = try schedule()
      let first = try await one.fireDue([schedule])
      #expect(first.added.isEmpty)
      let wait = try #require(first.untilNext)
      #expect(wait > .zero && wait <= .seconds(25 * 3_600))
      let state = try #require(try await two.schedules().first)
      #expect(state.name == "nightly" && state.expression == "0 3 * * *" && state.kind == "k")
      #expect(state.zone == "Europe/Berlin" && state.lastAt == nil && state.lastJob == nil)
      #expect(state.nextAt == schedule.cron.next(after: Date(), in: schedule.zone))

      try await pass(25 * 3_600, database)
      let fired = Gathered()
      try await withThrowingTaskGroup(of: Void.self) { group in
        for number in 0..<8 {
          group.addTask {
            let outcome = try await (number.isMultiple(of: 2) ? one : two).fireDue([schedule])
            fired.add(outcome.added.map(\.id))
          }
        }
        try await group.waitForAll()
      }
      #expect(fired.all.count == 1)
      #expect(try await SQLJobStore(database).counts() == [.available: 1])
      let after = try #require(try await one.schedules().first)
      #expect(after.lastJob == fired.all.first && after.lastAt != nil)
      #expect(after.nextAt == state.nextAt)
    }
  }

  /// However many times passed, one run makes up for them; or none.
  @Test(arguments: Engine.available, [JobSchedule.MissedRuns.runOnce, .skip])
  func missedTimes(_ engine: Engine, _ missed: JobSchedule.MissedRuns) async throws {
    try await engine.withDatabase { database in
      let store = SQLScheduleStore(database)
      let schedule = try schedule(missed: missed)
      _ = try await store.fireDue([schedule])
      try await pass(9 * 24 * 3_600, database)
      #expect(try await store.fireDue([schedule]).added.count == (missed == .skip ? 0 : 1))
      #expect(try await store.fireDue([schedule]).added.isEmpty)
      // Just past is not missed.
      try await database.change([
        SQLStatement("UPDATE schedules SET next_at = \(database.dialect.now) - 5")
      ])
      #expect(try await store.fireDue([schedule]).added.count == 1)
    }
  }

  /// What was due before fires, or is skipped, as without a change: two versions that run side by
  /// side change it to and fro.
  @Test(arguments: Engine.available, [JobSchedule.MissedRuns.runOnce, .skip])
  func aChangedScheduleGoesOnFromNow(
    _ engine: Engine, _ missed: JobSchedule.MissedRuns
  ) async throws {
    try await engine.withDatabase { database in
      let store = SQLScheduleStore(database)
      _ = try await store.fireDue([try schedule()])
      for changed in [
        try schedule("0 4 * * *", missed: missed),
        try schedule("0 4 * * *", zone: "Asia/Tokyo", missed: missed),
      ] {
        for isDue in [true, false] {
          if isDue { try await pass(9 * 24 * 3_600, database) }
          let outcome = try await store.fireDue([changed])
          #expect(outcome.added.count == (isDue && missed == .runOnce ? 1 : 0))
          #expect(try #require(outcome.untilNext) > .zero)
          let state = try #require(try await store.schedules().first)
          #expect(state.expression == "0 4 * * *" && state.zone == changed.zone.identifier)
          #expect(state.nextAt == changed.cron.next(after: Date(), in: changed.zone))
          if !isDue { continue }
          // Not due, it only changes.
          let before = try await store.fireDue([try schedule("0 5 * * *")])
          #expect(before.added.isEmpty)
        }
      }
      let none = try await store.fireDue([])
      #expect(none.added.isEmpty && none.untilNext == nil)
    }
  }

  @Test(arguments: Engine.available)
  func aScheduleThatFailsKeepsNoOtherFromFiring(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let store = SQLScheduleStore(database)
      var broken = try schedule()
      broken.name = "a"
      broken.job.arguments = "no JSON"
      let schedules = [broken, try schedule()]
      _ = try await store.fireDue(schedules)
      try await pass(25 * 3_600, database)
      for _ in 0..<2 {
        let error = await #expect(throws: StoreError.self) { try await store.fireDue(schedules) }
        #expect(error?.detail.contains("no JSON") == true)
        #expect(try await SQLJobStore(database).counts() == [.available: 1])
      }
      #expect(try await store.schedules().map(\.nextAt).filter { $0 < Date() }.count == 1)
    }
  }
}
