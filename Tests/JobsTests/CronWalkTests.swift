import Foundation
import Jobs
import Testing

/// Compares `CronExpression.next` with a walk from minute to minute over days on which the clocks of
/// a place change, and over others.
@Suite struct CronWalkTests {
  /// A random expression with the values that it allows, known from how it was made.
  struct Known {
    var text: String
    var fields: [Set<Int>]
    var isOpen: [Bool]

    static let ranges = [0...59, 0...23, 1...31, 1...12, 0...6]

    init(_ random: inout Seeded) {
      (text, fields, isOpen) = ("", [], [])
      for range in Self.ranges {
        let (part, values) = Self.field(range, &random)
        text += (text.isEmpty ? "" : " ") + part
        fields.append(values)
        isOpen.append(part.hasPrefix("*"))
      }
    }

    private static func field(
      _ range: ClosedRange<Int>, _ random: inout Seeded
    ) -> (String, Set<Int>) {
      let (low, high) = (range.lowerBound, range.upperBound)
      let one = Int.random(in: range, using: &random)
      let other = Int.random(in: one...high, using: &random)
      let step = Int.random(in: 1...6, using: &random)
      switch Int.random(in: 0..<9, using: &random) {
      case 0, 1, 2: return ("*", Set(range))
      case 3: return ("*/\(step)", Set(stride(from: low, through: high, by: step)))
      case 4: return ("\(one)-\(other)", Set(one...other))
      case 5: return ("\(one)-\(other)/\(step)", Set(stride(from: one, through: other, by: step)))
      case 6: return ("\(one)/\(step)", Set(stride(from: one, through: high, by: step)))
      case 7: return ("\(one),\(other)", [one, other])
      default: return ("\(one)", [one])
      }
    }

    func allows(_ minute: Minute) -> Bool {
      let day = fields[2].contains(minute.day)
      let weekday = fields[4].contains(minute.weekday)
      return fields[0].contains(minute.minute) && fields[1].contains(minute.hour)
        && fields[3].contains(minute.month)
        && (!isOpen[2] && !isOpen[4] ? day || weekday : day && weekday)
    }
  }

  /// What a clock on the wall shows.
  struct Minute {
    var minute: Int
    var hour: Int
    var day: Int
    var month: Int
    var weekday: Int

    init(_ local: Int, _ calendar: Calendar) {
      let parts = calendar.dateComponents(
        [.minute, .hour, .day, .month, .weekday],
        from: Date(timeIntervalSince1970: Double(local)))
      minute = parts.minute ?? -1
      hour = parts.hour ?? -1
      day = parts.day ?? -1
      month = parts.month ?? -1
      weekday = (parts.weekday ?? 0) - 1
    }
  }

  struct Step {
    var instant: Int
    var shown: Minute
    var isSecond: Bool
    /// What the clock left out just before.
    var skipped: [Minute]
  }

  private func walk(from begin: Int, days: Int, _ zone: TimeZone) throws -> [Step] {
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = try CronTests.zone("UTC")
    func local(_ instant: Int) -> Int {
      instant + zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(instant)))
    }
    var (steps, seen) = ([Step](), Set<Int>())
    var last = local(begin - 60)
    for instant in stride(from: begin, to: begin + days * 86_400, by: 60) {
      let shown = local(instant)
      let skipped = stride(from: last + 60, to: shown, by: 60).filter { !seen.contains($0) }
      steps.append(
        Step(
          instant: instant, shown: Minute(shown, calendar), isSecond: !seen.insert(shown).inserted,
          skipped: skipped.map { Minute($0, calendar) }))
      last = shown
    }
    return steps
  }

  private func fires(_ known: Known, _ step: Step) -> Bool {
    if known.allows(step.shown), !step.isSecond || known.isOpen[0] || known.isOpen[1] {
      return true
    }
    return known.fields[1].count < 24 && step.skipped.contains { known.allows($0) }
  }

  @Test(arguments: [
    ("UTC", "2028-02-27T10:00:00Z"), ("Europe/Berlin", "2027-03-27T00:00:00Z"),
    ("Europe/Berlin", "2027-10-30T00:00:00Z"), ("America/New_York", "2027-03-13T03:00:00Z"),
    ("America/New_York", "2027-11-06T02:00:00Z"), ("Australia/Lord_Howe", "2027-04-02T00:00:00Z"),
    ("Australia/Lord_Howe", "2027-10-01T12:00:00Z"), ("Asia/Kathmandu", "2027-12-30T10:00:00Z"),
    ("Pacific/Apia", "2011-12-29T00:00:00Z"), ("Pacific/Apia", "2011-04-01T00:00:00Z"),
  ])
  func agreesWithAWalk(_ name: String, _ begin: String) throws {
    let zone = try CronTests.zone(name)
    let steps = try walk(
      from: Int(try CronTests.date(begin).timeIntervalSince1970), days: 3, zone)
    let end = try #require(steps.last).instant
    var random = Seeded(seed: UInt64(steps[0].instant))
    var compared = 0
    for _ in 0..<150 {
      let known = Known(&random)
      guard let expression = try? CronExpression(known.text) else { continue }
      // From the second day on: the first one is where times are first shown.
      var at = steps[0].instant + Int.random(in: 86_400..<2 * 86_400, using: &random)
      for _ in 0..<40 {
        let expected = steps.first { $0.instant > at && fires(known, $0) }?.instant
        let found = expression.next(
          after: Date(timeIntervalSince1970: Double(at)), in: zone
        ).map { Int($0.timeIntervalSince1970) }
        guard let expected else {
          #expect((found ?? .max) > end, "\(known.text) in \(name) after \(at)")
          break
        }
        compared += 1
        #expect(found == expected, "\(known.text) in \(name) after \(at)")
        if found != expected { return }
        at = expected + Int.random(in: 0..<60, using: &random)
      }
    }
    #expect(compared > 300)
  }
}
