import Foundation
import Testing

@testable import Jobs

@Suite struct CronTests {
  static let zones = [
    "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu",
    "Pacific/Apia",
  ]

  static func zone(_ name: String) throws -> TimeZone { try #require(TimeZone(identifier: name)) }

  static func date(_ text: String) throws -> Date {
    try Date(text, strategy: .iso8601)
  }

  // MARK: - Reading

  @Test(arguments: [
    ("*/15 0 1 1 *", "0,15,30,45 0 1 1 *"), ("1-10/4 0 * * *", "1,5,9 0 * * *"),
    ("5/10 * * * *", "5,15,25,35,45,55 * * * *"), ("0 0 * JAN,mar-May *", "0 0 * 1,3,4,5 *"),
    ("0 0 * * 7", "0 0 * * 0"), ("0 0 * * fri-SUN", "0 0 * * 0,5,6"),
    ("0 0 * * 5-7", "0 0 * * fri,sat,sun"), ("0  0\t* * MON", "0 0 * * 1"),
    ("@Weekly", "0 0 * * sun"), ("@hourly", "0 * * * *"), ("@daily", "@midnight"),
    ("@yearly", "@annually"), ("@monthly", "0 0 1 * *"), ("0 0 * * */2", "0 0 * * 0,2,4,6"),
  ])
  func twoWaysToWriteOne(_ one: String, _ other: String) throws {
    let (one, other) = (try CronExpression(one), try CronExpression(other))
    var date = try Self.date("2027-01-01T00:00:30Z")
    let zone = try Self.zone("UTC")
    for _ in 0..<40 {
      let next = try #require(one.next(after: date, in: zone))
      #expect(next == other.next(after: date, in: zone))
      date = next
    }
  }

  @Test(arguments: [
    ("", "0 fields"), ("* * * *", "4 fields"), ("* * * * * *", "6 fields"),
    ("60 * * * *", "its minute is \"60\""), ("* 24 * * *", "its hour is \"24\""),
    ("* * 0 * *", "its day of the month is \"0\""), ("* * * 13 *", "its month is \"13\""),
    ("* * * * 8", "its day of the week is \"8\""), ("*/0 * * * *", "step has to be 1 to 59"),
    ("*/60 * * * *", "step has to be 1 to 59"), ("5-1 * * * *", "ends before it begins"),
    ("1,,2 * * * *", "allowed are 0 to 59"), ("-1 * * * *", "cannot be read"),
    ("+1 * * * *", "cannot be read"), ("1/2/3 * * * *", "two steps"),
    ("* * * janu *", "or jan to dec"), ("* * L * *", "day of the month"),
    ("@reboot", "@annually"), ("@daily 1", "@annually"), ("0 0 30 2 *", "never comes"),
    ("0 0 31 4,6,9,11 *", "never comes"), ("99999999999999999999 * * * *", "minute"),
    ("1\r\n * * * *", "minute"), ("\u{0661} * * * *", "minute"),
  ])
  func whatIsWrongIsSaid(_ text: String, _ part: String) {
    let error = #expect(throws: CronError.self) { try CronExpression(text) }
    let sentence = "\(error?.description ?? "")"
    #expect(sentence.contains(part), "\(sentence)")
    #expect(sentence.hasPrefix("the cron expression \"") && sentence.hasSuffix("."))
    #expect(!sentence.contains("\r\n") && sentence.utf8.count < 600, "\(sentence)")
  }

  /// Whatever it is given, it answers, and what it takes comes some day.
  @Test func readsAnyTextWithoutATrap() throws {
    var random = Seeded(seed: 11)
    let alphabet = Array("0123456789*/-,@ \t\r\n?LW#jansuMONfeb\u{0}é٣👍")
    let zone = try Self.zone("Europe/Berlin")
    let now = try Self.date("2027-03-01T00:00:00Z")
    var read = 0
    for round in 0..<20_000 {
      var text = String(
        (0..<Int.random(in: 0...14, using: &random)).compactMap { _ in
          alphabet.randomElement(using: &random)
        })
      // Half of them five words of which one is odd.
      if round % 2 == 0 {
        var words = ["*", "*", "*", "*", "*"]
        words[Int.random(in: 0..<5, using: &random)] = text
        text = words.joined(separator: " ")
      }
      do throws(CronError) {
        let expression = try CronExpression(text)
        read += 1
        #expect(expression.next(after: now, in: zone) != nil, "\(text)")
      } catch {
        #expect(error.description.utf8.count < 800)
      }
    }
    #expect(read > 100)
  }

  // MARK: - When it is next

  @Test(arguments: [
    // Skipped: 02:00 to 03:00 in Berlin on 28 March 2027.
    ("30 2 * * *", "Europe/Berlin", "2027-03-28T00:00:00Z", "2027-03-28T01:00:00Z"),
    ("30 * * * *", "Europe/Berlin", "2027-03-28T00:45:00Z", "2027-03-28T01:30:00Z"),
    ("*/15 2 * * *", "Europe/Berlin", "2027-03-28T00:45:00Z", "2027-03-28T01:00:00Z"),
    ("* * * * *", "Europe/Berlin", "2027-03-28T00:59:30Z", "2027-03-28T01:00:00Z"),
    // Twice: 02:00 to 03:00 on 31 October 2027.
    ("30 2 * * *", "Europe/Berlin", "2027-10-30T23:00:00Z", "2027-10-31T00:30:00Z"),
    ("30 2 * * *", "Europe/Berlin", "2027-10-31T00:30:00Z", "2027-11-01T01:30:00Z"),
    ("30 * * * *", "Europe/Berlin", "2027-10-31T00:30:00Z", "2027-10-31T01:30:00Z"),
    ("*/30 2 * * *", "Europe/Berlin", "2027-10-31T00:30:00Z", "2027-10-31T01:00:00Z"),
    // A leap day, over the year 2100 that has none, and one on a Sunday.
    ("0 0 29 2 *", "UTC", "2097-01-01T00:00:00Z", "2104-02-29T00:00:00Z"),
    ("0 0 29 2 */7", "UTC", "2096-03-01T00:00:00Z", "2112-02-28T00:00:00Z"),
    // Either day is enough.
    ("0 0 13 * 5", "UTC", "2027-08-01T00:00:00Z", "2027-08-06T00:00:00Z"),
    ("0 0 13 * 5", "UTC", "2027-09-11T00:00:00Z", "2027-09-13T00:00:00Z"),
    // The day that Apia left out.
    ("0 12 30 12 *", "Pacific/Apia", "2011-12-29T00:00:00Z", "2011-12-30T10:00:00Z"),
  ])
  func comesNext(_ text: String, _ zone: String, _ after: String, _ next: String) throws {
    let expression = try CronExpression(text)
    let found = expression.next(after: try Self.date(after), in: try Self.zone(zone))
    if text == "0 0 29 2 */7" {
      // Any leap day on a Sunday, found by another calendar.
      var calendar = Calendar(identifier: .gregorian)
      calendar.timeZone = try Self.zone("UTC")
      let parts = calendar.dateComponents(
        [.year, .month, .day, .weekday], from: try #require(found))
      #expect(parts.month == 2 && parts.day == 29 && parts.weekday == 1)
      #expect((2_104...2_136).contains(try #require(parts.year)))
    } else {
      #expect(found == (try Self.date(next)), "\(String(describing: found))")
    }
  }

  @Test func datesOutOfAllProportionHaveNone() throws {
    let (every, zone) = (try CronExpression("* * * * *"), try Self.zone("Europe/Berlin"))
    for date in [
      Date.distantPast, Date(timeIntervalSince1970: 1e300), Date(timeIntervalSince1970: .nan),
    ] {
      #expect(every.next(after: date, in: zone) == nil || date == .distantPast)
    }
  }

  @Test func findsTheNextWithoutAWalk() throws {
    let expression = try CronExpression("0 0 29 2 *")
    let (zone, date) = (try Self.zone("America/New_York"), try Self.date("2097-01-01T00:00:00Z"))
    let began = ContinuousClock.now
    for _ in 0..<200 { _ = expression.next(after: date, in: zone) }
    // A millisecond each, in a debug build on a busy machine too.
    #expect(ContinuousClock.now - began < .seconds(1))
  }
}

/// The same numbers every time.
struct Seeded: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }

  /// SplitMix64.
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
