public import Foundation

/// Decides who is told of a notice. The same notice, policies and time give the same answer.
public enum NoticeRouting {
  public enum Time: Sendable, Hashable {
    case now
    /// At the end of quiet hours.
    case at(Date)
    /// With others, in the digest of this name.
    case digest(String, due: Date)
  }

  /// One message to one place.
  public struct Delivery: Sendable, Hashable {
    public var destination: NoticeDestination
    public var time: Time
    public var template: NoticeTemplate?
    /// Which route of which policy decided, such as `.stet.yml, route 2`.
    public var reason: String
  }

  /// A route that asked for nothing, and why.
  public struct Silence: Sendable, Hashable {
    public var route: String
    public var reason: String
  }

  public struct Plan: Sendable, Hashable {
    public var deliveries: [Delivery]
    public var silences: [Silence]
  }

  /// A policy by the name that reasons call it by.
  public struct Source: Sendable, Hashable {
    public var name: String
    public var policy: NotifyPolicy

    public init(name: String, policy: NotifyPolicy) {
      self.name = name
      self.policy = policy
    }
  }

  /// - Parameter sources: in order; where two routes name the same place, the one that speaks earlier
  ///   counts, so that nobody is told twice.
  public static func plan(_ notice: Notice, _ sources: [Source], now: Date) -> Plan {
    var plan = Plan(deliveries: [], silences: [])
    for source in sources {
      for (index, route) in source.policy.routes.enumerated() {
        let name = "\(source.name), route \(index + 1)"
        if let reason = reasonForSilence(route, notice) {
          plan.silences.append(Silence(route: name, reason: reason))
          continue
        }
        guard let time = time(of: route, source.policy.quiet, notice, name, now) else {
          plan.silences.append(Silence(route: name, reason: "the hour is quiet"))
          continue
        }
        for destination in route.destinations {
          add(
            Delivery(
              destination: destination, time: time, template: route.template, reason: name),
            to: &plan, now)
        }
      }
    }
    return plan
  }

  private static func add(_ delivery: Delivery, to plan: inout Plan, _ now: Date) {
    guard let known = plan.deliveries.firstIndex(where: { $0.destination == delivery.destination })
    else {
      plan.deliveries.append(delivery)
      return
    }
    if moment(delivery.time, now) < moment(plan.deliveries[known].time, now) {
      plan.deliveries[known] = delivery
    }
  }

  private static func moment(_ time: Time, _ now: Date) -> Date {
    switch time {
    case .now: now
    case .at(let date), .digest(_, let date): date
    }
  }

  private static func reasonForSilence(_ route: NotifyPolicy.Route, _ notice: Notice) -> String? {
    // Somebody who tries whether messages arrive wants to see one.
    if notice.event == .test { return nil }
    if !route.events.isEmpty, !route.events.contains(notice.event) {
      return "it is not told of '\(notice.event.rawValue)'"
    }
    if notice.severity < route.severity {
      return "'\(notice.severity.rawValue)' is below '\(route.severity.rawValue)'"
    }
    let repository = "\(notice.repository)".lowercased()
    if !route.repositories.isEmpty,
      !route.repositories.contains(where: { matches($0.lowercased(), repository) })
    {
      return "it is not told of this repository"
    }
    return nil
  }

  /// `*` stands for any letters but a slash. - Complexity: O(a · b).
  static func matches(_ glob: String, _ name: String) -> Bool {
    let (glob, name) = (Array(glob.utf8), Array(name.utf8))
    var (place, at) = (0, 0)
    var star: (glob: Int, name: Int)?
    while at < name.count {
      if place < glob.count, glob[place] == UInt8(ascii: "*") {
        star = (place, at)
        place += 1
      } else if place < glob.count, glob[place] == name[at] {
        place += 1
        at += 1
      } else if let last = star, name[last.name] != UInt8(ascii: "/") {
        star = (last.glob, last.name + 1)
        place = last.glob + 1
        at = last.name + 1
      } else {
        return false
      }
    }
    while place < glob.count, glob[place] == UInt8(ascii: "*") { place += 1 }
    return place == glob.count
  }

  /// - Returns: `nil`: not at all.
  private static func time(
    of route: NotifyPolicy.Route, _ quiet: QuietHours, _ notice: Notice, _ name: String, _ now: Date
  ) -> Time? {
    let wakes = notice.event == .test ? nil : quiet.end(at: now)
    if let digest = route.digest, notice.event != .test {
      var due = digest.next(after: now, zone: quiet.zone)
      if route.atNight != .send, let end = quiet.end(at: due) { due = end }
      return .digest("\(notice.repository) \(name) \(Int(due.timeIntervalSince1970))", due: due)
    }
    guard let wakes else { return .now }
    switch route.atNight {
    case .send: return .now
    case .drop: return nil
    case .hold: return .at(wakes)
    }
  }
}
