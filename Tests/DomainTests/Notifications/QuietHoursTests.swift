import Domain
import Foundation
import Testing

@Suite struct QuietHoursTests {
  private static let nights = [QuietHours.Window(from: 22 * 60, to: 7 * 60)]

  private func date(_ text: String) throws -> Date {
    try #require(ISO8601DateFormatter().date(from: text))
  }

  @Test(
    arguments: [
      ("2026-11-22T12:00:00Z", nil as String?), ("2026-11-22T21:00:00Z", "2026-11-23T06:00:00Z"),
      ("2026-11-22T05:59:59Z", "2026-11-22T06:00:00Z"), ("2026-11-22T06:00:00Z", nil),
      // The clocks go forward in the night of 29 March, and back in that of 25 October.
      ("2026-03-28T22:00:00Z", "2026-03-29T05:00:00Z"),
      ("2026-10-24T21:00:00Z", "2026-10-25T06:00:00Z"),
    ])
  func aNightEndsByTheClocksOfThePlace(_ now: String, _ end: String?) throws {
    let quiet = QuietHours(zone: "Europe/Berlin", windows: Self.nights)
    #expect(quiet.end(at: try date(now)) == (try end.map(date)))
  }

  @Test func aWeekendIsOneQuietTime() throws {
    let quiet = QuietHours(windows: [
      QuietHours.Window(days: [6, 0], from: 0, to: 1_440), Self.nights[0],
    ])
    // From a Saturday noon to the Monday's morning.
    #expect(
      quiet.end(at: try date("2026-11-21T12:00:00Z")) == (try date("2026-11-23T07:00:00Z")))
  }

  @Test func timeIsLeftUnlessEveryMinuteIsQuiet() {
    #expect(QuietHours(windows: Self.nights).leavesTime)
    #expect(!QuietHours(windows: [QuietHours.Window(from: 0, to: 1_440)]).leavesTime)
    #expect(
      !QuietHours(windows: [Self.nights[0], QuietHours.Window(from: 7 * 60, to: 22 * 60)])
        .leavesTime)
  }

  /// A look at every minute says the same, in places whose clocks are turned in odd ways.
  @Test(
    arguments: [
      "Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns", "Asia/Kathmandu",
      "Pacific/Apia", "Africa/Casablanca", "America/Havana",
    ])
  func theEndIsTheFirstMinuteThatIsNotQuiet(_ name: String) throws {
    let zone = try #require(TimeZone(identifier: name))
    var random = SeededGenerator(seed: 11)
    for _ in 0..<120 {
      let windows = (0..<Int.random(in: 1...3, using: &random)).map { _ in
        QuietHours.Window(
          days: Set((0..<7).filter { _ in Bool.random(using: &random) }),
          from: Int.random(in: 0..<1_440, using: &random),
          to: Int.random(in: 1...1_440, using: &random))
      }.filter { $0.from != $0.to }
      let quiet = QuietHours(zone: name, windows: windows)
      guard quiet.leavesTime else { continue }
      // Half of the times lie near the turns of 2026.
      let turns = [1_774_746_000, 1_792_890_000, 1_775_314_800, 1_791_129_600]
      let base = turns.randomElement(using: &random) ?? 0
      let start = base + Int.random(in: -200_000...200_000, using: &random)
      let now = Date(timeIntervalSince1970: Double(start))
      #expect(quiet.end(at: now) == Self.scanned(windows, zone, start), "\(start) \(windows)")
    }
  }

  private static func scanned(
    _ windows: [QuietHours.Window], _ zone: TimeZone, _ start: Int
  ) -> Date? {
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = zone
    func isQuiet(_ instant: Int) -> Bool {
      let parts = calendar.dateComponents(
        [.weekday, .hour, .minute], from: Date(timeIntervalSince1970: Double(instant)))
      let (day, minute) = ((parts.weekday ?? 1) - 1, (parts.hour ?? 0) * 60 + (parts.minute ?? 0))
      return windows.contains { window in
        if window.from < window.to {
          return window.days.contains(day) && minute >= window.from && minute < window.to
        }
        return window.days.contains(day) && minute >= window.from
          || window.days.contains((day + 6) % 7) && minute < window.to
      }
    }
    if !isQuiet(start) { return nil }
    var instant = start - start % 60 + 60
    while isQuiet(instant) { instant += 60 }
    return Date(timeIntervalSince1970: Double(instant))
  }
}

@Suite struct DigestTimeTests {
  private func next(_ time: DigestTime, _ now: String, _ zone: String) throws -> String {
    let formatter = ISO8601DateFormatter()
    let date = try #require(formatter.date(from: now))
    return formatter.string(from: time.next(after: date, zone: zone))
  }

  @Test(
    arguments: [
      (DigestTime(.daily, minute: 540), "2026-11-22T07:00:00Z", "2026-11-22T08:00:00Z"),
      (DigestTime(.daily, minute: 540), "2026-11-22T08:00:00Z", "2026-11-23T08:00:00Z"),
      (
        DigestTime(.weekly, minute: 540, weekday: 1), "2026-11-22T07:00:00Z", "2026-11-23T08:00:00Z"
      ),
      (
        DigestTime(.weekly, minute: 540, weekday: 1), "2026-11-23T08:00:00Z", "2026-11-30T08:00:00Z"
      ),
      (DigestTime(.hourly, minute: 0), "2026-11-22T07:00:00Z", "2026-11-22T08:00:00Z"),
      (DigestTime(.hourly, minute: 0), "2026-11-22T07:59:59Z", "2026-11-22T08:00:00Z"),
      // Skipped on 29 March: the moment after the gap.
      (DigestTime(.daily, minute: 150), "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"),
      // Shown twice on 25 October: the first.
      (DigestTime(.daily, minute: 150), "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"),
    ])
  func itIsDueByTheClocksOfThePlace(_ time: DigestTime, _ now: String, _ due: String) throws {
    #expect(try next(time, now, "Europe/Berlin") == due)
  }
}
