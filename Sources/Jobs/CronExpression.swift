public import Foundation

/// When something recurs, in the five fields of cron: minute, hour, day of the month, month, day of
/// the week; or one of `@hourly @daily @midnight @weekly @monthly @yearly @annually`.
///
/// A field is `*`, a value, a range, a list of them, each with a step (`*/15`, `1-10/2`; `5/10` goes
/// from 5 to the end). Months and days of the week have names too; 7 is Sunday. Where both kinds of
/// days are restricted, that is begin with no `*`, either is enough. Source: crontab(5) of Vixie cron.
///
/// Where the clocks of a place change: a local time that is skipped counts as the first moment after
/// the gap, unless the expression allows every hour, since its next time is near. A local time that
/// comes twice counts at its first, unless the minute or the hour begins with `*`: such an
/// expression goes on by what the clock shows.
public struct CronExpression: Sendable, Hashable, CustomStringConvertible {
  public let description: String
  private let minutes: CronField
  private let hours: CronField
  private let days: CronField
  private let months: CronField
  private let weekdays: CronField

  static let macros = [
    "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0", "@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
  ]

  /// - Throws: `CronError` with what is wrong, where.
  public init(_ text: String) throws(CronError) {
    do throws(CronError) { try self.init(reading: text) } catch {
      throw CronError(
        "the cron expression \(CronError.quoted(text[...])) cannot be used: \(error).")
    }
  }

  private init(reading text: String) throws(CronError) {
    guard text.utf8.count <= 1_000 else { throw CronError("it is longer than 1000 bytes") }
    var words = text.split { $0 == " " || $0 == "\t" }
    if let macro = words.first, macro.hasPrefix("@") {
      guard words.count == 1, let fields = Self.macros[macro.lowercased()] else {
        throw CronError(
          "of words that begin with @ it can only be one of "
            + Self.macros.keys.sorted().joined(separator: ", "))
      }
      words = fields.split(separator: " ")
    }
    guard words.count == 5 else {
      throw CronError(
        "it has \(words.count) fields and needs five, with spaces between them: "
          + CronField.Rule.all.map(\.name).joined(separator: ", "))
    }
    description = text
    minutes = try CronField(words[0], .minute)
    hours = try CronField(words[1], .hour)
    days = try CronField(words[2], .day)
    months = try CronField(words[3], .month)
    weekdays = try CronField(words[4], .weekday)
    // A leap year has every day there is. Each date falls on each day of the week in some year.
    let comes = (1...12).contains { month in
      months.contains(month)
        && (days.first(from: 1) ?? 32) <= CivilDay.days(inMonth: month, of: 2_000)
    }
    guard comes || eitherDay else {
      throw CronError(
        "it never comes, since no month that it allows has the day \(CronError.quoted(words[2]))")
    }
  }

  /// Whether one of the two kinds of days is enough.
  private var eitherDay: Bool { !days.isOpen && !weekdays.isOpen }
  private var isEveryHour: Bool { hours.values == 0xFF_FFFF }

  // MARK: - When it is next

  /// The first time after `date` in a place. All that is allowed comes within 40 years: 29 February
  /// on a given day of the week takes the longest. `nil` only for dates out of all proportion.
  /// - Complexity: a few lookups of the time zone's offset; no walk over minutes.
  public func next(after date: Date, in zone: TimeZone) -> Date? {
    let seconds = date.timeIntervalSince1970
    // The years 1 to 9999, about.
    guard seconds > -62_000_000_000, seconds < 253_000_000_000 else { return nil }
    let after = Int(seconds.rounded(.down))
    let clock = LocalClock(zone)
    return next(after: after, clock).map { Date(timeIntervalSince1970: Double($0)) }
  }

  private func next(after instant: Int, _ clock: LocalClock) -> Int? {
    let goesOn = minutes.isOpen || hours.isOpen
    if goesOn, let again = clock.settingBack(within: instant) {
      // The clock shows again what it showed: what is left of the first pass, then the second.
      let first = match(from: Self.minute(after: instant + again.before))
      if let first, first < again.at + again.before { return first - again.before }
      let second = match(from: Self.minute(after: again.at + again.after - 1))
      if let second, second < again.at + again.before { return second - again.after }
    }
    var local = Self.minute(after: instant + clock.offset(at: instant))
    // Each round but the last is one local time that is over or skipped.
    for _ in 0..<10_000 {
      guard let wanted = match(from: local) else { return nil }
      local = wanted + 60
      switch clock.instants(showing: wanted) {
      case .shown(let first, let second):
        if first > instant { return first }
        if goesOn, let second, second > instant { return second }
      case .skipped(let until, let shows):
        if !isEveryHour { if until > instant { return until } }
        // The rest of the gap would come to the same.
        local = max(local, Self.minute(after: shows - 1))
      }
    }
    return nil
  }

  private static func minute(after local: Int) -> Int {
    (CivilDay.floored(local, by: 60) + 1) * 60
  }

  /// The first local time from `local` on that the fields allow, in seconds as if of UTC.
  private func match(from local: Int) -> Int? {
    let day = CivilDay.floored(local, by: 86_400)
    let minute = (local - day * 86_400) / 60
    if let at = firstDay(from: day, months: 1), at == day, let minute = firstMinute(from: minute) {
      return day * 86_400 + minute * 60
    }
    guard let at = firstDay(from: day + 1, months: 12 * 41), let minute = firstMinute(from: 0)
    else { return nil }
    return at * 86_400 + minute * 60
  }

  private func firstMinute(from minute: Int) -> Int? {
    let hour = minute / 60
    if hours.contains(hour), let minute = minutes.first(from: minute % 60) {
      return hour * 60 + minute
    }
    guard let hour = hours.first(from: hour + 1), let minute = minutes.first(from: 0) else {
      return nil
    }
    return hour * 60 + minute
  }

  private func firstDay(from number: Int, months most: Int) -> Int? {
    let first = CivilDay(number: number)
    var month = CivilDay(year: first.year, month: first.month, day: 1)
    for round in 0..<most {
      if months.contains(month.month) {
        let allowed = CronField(values: allowedDays(of: month), isOpen: false)
        if let day = allowed.first(from: round == 0 ? first.day : 1) {
          return CivilDay(year: month.year, month: month.month, day: day).number
        }
      }
      month.month += 1
      if month.month > 12 { (month.year, month.month) = (month.year + 1, 1) }
    }
    return nil
  }

  private func allowedDays(of month: CivilDay) -> UInt64 {
    let begin = month.weekday
    let length = CivilDay.days(inMonth: month.month, of: month.year)
    var byWeekday: UInt64 = 0
    for day in 1...length where weekdays.contains((begin + day - 1) % 7) {
      byWeekday |= 1 << UInt64(day)
    }
    let byDay = days.values & ((1 << UInt64(length + 1)) - 2)
    return eitherDay ? byDay | byWeekday : byDay & byWeekday
  }
}

public struct CronError: Error, Sendable, Hashable, CustomStringConvertible {
  public var description: String
  init(_ description: String) { self.description = description }

  /// For a sentence: of bounded length, and on one line.
  static func quoted(_ text: Substring) -> String {
    let shown = text.unicodeScalars.prefix(80).map { scalar in
      scalar.properties.generalCategory == .control ? "\u{FFFD}" : String(scalar)
    }
    return "\"\(shown.joined())\(text.unicodeScalars.count > 80 ? "…" : "")\""
  }
}
