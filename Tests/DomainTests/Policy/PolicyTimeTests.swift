import Domain
import Foundation
import Testing

/// Hours of a week where clocks are turned, run by quarters of an hour, or are unknown.
@Suite struct PolicyTimeTests {
  private static func moment(_ text: String) -> Date {
    (try? Date(text, strategy: .iso8601)) ?? .distantPast
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var time: PolicyTime
    var moment: String
    var holds: Bool
    var testDescription: String { "\(time.description) at \(moment)" }
  }

  private static let office = PolicyTime(
    days: [.monday, .tuesday, .wednesday, .thursday, .friday], from: 540, until: 1_020,
    zone: "Europe/Berlin")
  private static let night = PolicyTime(
    days: [.saturday], from: 1_320, until: 360, zone: "Europe/Berlin")
  private static let gap = PolicyTime(from: 120, until: 180, zone: "Europe/Berlin")

  static let cases: [Case] = [
    // Winter and summer differ by an hour of UTC.
    Case(time: office, moment: "2026-01-12T08:00:00Z", holds: true),
    Case(time: office, moment: "2026-07-13T07:00:00Z", holds: true),
    Case(time: office, moment: "2026-07-13T15:00:00Z", holds: false),
    Case(time: office, moment: "2026-01-12T07:59:59Z", holds: false),
    // Saturday night ends on Sunday, whose clocks are turned at three.
    Case(time: night, moment: "2026-10-24T20:00:00Z", holds: true),
    Case(time: night, moment: "2026-10-25T04:30:00Z", holds: true),
    Case(time: night, moment: "2026-10-25T05:00:00Z", holds: false),
    Case(time: night, moment: "2026-10-23T21:00:00Z", holds: false),
    // The hour that is skipped in spring, and comes twice in autumn.
    Case(time: gap, moment: "2026-03-29T00:59:00Z", holds: false),
    Case(time: gap, moment: "2026-03-29T01:00:00Z", holds: false),
    Case(time: gap, moment: "2026-10-25T00:30:00Z", holds: true),
    Case(time: gap, moment: "2026-10-25T01:30:00Z", holds: true),
    // A quarter of an hour off, and the other side of the line of dates.
    Case(
      time: PolicyTime(from: 345, until: 346, zone: "Asia/Kathmandu"),
      moment: "2026-06-01T00:00:30Z", holds: true),
    Case(
      time: PolicyTime(days: [.tuesday], zone: "Pacific/Kiritimati"),
      moment: "2026-06-01T10:00:00Z", holds: true),
    Case(
      time: PolicyTime(days: [.sunday], zone: "Pacific/Niue"),
      moment: "2026-06-01T10:59:59Z", holds: true),
    // Before the epoch.
    Case(
      time: PolicyTime(days: [.wednesday], from: 1_439, until: 1_440),
      moment: "1969-12-31T23:59:59Z", holds: true),
  ]

  @Test(arguments: cases) func aTimeIsThatOfItsZone(_ given: Case) {
    #expect(given.time.contains(Self.moment(given.moment)) == given.holds)
  }

  @Test func anUnknownZoneFreezesAndFiresNothing() throws {
    let time = PolicyTime(zone: "Atlantis/Capital")
    let facts = PolicyConditionTests.facts()
    #expect(time.contains(facts.now) == nil)
    #expect(PolicyCondition.time(time).explained(facts).truth == .unknown)
    #expect(MergeFreeze(reason: "x", time: time).holds(facts))
  }
}
