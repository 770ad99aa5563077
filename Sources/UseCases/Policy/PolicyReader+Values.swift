import Domain
import Foundation
import Yams

/// Values that rules are made of.
extension PolicyReader {
  /// A number alone means, depending on the question, exactly that or that at least.
  enum BareNumber { case exactly, atLeast }

  /// Judging a policy costs no more than its patterns times what they are held against.
  static let patternAllowance = 8_192

  /// `nil` for a mapping that is not one; nothing reads like an empty one.
  mutating func keys(_ node: Node, _ path: String, such example: String) -> Node.Mapping? {
    if isNull(node) { return nil }
    guard let mapping = node.mapping else {
      report(node, path, "expected keys such as '\(example):', found \(kind(node))")
      return nil
    }
    return mapping
  }

  /// A text, or a list of texts.
  mutating func words(_ node: Node, _ path: String, longest: Int = 256) -> [String] {
    guard let items = node.sequence else {
      return text(node, path, longest: longest).map { [$0] } ?? []
    }
    var words: [String] = []
    for (index, item) in items.enumerated() {
      if let word = text(item, "\(path)[\(index)]", longest: longest) { words.append(word) }
    }
    if items.isEmpty { report(node, path, "the list is empty; name at least one") }
    return words
  }

  mutating func flag(_ node: Node, _ path: String) -> Bool? {
    if let flag = node.bool { return flag }
    report(node, path, "expected true or false, found \(shown(node))")
    return nil
  }

  mutating func choice<Choice: RawRepresentable<String> & CaseIterable>(
    _ node: Node, _ path: String, _ type: Choice.Type
  ) -> Choice? {
    let word = node.scalar?.string ?? ""
    if let choice = Choice(rawValue: word.lowercased()) { return choice }
    let known = Choice.allCases.map(\.rawValue)
    let near = nearest(word.lowercased(), known).map { "; did you mean '\($0)'?" } ?? ""
    report(node, path, "expected \(known.joined(separator: ", ")), found \(shown(node))\(near)")
    return nil
  }

  mutating func choices<Choice: RawRepresentable<String> & CaseIterable>(
    _ node: Node, _ path: String, _ type: Choice.Type
  ) -> [Choice] {
    guard let items = node.sequence else { return choice(node, path, type).map { [$0] } ?? [] }
    var found: [Choice] = []
    for (index, item) in items.enumerated() {
      if let one = choice(item, "\(path)[\(index)]", type) { found.append(one) }
    }
    if items.isEmpty { report(node, path, "the list is empty; name at least one") }
    return found
  }

  mutating func people(_ node: Node, _ path: String) -> PolicyPeople {
    let words = words(node, path)
    charge(words, node, path)
    return PolicyPeople(words)
  }

  mutating func names(
    _ node: Node, _ path: String, ignoresCase: Bool = false, isBranch: Bool = false
  ) -> [NameGlob] {
    let words = words(node, path, longest: NameGlob.longest)
    charge(words, node, path)
    return words.map { NameGlob($0, ignoresCase: ignoresCase, stopsAtSlash: isBranch) }
  }

  mutating func paths(_ node: Node, _ path: String) -> [PathPattern] {
    let texts =
      node.sequence == nil ? glob(node, path).map { [$0] } ?? [] : patterns(node, path)
    charge(texts, node, path)
    return texts.compactMap { try? PathPattern($0) }
  }

  mutating func pattern(_ node: Node, _ path: String) -> TextPattern? {
    guard let text = text(node, path, longest: TextPattern.longest) else { return nil }
    do {
      let pattern = try TextPattern(text)
      // A text is longer than a path or a name.
      charge([text, text, text, text], node, path)
      return pattern
    } catch {
      report(node, path, error.description)
      return nil
    }
  }

  private mutating func charge(_ patterns: [String], _ node: Node, _ path: String) {
    let before = patternBytes
    patternBytes += patterns.reduce(0) { $0 + $1.utf8.count + 1 }
    if before <= Self.patternAllowance, patternBytes > Self.patternAllowance {
      report(
        node, path,
        "the patterns of all rules have more than \(Self.patternAllowance) bytes together; "
          + "use fewer or shorter ones")
    }
  }

  mutating func template(
    _ node: Node, _ path: String, longest: Int = 4_000
  ) -> PolicyTemplate? {
    guard let text = text(node, path, longest: longest) else { return nil }
    do { return try PolicyTemplate(text) } catch {
      let known = PolicyTemplate.Place.allCases.map(\.rawValue)
      let near = error.word.flatMap { nearest($0, known) }.map { "; did you mean '{\($0)}'?" } ?? ""
      report(node, path, error.description + near)
      return nil
    }
  }

  // MARK: Numbers

  mutating func range(
    _ node: Node, _ path: String, bare: BareNumber = .exactly
  ) -> PolicyRange? {
    range(
      node, path, bare: bare, example: "'>= 2', '< 400' or '1..5'",
      number: { Int($0).flatMap { $0 >= 0 && $0 <= 1_000_000_000 ? $0 : nil } })
  }

  mutating func percent(_ node: Node, _ path: String) -> PolicyRange? {
    range(
      node, path, bare: .atLeast, example: "'>= 80%'",
      number: { text in
        Int(text.hasSuffix("%") ? text.dropLast() : text[...]).flatMap {
          (0...100).contains($0) ? $0 : nil
        }
      })
  }

  /// In seconds.
  mutating func span(_ node: Node, _ path: String) -> PolicyRange? {
    range(
      node, path, bare: .atLeast, example: "'> 30d', '>= 12h' or '< 2w'", number: Self.seconds)
  }

  /// Such as `90s`, `15min`, `12h`, `30d`, `2w`.
  static func seconds(_ text: String) -> Int? {
    let units = ["s": 1, "min": 60, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800]
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    guard let number = Int(digits), number <= 100_000,
      let unit = units[text.dropFirst(digits.count).trimmingCharacters(in: .whitespaces)]
    else { return nil }
    return number * unit
  }

  private mutating func range(
    _ node: Node, _ path: String, bare: BareNumber, example: String, number: (String) -> Int?
  ) -> PolicyRange? {
    let text = (node.scalar?.string ?? "").trimmingCharacters(in: .whitespaces)
    if let range = Self.range(text, bare: bare, number: number) { return range }
    report(node, path, "expected a number or bounds such as \(example), found \(shown(node))")
    return nil
  }

  private static func range(
    _ text: String, bare: BareNumber, number: (String) -> Int?
  ) -> PolicyRange? {
    func rest(_ length: Int) -> Int? {
      number(text.dropFirst(length).trimmingCharacters(in: .whitespaces))
    }
    if let dots = text.range(of: "..") {
      guard let least = number(String(text[..<dots.lowerBound])),
        let most = number(String(text[dots.upperBound...])), least <= most
      else { return nil }
      return PolicyRange(least: least, most: most)
    }
    if text.hasPrefix(">=") { return rest(2).map { PolicyRange(least: $0) } }
    if text.hasPrefix("<=") { return rest(2).map { PolicyRange(most: $0) } }
    if text.hasPrefix(">") { return rest(1).map { PolicyRange(least: $0 + 1) } }
    if text.hasPrefix("<") {
      return rest(1).flatMap { $0 > 0 ? PolicyRange(most: $0 - 1) : nil }
    }
    if text.hasPrefix("=") {
      return rest(text.hasPrefix("==") ? 2 : 1).map { PolicyRange(least: $0, most: $0) }
    }
    return number(text).map { PolicyRange(least: $0, most: bare == .exactly ? $0 : nil) }
  }

  // MARK: Time

  mutating func time(_ node: Node, _ path: String) -> PolicyTime? {
    guard let mapping = keys(node, path, such: "hours") else { return nil }
    var time = PolicyTime()
    for (key, value) in mapping {
      let name = key.string ?? ""
      let place = "\(path).\(name)"
      switch name {
      case "days": time.days = days(value, place)
      case "hours":
        let parts = (value.scalar?.string ?? "").split(separator: "-").map(Self.minutes)
        if parts.count == 2, let from = parts[0], let until = parts[1], from != until,
          from < 1_440
        {
          (time.from, time.until) = (from, until)
        } else {
          report(value, place, "expected hours such as '09:00-17:30', found \(shown(value))")
        }
      case "zone":
        if let zone = text(value, place, longest: 60) {
          if TimeZone(identifier: zone) == nil {
            let near = nearest(zone, TimeZone.knownTimeZoneIdentifiers + ["UTC"])
            report(
              value, place,
              "expected a time zone such as 'Europe/Berlin', found \(shown(value))"
                + (near.map { "; did you mean '\($0)'?" } ?? ""))
          } else {
            time.zone = zone
          }
        }
      default: unknown(key, name, in: path, allowed: ["days", "hours", "zone"])
      }
    }
    return time
  }

  private static func minutes(_ text: Substring) -> Int? {
    let parts = text.trimmingCharacters(in: .whitespaces).split(separator: ":").map { Int($0) }
    guard parts.count == 2, let hour = parts[0], let minute = parts[1],
      (0...24).contains(hour), (0...59).contains(minute), hour * 60 + minute <= 1_440
    else { return nil }
    return hour * 60 + minute
  }

  /// `mon`, `mon-fri`, or a list of both.
  private mutating func days(_ node: Node, _ path: String) -> Set<PolicyTime.Day> {
    let all = PolicyTime.Day.allCases
    var days: Set<PolicyTime.Day> = []
    for word in words(node, path) {
      let parts = word.lowercased().split(separator: "-").map {
        PolicyTime.Day(rawValue: String($0.prefix(3)))
      }
      if parts.count == 1, let day = parts[0] {
        days.insert(day)
      } else if parts.count == 2, let first = parts[0].flatMap({ all.firstIndex(of: $0) }),
        let last = parts[1].flatMap({ all.firstIndex(of: $0) })
      {
        let count = (last - first + 7) % 7
        for offset in 0...count { days.insert(all[(first + offset) % 7]) }
      } else {
        report(node, path, "expected days such as 'mon-fri' or 'sat', found '\(word.prefix(20))'")
      }
    }
    return days
  }
}
