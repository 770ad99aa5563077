import ArgumentParser
import Domain
import Foundation
import Jobs
import Storage
import UseCases

struct JobsStatsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stats", abstract: "Count jobs by state and by kind.",
    discussion: "By kind only what is unfinished or was given up.")

  @Flag(help: "Print JSON.")
  var json = false
  @OptionGroup var settingsOptions: SettingsOptions

  func run() async throws {
    let wiring = Wiring(try settingsOptions.read())
    let (counts, oldest, kinds) = try await RunsReading.ask {
      (
        try await wiring.jobs.counts(), try await wiring.jobs.oldestDue(),
        try await wiring.jobFigures.byKind()
      )
    }
    await wiring.close()
    let all = JobState.allCases.map { ($0.rawValue, counts[$0] ?? 0) }
    if json {
      try Output.results.write(JSONText.of(Self.document(all, oldest, kinds)))
      return
    }
    var table = TextTable(columns: 2)
    for (state, count) in all { table.add([state, "\(count)"]) }
    table.add(["oldest due", oldest.map { "\(Int(Self.seconds($0))) s ago" } ?? "-"])
    try Output.results.write(table.text)
    guard !kinds.isEmpty else { return }
    var byKind = TextTable(columns: 7)
    let states: [JobState] = [.available, .scheduled, .running, .retryable, .discarded]
    byKind.add(["kind"] + states.map(\.rawValue) + ["oldest due"])
    for kind in kinds {
      let remark =
        Work.kinds.contains(kind.kind)
        ? kind.oldestDue.map { "\(Int(Self.seconds($0))) s ago" } ?? "-" : JobsReading.unknown
      byKind.add([kind.kind] + states.map { "\(kind.counts[$0] ?? 0)" } + [remark])
    }
    try Output.results.write("\n" + byKind.text)
  }

  /// The states at the top, as they have been from the beginning.
  private static func document(
    _ states: [(String, Int)], _ oldest: Duration?, _ kinds: [JobKindFigures]
  ) -> JSONValue {
    func due(_ time: Duration?) -> JSONValue { time.map { .number(seconds($0)) } ?? .null }
    var members = Dictionary(
      uniqueKeysWithValues: states.map { ($0.0, JSONValue.integer($0.1)) })
    members["oldest_due_seconds"] = due(oldest)
    members["kinds"] = .array(
      kinds.map { kind in
        .object([
          "kind": .string(kind.kind), "known": .bool(Work.kinds.contains(kind.kind)),
          "counts": .object(
            Dictionary(
              uniqueKeysWithValues: kind.counts.map { ($0.key.rawValue, .integer($0.value)) })),
          "oldest_due_seconds": due(kind.oldestDue),
        ])
      })
    return .object(members)
  }

  private static func seconds(_ duration: Duration) -> Double {
    Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
  }
}

struct JobsSchedulesCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "schedules", abstract: "List what recurs, when it is due and when it was last.")

  @Flag(help: "Print JSON.")
  var json = false
  @OptionGroup var settingsOptions: SettingsOptions

  func run() async throws {
    let wiring = Wiring(try settingsOptions.read())
    let schedules = try await RunsReading.ask { try await wiring.schedules.schedules() }
    await wiring.close()
    if json {
      try Output.results.write(JSONText.of(schedules))
    } else if schedules.isEmpty {
      Output.notes.tell("There are no schedules yet; a server notes them when it starts.")
    } else {
      var table = TextTable(columns: 6)
      table.add(["schedule", "at", "in", "next", "last", "last job"])
      for schedule in schedules {
        table.add([
          schedule.name, schedule.expression, schedule.zone,
          schedule.nextAt.formatted(.iso8601), schedule.lastAt?.formatted(.iso8601) ?? "-",
          schedule.lastJob ?? "-",
        ])
      }
      try Output.results.write(table.text)
    }
  }
}
