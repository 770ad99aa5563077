import Domain
import Foundation

/// The primary limit of each hour, and the secondary one against bursts.
struct GitHubLimits {
  var limit = 5000
  var window: TimeInterval = 3600
  private var used: [String: Int] = [:]
  private var resets: [String: Date] = [:]
  /// Requests until the secondary limit strikes; `nil`: never.
  private var secondaryAfter: Int?
  private var secondaryWait: TimeInterval = 60
  private var secondaryStatus = 403
  private var secondaryUntil: Date?

  mutating func set(limit: Int, window: TimeInterval, now: Date) {
    self.limit = limit
    self.window = window
    used = [:]
    resets = [:]
  }

  mutating func setSecondary(after count: Int?, wait: TimeInterval, status: Int) {
    secondaryAfter = count
    secondaryWait = wait
    secondaryStatus = status
    secondaryUntil = nil
  }

  private mutating func begin(_ who: String, _ now: Date) -> Date {
    if let reset = resets[who], now < reset { return reset }
    used[who] = 0
    let reset = Date(timeIntervalSince1970: (now.timeIntervalSince1970 + window).rounded(.up))
    resets[who] = reset
    return reset
  }

  /// Counts a request. - Throws: where a limit is reached.
  mutating func count(_ who: String, now: Date) throws {
    if let until = secondaryUntil, now < until { throw secondary(until, now) }
    secondaryUntil = nil
    if let after = secondaryAfter {
      if after <= 0 {
        let until = now.addingTimeInterval(secondaryWait)
        secondaryAfter = nil
        secondaryUntil = until
        throw secondary(until, now)
      }
      secondaryAfter = after - 1
    }
    _ = begin(who, now)
    if used[who, default: 0] >= limit {
      throw GitHubRefusal(
        status: 403,
        message: "API rate limit exceeded for \(who). If you reach out to GitHub Support for help, "
          + "please include the request ID and timestamp.",
        documentation: "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api")
    }
    used[who, default: 0] += 1
  }

  /// A 304 is free.
  mutating func giveBack(_ who: String) { used[who, default: 1] -= 1 }

  private func secondary(_ until: Date, _ now: Date) -> GitHubRefusal {
    let wait = Int(until.timeIntervalSince(now).rounded(.up))
    return GitHubRefusal(
      status: secondaryStatus,
      message: "You have exceeded a secondary rate limit. Please wait a few minutes before you try "
        + "again. If you reach out to GitHub Support for help, please include the request ID.",
      documentation: "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api"
        + "#about-secondary-rate-limits",
      headers: [("retry-after", "\(max(1, wait))")])
  }

  mutating func state(_ who: String, now: Date) -> JSONValue {
    let reset = begin(who, now)
    let used = used[who, default: 0]
    return object([
      "limit": limit, "used": used, "remaining": max(0, limit - used),
      "reset": Int(reset.timeIntervalSince1970),
    ])
  }

  mutating func headers(_ who: String, now: Date, resource: String) -> [(
    name: String, value: String
  )] {
    let state = state(who, now: now)
    return ["limit", "remaining", "used", "reset"].map {
      (name: "x-ratelimit-\($0)", value: "\(state[$0]?.integer ?? 0)")
    } + [(name: "x-ratelimit-resource", value: resource)]
  }
}
