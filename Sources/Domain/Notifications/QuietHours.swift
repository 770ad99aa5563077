public import Foundation

/// When people are not to be disturbed, by the clocks of a place.
public struct QuietHours: Sendable, Hashable, Codable {
  /// From one minute of the day to another, on some days. Where it ends before it begins, it goes on
  /// into the next day.
  public struct Window: Sendable, Hashable, Codable {
    /// 0 is Sunday; the days on which it begins.
    public var days: Set<Int>
    /// Minutes since midnight, 0 to 1,439.
    public var from: Int
    /// 1 to 1,440.
    public var to: Int

    public init(days: Set<Int> = Set(0...6), from: Int, to: Int) {
      self.days = days
      self.from = from
      self.to = to
    }

    func holds(day: Int, minute: Int) -> Bool {
      if from < to { return days.contains(day) && minute >= from && minute < to }
      return days.contains(day) && minute >= from
        || days.contains((day + 6) % 7) && minute < to
    }
  }

  /// The IANA name, such as `Europe/Berlin`.
  public var zone: String
  public var windows: [Window]

  public init(zone: String = "UTC", windows: [Window] = []) {
    self.zone = zone
    self.windows = windows
  }

  /// Whether at least one minute of the week is not quiet.
  public var leavesTime: Bool {
    (0..<7).contains { day in (0..<1_440).contains { !isQuiet(day: day, minute: $0) } }
  }

  /// The first moment from `now` on that is not quiet; `nil` where `now` is not.
  public func end(at now: Date) -> Date? {
    guard !windows.isEmpty, let clock = TimeZone(identifier: zone) else { return nil }
    let start = Int(now.timeIntervalSince1970.rounded(.down))
    var instant = start
    // Two weeks hold every turn of the clocks; quiet weeks without end are refused by the reader.
    while instant < start + 14 * 86_400 {
      let offset = Self.offset(clock, instant)
      let local = instant + offset
      let (day, minute) = Self.place(local)
      guard isQuiet(day: day, minute: minute) else {
        return instant == start ? nil : Date(timeIntervalSince1970: Double(instant))
      }
      let step = stride(day: day, minute: minute) * 60 - Self.remainder(local, 60)
      // Over a turn of the clocks one goes by the minute.
      instant +=
        Self.offset(clock, instant + step) == offset ? step : 60 - Self.remainder(local, 60)
    }
    return nil
  }

  private func isQuiet(day: Int, minute: Int) -> Bool {
    windows.contains { $0.holds(day: day, minute: minute) }
  }

  /// Minutes until the next minute at which anything may change: an end of a window, or midnight.
  private func stride(day: Int, minute: Int) -> Int {
    let ends = windows.flatMap { [$0.from, $0.to] } + [1_440]
    return (ends.filter { $0 > minute }.min() ?? 1_440) - minute
  }

  /// The day of the week and the minute that clocks show.
  static func place(_ local: Int) -> (day: Int, minute: Int) {
    let days = Int((Double(local) / 86_400).rounded(.down))
    let day = remainder(days + 4, 7)
    return (day, (local - days * 86_400) / 60)
  }

  private static func remainder(_ value: Int, _ divisor: Int) -> Int {
    let rest = value % divisor
    return rest < 0 ? rest + divisor : rest
  }

  static func offset(_ zone: TimeZone, _ instant: Int) -> Int {
    zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(instant)))
  }
}

/// When what was gathered is sent.
public struct DigestTime: Sendable, Hashable, Codable {
  public enum Period: String, Sendable, Hashable, Codable, CaseIterable {
    case hourly, daily, weekly
  }
  public var period: Period
  /// Minute of the day; of the hour for `hourly`.
  public var minute: Int
  /// 0 is Sunday; for `weekly`.
  public var weekday: Int

  public init(_ period: Period, minute: Int = 540, weekday: Int = 1) {
    self.period = period
    self.minute = period == .hourly ? minute % 60 : minute
    self.weekday = weekday
  }

  /// The next such moment after `now`. A time that clocks skip is the moment after the gap; one that
  /// they show twice is the first of the two.
  public func next(after now: Date, zone name: String) -> Date {
    let zone = TimeZone(identifier: name) ?? .gmt
    let start = Int(now.timeIntervalSince1970.rounded(.down))
    if period == .hourly {
      // By the minute, as some places differ from others by half an hour.
      var instant = start - start % 60 + 60
      for _ in 0..<180
      where QuietHours.place(instant + QuietHours.offset(zone, instant)).minute % 60 != minute {
        instant += 60
      }
      return Date(timeIntervalSince1970: Double(instant))
    }
    let today = Int((Double(start + QuietHours.offset(zone, start)) / 86_400).rounded(.down))
    for day in today...(today + 8) {
      let local = day * 86_400 + minute * 60
      if period == .weekly, QuietHours.place(local).day != weekday { continue }
      let instant = Self.instant(showing: local, zone)
      if instant > start { return Date(timeIntervalSince1970: Double(instant)) }
    }
    return Date(timeIntervalSince1970: Double(start + 86_400))
  }

  /// The first instant at which clocks show that time or a later one, on their way from the day
  /// before.
  private static func instant(showing local: Int, _ zone: TimeZone) -> Int {
    let offsets = [
      QuietHours.offset(zone, local - 26 * 3_600), QuietHours.offset(zone, local + 26 * 3_600),
    ]
    let found = offsets.map { local - $0 }.filter { $0 + QuietHours.offset(zone, $0) == local }
    if let first = found.min() { return first }
    // Skipped: half-way search for the turn.
    var (low, high) = (local - 26 * 3_600, local + 26 * 3_600)
    while high - low > 1 {
      let middle = low + (high - low) / 2
      if middle + QuietHours.offset(zone, middle) >= local { high = middle } else { low = middle }
    }
    return high
  }
}
