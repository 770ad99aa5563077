import Domain
import Foundation
import Yams

extension PolicyReader {
  private static let notifyKeys = ["time_zone", "quiet_hours", "routes"]
  private static let routeKeys = [
    "events", "severity", "repositories", "to", "digest", "quiet", "template",
  ]
  private static let weekdays = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
  private static let mostRoutes = 50
  /// Of one route: each is a message of its own for each event.
  private static let mostDestinations = 10

  mutating func notify(_ node: Node, into policy: inout NotifyPolicy) {
    if isNull(node) { return }
    guard let mapping = node.mapping else {
      report(node, "notify", "expected keys such as 'routes:', found \(kind(node))")
      return
    }
    for (key, value) in mapping {
      let name = key.string ?? ""
      let path = "notify.\(name)"
      switch name {
      case "time_zone":
        if let zone = text(value, path, longest: 60) {
          if zone.contains("/") || zone == "UTC", TimeZone(identifier: zone) != nil {
            policy.quiet.zone = zone
          } else {
            report(value, path, "\(shown(value)) is no time zone; write one such as Europe/Berlin")
          }
        }
      case "quiet_hours": policy.quiet.windows = windows(value, path)
      case "routes": policy.routes = routes(value, path)
      default: unknown(key, name, in: "notify", allowed: Self.notifyKeys)
      }
    }
    if !policy.quiet.leavesTime {
      report(node, "notify.quiet_hours", "no minute of the week is left in which to tell anybody")
      policy.quiet.windows = []
    }
  }

  private mutating func routes(_ node: Node, _ path: String) -> [NotifyPolicy.Route] {
    if isNull(node) { return [] }
    guard let items = node.sequence else {
      report(node, path, "expected a list of routes, each with 'to:', found \(kind(node))")
      return []
    }
    if items.count > Self.mostRoutes {
      report(node, path, "has \(items.count) routes, more than the \(Self.mostRoutes) allowed")
      return []
    }
    return items.enumerated().compactMap { index, item in route(item, "\(path)[\(index)]") }
  }

  private mutating func route(_ node: Node, _ path: String) -> NotifyPolicy.Route? {
    guard let mapping = node.mapping else {
      report(node, path, "expected keys such as 'to:', found \(kind(node))")
      return nil
    }
    var route = NotifyPolicy.Route(destinations: [])
    for (key, value) in mapping {
      let name = key.string ?? ""
      let keyPath = "\(path).\(name)"
      switch name {
      case "events":
        route.events = Set(
          words(value, keyPath).compactMap { node, word in
            choice(word, node, keyPath, Notice.Event.self)
          })
      case "severity":
        if let word = text(value, keyPath, longest: 40),
          let severity = choice(word, value, keyPath, Severity.self)
        {
          route.severity = severity
        }
      case "repositories": route.repositories = words(value, keyPath).map(\.1)
      case "to":
        route.destinations = words(value, keyPath).compactMap { destination($0, $1, keyPath) }
        if route.destinations.count > Self.mostDestinations {
          report(
            value, keyPath,
            "names \(route.destinations.count) places, more than the \(Self.mostDestinations) allowed"
          )
        }
      case "digest": route.digest = digest(value, keyPath)
      case "quiet":
        if let word = text(value, keyPath, longest: 40),
          let choice = choice(word, value, keyPath, NotifyPolicy.AtNight.self)
        {
          route.atNight = choice
        }
      case "template": route.template = template(value, keyPath)
      default: unknown(key, name, in: path, allowed: Self.routeKeys)
      }
    }
    if mapping[Node("to")] == nil { report(node, path, "'to' is missing: whom does it tell?") }
    return route
  }

  // MARK: - Values

  /// One text, or a list of them.
  private mutating func words(_ node: Node, _ path: String) -> [(Node, String)] {
    if isNull(node) { return [] }
    guard let items = node.sequence else {
      return text(node, path, longest: 2_000).map { [(node, $0)] } ?? []
    }
    var words: [(Node, String)] = []
    for (index, item) in items.enumerated() {
      if let word = text(item, "\(path)[\(index)]", longest: 2_000) { words.append((item, word)) }
    }
    return words
  }

  private mutating func choice<Choice: RawRepresentable<String> & CaseIterable>(
    _ word: String, _ node: Node, _ path: String, _: Choice.Type
  ) -> Choice? {
    if let choice = Choice(rawValue: word.lowercased()) { return choice }
    let known = Choice.allCases.map(\.rawValue)
    let near = nearest(word.lowercased(), known)
    report(
      node, path,
      "expected \(known.joined(separator: ", ")), found \(shown(node))"
        + (near.map { "; did you mean '\($0)'?" } ?? ""))
    return nil
  }

  private mutating func destination(
    _ node: Node, _ word: String, _ path: String
  ) -> NoticeDestination? {
    if let destination = NoticeDestination(word) { return destination }
    report(
      node, path,
      "expected slack, slack:NAME, mail, mail:ADDRESS, webhook or an https address, "
        + "found \(shown(node))")
    return nil
  }

  private mutating func template(_ node: Node, _ path: String) -> NoticeTemplate? {
    guard let text = text(node, path, longest: NoticeTemplate.longest) else { return nil }
    let template = NoticeTemplate(text)
    for name in template.unknownNames {
      let near = nearest(name, NoticeTemplate.names)
      report(
        node, path,
        "nothing is called '\(Defanged.forTerminal(name, oneLine: true, limit: 40))'; "
          + (near.map { "did you mean '{\($0)}'?" }
            ?? "allowed are \(NoticeTemplate.names.map { "{\($0)}" }.joined(separator: ", "))"))
    }
    return template.unknownNames.isEmpty ? template : nil
  }

  // MARK: - Times

  private mutating func windows(_ node: Node, _ path: String) -> [QuietHours.Window] {
    words(node, path).compactMap { node, word in
      if let window = Self.window(word) { return window }
      report(
        node, path,
        "expected hours such as '22:00-07:00' or 'sat,sun 00:00-24:00', found \(shown(node))")
      return nil
    }
  }

  private static func window(_ text: String) -> QuietHours.Window? {
    let parts = text.lowercased().split(separator: " ")
    guard let hours = parts.last, parts.count <= 2 else { return nil }
    let ends = hours.split(separator: "-", omittingEmptySubsequences: false)
    guard ends.count == 2, let from = minute(ends[0]), let to = minute(ends[1]), from < 1_440,
      to > 0, from != to
    else { return nil }
    guard parts.count == 2 else { return QuietHours.Window(from: from, to: to) }
    guard let days = days(parts[0]) else { return nil }
    return QuietHours.Window(days: days, from: from, to: to)
  }

  /// Such as `mon-fri` or `sat,sun`.
  private static func days(_ text: Substring) -> Set<Int>? {
    var days: Set<Int> = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let ends = part.split(separator: "-", omittingEmptySubsequences: false)
        .map { weekdays.firstIndex(of: String($0)) }
      guard let first = ends.first ?? nil, let last = ends.last ?? nil, ends.count <= 2 else {
        return nil
      }
      var day = first
      days.insert(day)
      while day != last {
        day = (day + 1) % 7
        days.insert(day)
      }
    }
    return days
  }

  private static func minute(_ text: Substring) -> Int? {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, parts.allSatisfy({ $0.utf8.count == 2 }),
      parts.allSatisfy({ $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }),
      let hour = Int(parts[0]), let minute = Int(parts[1]), minute < 60,
      hour < 24 || hour == 24 && minute == 0
    else { return nil }
    return hour * 60 + minute
  }

  /// `hourly`, `daily`, `daily 09:00`, `weekly mon 09:00`.
  private mutating func digest(_ node: Node, _ path: String) -> DigestTime? {
    guard let word = text(node, path, longest: 60) else { return nil }
    let parts = word.lowercased().split(separator: " ")
    let minute = parts.last.flatMap(Self.minute)
    switch (parts.first, parts.count) {
    case ("hourly", 1): return DigestTime(.hourly, minute: 0)
    case ("daily", 1): return DigestTime(.daily)
    case ("daily", 2):
      if let minute, minute < 1_440 { return DigestTime(.daily, minute: minute) }
    case ("weekly", 1): return DigestTime(.weekly)
    case ("weekly", 2), ("weekly", 3):
      if let day = Self.weekdays.firstIndex(of: String(parts[1])), parts.count == 2 {
        return DigestTime(.weekly, weekday: day)
      } else if let day = Self.weekdays.firstIndex(of: String(parts[1])), let minute, minute < 1_440
      {
        return DigestTime(.weekly, minute: minute, weekday: day)
      }
    default: break
    }
    report(
      node, path,
      "expected hourly, 'daily 09:00' or 'weekly mon 09:00', found \(shown(node))")
    return nil
  }
}
