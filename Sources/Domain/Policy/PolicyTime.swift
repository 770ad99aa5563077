public import Foundation

/// Days and hours of a week in a zone; `until` before `from` goes over midnight, and belongs to the
/// day on which it began.
public struct PolicyTime: Sendable, Hashable {
  public enum Day: String, Sendable, Hashable, CaseIterable {
    case monday = "mon"
    case tuesday = "tue"
    case wednesday = "wed"
    case thursday = "thu"
    case friday = "fri"
    case saturday = "sat"
    case sunday = "sun"
  }

  /// Empty: every day.
  public var days: Set<Day>
  /// Minutes after midnight.
  public var from: Int
  /// Minutes after midnight, not itself included; 1440 is the day's end.
  public var until: Int
  /// An identifier such as `Europe/Berlin`.
  public var zone: String

  public init(days: Set<Day> = [], from: Int = 0, until: Int = 1_440, zone: String = "UTC") {
    self.days = days
    self.from = from
    self.until = until
    self.zone = zone
  }

  /// - Returns: `nil` for a zone that this machine does not know.
  public func contains(_ moment: Date) -> Bool? {
    guard let (day, minute) = local(moment) else { return nil }
    func isOn(_ day: Day) -> Bool { days.isEmpty || days.contains(day) }
    if from <= until { return isOn(day) && minute >= from && minute < until }
    return (isOn(day) && minute >= from) || (isOn(day.before) && minute < until)
  }

  func local(_ moment: Date) -> (Day, Int)? {
    guard let zone = TimeZone(identifier: zone) else { return nil }
    let seconds =
      Int(moment.timeIntervalSince1970.rounded(.down)) + zone.secondsFromGMT(for: moment)
    let (days, rest) = seconds.quotientAndRemainder(dividingBy: 86_400)
    let day = rest < 0 ? days - 1 : days
    // The first of January 1970 was a Thursday.
    let index = ((day + 3) % 7 + 7) % 7
    return (Day.allCases[index], (rest < 0 ? rest + 86_400 : rest) / 60)
  }

  public var description: String {
    func clock(_ minutes: Int) -> String {
      let (hour, minute) = minutes.quotientAndRemainder(dividingBy: 60)
      return "\(hour < 10 ? "0" : "")\(hour):\(minute < 10 ? "0" : "")\(minute)"
    }
    let named = Day.allCases.filter { days.contains($0) }.map(\.rawValue).joined(separator: ", ")
    return "\(named.isEmpty ? "every day" : named) \(clock(from)) to \(clock(until)) (\(zone))"
  }
}

extension PolicyTime.Day {
  var before: Self {
    let all = Self.allCases
    let index = all.firstIndex(of: self) ?? 0
    return all[(index + 6) % 7]
  }
}
