import Foundation

/// What the clocks of a place show. Instants are seconds since 1970; local times are too, as if
/// they were of UTC, so that days and minutes can be counted.
struct LocalClock {
  enum Shown: Equatable {
    /// When clocks show it: once, or twice where they are set back.
    case shown(first: Int, second: Int?)
    /// Never: they are set forward over it. - Parameters: the moment after the gap, and what they
    /// show then.
    case skipped(until: Int, showing: Int)
  }

  /// A change of the offset: seconds to be added to an instant, before it and from it on.
  struct Change: Equatable {
    var at: Int
    var before: Int
    var after: Int
  }

  /// No place is further from UTC, and no clock was ever set by more than a day.
  private static let reach = 26 * 3_600

  private let zone: TimeZone

  init(_ zone: TimeZone) { self.zone = zone }

  func offset(at instant: Int) -> Int {
    zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(instant)))
  }

  func instants(showing local: Int) -> Shown {
    let (early, late) = (local - Self.reach, local + Self.reach)
    let (before, after) = (offset(at: early), offset(at: late))
    if before == after { return .shown(first: local - before, second: nil) }
    let change = change(from: early, to: late)
    let (isFirst, isSecond) = (
      local - change.before < change.at, local - change.after >= change.at
    )
    switch (isFirst, isSecond) {
    case (true, true):
      return .shown(first: local - change.before, second: local - change.after)
    case (true, false): return .shown(first: local - change.before, second: nil)
    case (false, true): return .shown(first: local - change.after, second: nil)
    case (false, false):
      return .skipped(until: change.at, showing: change.at + change.after)
    }
  }

  /// The next time that clocks are set back such that they will show again what they show now.
  func settingBack(within instant: Int) -> Change? {
    let before = offset(at: instant)
    guard offset(at: instant + Self.reach) < before else { return nil }
    let change = change(from: instant, to: instant + Self.reach)
    return change.at + change.after <= instant + before ? change : nil
  }

  /// The change between two instants of different offsets, of which there is one.
  private func change(from early: Int, to late: Int) -> Change {
    let before = offset(at: early)
    var (low, high) = (early, late)
    while high - low > 1 {
      let middle = low + (high - low) / 2
      if offset(at: middle) == before { low = middle } else { high = middle }
    }
    return Change(at: high, before: before, after: offset(at: high))
  }
}
