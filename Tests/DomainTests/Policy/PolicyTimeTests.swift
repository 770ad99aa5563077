import Domain
import Foundation
import Testing

/// Times of day where clocks are turned, and where there is no such place.
@Suite struct PolicyTimeTests {
  private func contains(_ time: PolicyTime, _ moment: String) throws -> Bool? {
    time.contains(try Date(moment, strategy: .iso8601))
  }

  @Test(arguments: [
    // 02:00 to 03:00 comes twice on 25 October 2026, and both count.
    ("2026-10-24T23:59:59Z", false), ("2026-10-25T00:00:00Z", true),
    ("2026-10-25T00:59:00Z", true), ("2026-10-25T01:30:00Z", true),
    ("2026-10-25T02:00:00Z", false),
    // It is skipped on 29 March 2026.
    ("2026-03-29T00:59:59Z", false), ("2026-03-29T01:00:00Z", false),
    ("2026-03-29T01:30:00Z", false),
  ]) func anHourIsWhatTheClockShows(_ moment: String, _ expected: Bool) throws {
    let night = PolicyTime(from: 120, until: 180, zone: "Europe/Berlin")
    #expect(try contains(night, moment) == expected)
  }

  /// The night from Saturday to the Sunday on which the clock goes back is one of Saturday's.
  @Test(arguments: [
    // 22:00 in Berlin is 20:00 UTC in summer, and 06:00 is 05:00 UTC in winter.
    ("2026-10-24T19:59:00Z", false), ("2026-10-24T20:00:00Z", true),
    ("2026-10-25T04:59:00Z", true), ("2026-10-25T05:00:00Z", false),
    ("2026-10-25T21:30:00Z", false),
  ]) func aNightBelongsToTheDayThatItBeginsOn(_ moment: String, _ expected: Bool) throws {
    let night = PolicyTime(days: [.saturday], from: 1_320, until: 360, zone: "Europe/Berlin")
    #expect(try contains(night, moment) == expected)
  }

  @Test func aPlaceThatIsNotKnownIsNotGuessed() throws {
    #expect(try contains(PolicyTime(zone: "Mars/Base"), "2026-10-24T20:00:00Z") == nil)
    #expect(PolicyTime(from: 0, until: 1, zone: "UTC").contains(.distantPast) != nil)
  }
}
