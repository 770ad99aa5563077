/// When a server says that it wants to be asked again.
public enum RetryAfter {
  /// Longer waits are taken for garbage: nobody means ten years.
  private static let longest: Double = 10 * 366 * 86_400

  /// Reads `retry-after-ms` (a fraction is allowed), then `retry-after` as seconds (also with a
  /// fraction) or as a date. A date in the past is no wait. `nil`: no header, or none that can be read.
  /// - Parameter now: seconds since 1970. `WebClient` does not take the server's own `Date`, which
  ///   may be cached.
  /// - Complexity: O(length). Source: RFC 9110, 10.2.3.
  public static func read(_ headers: WebHeaders, now: Double) -> Duration? {
    if let text = headers["retry-after-ms"], let milliseconds = number(text) {
      return duration(milliseconds / 1000)
    }
    guard let text = headers["retry-after"] else { return nil }
    if let seconds = number(text) { return duration(seconds) }
    guard let date = HTTPDate.secondsSince1970(text) else { return nil }
    return duration(max(0, date - now))
  }

  /// Digits with at most one point: no sign, no exponent, no hexadecimal, as `Double` would allow.
  private static func number(_ text: String) -> Double? {
    let bytes = trimmed(text)
    guard !bytes.isEmpty, bytes.count <= 20, bytes.first != 0x2E,
      bytes.allSatisfy({ (0x30...0x39).contains($0) || $0 == 0x2E }),
      bytes.filter({ $0 == 0x2E }).count <= 1
    else { return nil }
    return Double(String(decoding: bytes, as: UTF8.self))
  }

  private static func duration(_ seconds: Double) -> Duration? {
    seconds.isFinite && seconds >= 0 && seconds <= longest ? .seconds(seconds) : nil
  }

  private static func trimmed(_ text: String) -> ArraySlice<UInt8> {
    var bytes = Array(text.utf8)[...]
    while let last = bytes.last, last == 0x20 || last == 0x09 { bytes.removeLast() }
    return bytes.drop { $0 == 0x20 || $0 == 0x09 }
  }
}

/// The three date forms of HTTP, without Foundation's formatter, which costs milliseconds to set up.
public enum HTTPDate {
  private static let months = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
  ]

  /// - Returns: seconds since 1970 in UTC; `nil` for what is no date.
  /// - Complexity: O(length). Source: RFC 9110, 5.6.7 (IMF-fixdate, RFC 850, asctime).
  public static func secondsSince1970(_ text: String) -> Double? {
    guard text.utf8.count <= 64 else { return nil }
    // "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"
    let words = text.utf8.split { $0 == 0x20 || $0 == 0x2C || $0 == 0x2D }.map {
      String(decoding: $0.map(lower), as: UTF8.self)
    }
    guard words.count >= 5 else { return nil }
    let day: Int?, month: Int?, time: String
    var year: Int?
    if let named = months.firstIndex(of: words[1]) {
      (month, day, time, year) = (named, Int(words[2]), words[3], Int(words[4]))
    } else {
      guard words.count >= 6, words[5] == "gmt" || words[5] == "utc" else { return nil }
      (day, month, year, time) = (
        Int(words[1]), months.firstIndex(of: words[2]), Int(words[3]), words[4]
      )
      // Two digits: RFC 9110 asks for the nearest; nothing that we read is older than 1970.
      if let short = year, words[3].utf8.count == 2 { year = short + (short < 70 ? 2000 : 1900) }
    }
    let clock = time.utf8.split(separator: 0x3A, omittingEmptySubsequences: false).map {
      Int(String(decoding: $0, as: UTF8.self))
    }
    guard let day, let month, let year, clock.count == 3, let hour = clock[0],
      let minute = clock[1], let second = clock[2], (1970...9999).contains(year),
      (1...31).contains(day), (0...23).contains(hour), (0...59).contains(minute),
      (0...60).contains(second)
    else { return nil }
    let seconds = days(year, month + 1, day) * 86_400 + hour * 3600 + minute * 60 + second
    return Double(seconds)
  }

  /// Days since 1970-01-01 in the Gregorian calendar, with years that begin in March so that the
  /// leap day is the last of its year.
  private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
    let y = month <= 2 ? year - 1 : year
    let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
    return y * 365 + y / 4 - y / 100 + y / 400 + dayOfYear - 719_468
  }
}
