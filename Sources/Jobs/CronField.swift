/// One field of a cron expression: the values that it allows, one bit for each.
struct CronField: Sendable, Hashable {
  var values: UInt64
  /// Whether it begins with `*`, as Vixie cron tells "any" from a choice.
  var isOpen: Bool

  init(values: UInt64, isOpen: Bool) {
    self.values = values
    self.isOpen = isOpen
  }

  func contains(_ value: Int) -> Bool { values & (1 << UInt64(value)) != 0 }

  /// The least value that is at least `value`.
  func first(from value: Int) -> Int? {
    guard value < 64 else { return nil }
    let rest = values >> UInt64(max(0, value))
    return rest == 0 ? nil : max(0, value) + rest.trailingZeroBitCount
  }

  /// What a field may hold.
  struct Rule: Sendable {
    var name: String
    var range: ClosedRange<Int>
    /// Of the values from the first on.
    var names: [String] = []

    static let minute = Rule(name: "minute", range: 0...59)
    static let hour = Rule(name: "hour", range: 0...23)
    static let day = Rule(name: "day of the month", range: 1...31)
    static let month = Rule(
      name: "month", range: 1...12,
      names: [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
      ])
    /// 7 is Sunday too.
    static let weekday = Rule(
      name: "day of the week", range: 0...7,
      names: ["sun", "mon", "tue", "wed", "thu", "fri", "sat"])

    static let all = [minute, hour, day, month, weekday]

    /// A sentence's end.
    var allowed: String {
      let example = "\(range.lowerBound + 1)"
      var text = "allowed are \(range.lowerBound) to \(range.upperBound)"
      if let first = names.first, let last = names.last { text += " or \(first) to \(last)" }
      return text + ", each alone, in a list (\(example),\(range.lowerBound + 3)), as a range"
        + " (\(example)-\(range.lowerBound + 3)) or with a step (*/2), or * for all"
    }
  }

  /// - Throws: `CronError` that names the field, its text and what is allowed.
  init(_ text: Substring, _ rule: Rule) throws(CronError) {
    values = 0
    isOpen = text.unicodeScalars.first == "*"
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      values |= try Self.part(part, of: text, rule)
    }
    if rule.range.upperBound == 7, values & (1 << 7) != 0 { values = values & 0x7F | 1 }
  }

  private static func part(
    _ part: Substring, of text: Substring, _ rule: Rule
  ) throws(CronError) -> UInt64 {
    func wrong(_ why: String) -> CronError {
      CronError("its \(rule.name) is \(CronError.quoted(text)), \(why); \(rule.allowed)")
    }
    let pieces = part.split(separator: "/", omittingEmptySubsequences: false)
    guard let body = pieces.first, pieces.count <= 2 else { throw wrong("with two steps in one") }
    let step: Int
    if pieces.count == 2 {
      // A step over the whole range would run once, which is not what who writes it wants.
      let most = rule.range.upperBound
      guard let number = number(pieces[1]), (1...most).contains(number) else {
        throw wrong("whose step has to be 1 to \(most)")
      }
      step = number
    } else {
      step = 1
    }
    var range: ClosedRange<Int>
    let ends = body.split(separator: "-", omittingEmptySubsequences: false)
    if body == "*" {
      range = rule.range.lowerBound...(rule.range.upperBound == 7 ? 6 : rule.range.upperBound)
    } else if ends.count == 1, let first = value(ends[0], rule) {
      // As cron reads it: from there to the end where a step follows.
      range = first...(pieces.count == 2 ? max(first, rule.range.upperBound) : first)
      if pieces.count == 2, rule.range.upperBound == 7, first < 7 { range = first...6 }
    } else if ends.count == 2, let first = value(ends[0], rule), var last = value(ends[1], rule) {
      // Sunday ends a week as well as it begins one.
      if rule.range.upperBound == 7, last == 0, first > 0 { last = 7 }
      guard first <= last else { throw wrong("a range that ends before it begins") }
      range = first...last
    } else {
      throw wrong("which cannot be read")
    }
    return stride(from: range.lowerBound, through: range.upperBound, by: step)
      .reduce(0) { $0 | 1 << UInt64($1) }
  }

  private static func value(_ text: Substring, _ rule: Rule) -> Int? {
    if let number = number(text) { return rule.range.contains(number) ? number : nil }
    return rule.names.firstIndex(of: text.lowercased()).map { $0 + rule.range.lowerBound }
  }

  /// Digits only: `Int` would take signs.
  private static func number(_ text: Substring) -> Int? {
    let digits = text.utf8
    guard (1...4).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }) else {
      return nil
    }
    return digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
  }
}
