import Jobs
import Synchronization

/// What one store remembers from claim to claim, so that it asks the database no more than it must.
/// Nothing of it is needed for what is right: it is all looked up again within a second.
final class ClaimMemory: Sendable {
  /// The last job of its kind that was claimed: where to look for the next.
  struct Mark: Sendable, Comparable {
    var priority: Int64
    var scheduledAt: Double
    var id: String

    static let lowest = Mark(priority: .min, scheduledAt: -1e300, id: "")

    static func < (one: Mark, other: Mark) -> Bool {
      (one.priority, one.scheduledAt, one.id) < (other.priority, other.scheduledAt, other.id)
    }
  }

  /// How one claim begins.
  struct Plan {
    var makesDue: Bool
    /// Jobs in groups go first.
    var groupsFirst: Bool
    var usesMarks: Bool
  }

  private struct State {
    var claims = 0
    var marks: [String: Mark] = [:]
    var lastFullLook: ContinuousClock.Instant?
    var lastDueLook: ContinuousClock.Instant?
    var lastGroupLook: ContinuousClock.Instant?
    var hasGroups = false
    var cameShort = true
    /// What the last look from the front took.
    var fullLookTook = Duration.zero
    var lookedFully = false
    var claimedJobs = 0
    var left: Left?
    /// Kinds whose jobs in groups are all held back by their limits.
    var heldUntil: [String: ContinuousClock.Instant] = [:]
  }

  /// What is known after a claim that came short.
  private struct Left {
    var kinds: [String]
    var at: ContinuousClock.Instant
    /// Also before the marks.
    var isCertain: Bool
    /// When the next that waits is due; `nil`: nobody asked.
    var due: ContinuousClock.Instant?
  }

  private let state = Mutex(State())
  /// Where many rows at the front are gone and cannot be cleared away, because a transaction of
  /// somebody has been open for long, a look from there takes long: it gets a tenth of the time.
  private static let shareOfFullLooks = 10
  /// So few jobs leave no such front.
  private static let fewJobs = 1_000
  private static let leftFor = Duration.milliseconds(20)
  static let second = Duration.seconds(1)

  private static func isOver(
    _ look: ContinuousClock.Instant?, _ pause: Duration = second
  ) -> Bool {
    look.map { $0.duration(to: .now) >= pause } ?? true
  }

  private static func pause(_ state: State) -> Duration {
    state.claimedJobs < fewJobs ? .zero : min(second, state.fullLookTook * shareOfFullLooks)
  }

  private static func mayLookFully(_ state: State) -> Bool {
    isOver(state.lastFullLook, pause(state))
  }

  func plan(_ kinds: [String] = []) -> Plan {
    state.withLock { state in
      state.claims += 1
      var isDue = state.cameShort
      if let left = state.left, left.kinds == kinds, let due = left.due, due > .now {
        isDue = false
      }
      let makesDue = isDue || Self.isOver(state.lastDueLook)
      if makesDue { state.lastDueLook = .now }
      let isFull =
        state.cameShort && Self.mayLookFully(state) || Self.isOver(state.lastFullLook)
      if isFull { state.lastFullLook = .now }
      state.lookedFully = isFull
      let mayHaveGroups = state.hasGroups || Self.isOver(state.lastGroupLook)
      return Plan(
        makesDue: makesDue, groupsFirst: mayHaveGroups && state.claims.isMultiple(of: 2),
        usesMarks: !isFull)
    }
  }

  /// Whether one that came short after the marks may look from the front now.
  func beginsFullLook() -> Bool {
    state.withLock { state in
      guard Self.mayLookFully(state) else { return false }
      state.lastFullLook = .now
      state.lookedFully = true
      return true
    }
  }

  /// Where there is no mark, every look is one from the front.
  func looksFully() { state.withLock { $0.lookedFully = true } }

  /// - Parameter found: jobs, which took time of their own.
  func endedFullLook(_ took: Duration, found: Int) {
    let looking = max(.zero, took - .microseconds(100) * found)
    state.withLock { $0.fullLookTook = looking }
  }

  func ended(short: Bool, of kinds: [String] = []) {
    state.withLock { state in
      state.cameShort = short
      state.left = short ? Left(kinds: kinds, at: .now, isCertain: state.lookedFully) : nil
    }
  }

  /// Whether a claim found just now that none of the kinds is ready. It is then asked no more
  /// whether one is, but perhaps whether one stands before the marks, in so many seconds.
  func isEmpty(_ kinds: [String]) -> (isEmpty: Bool, untilFullLook: Double?) {
    state.withLock { state in
      guard let left = state.left, left.kinds == kinds, !Self.isOver(left.at, Self.leftFor) else {
        return (false, nil)
      }
      guard !left.isCertain, let look = state.lastFullLook else { return (true, nil) }
      return (true, max(0.001, (Self.pause(state) - look.duration(to: .now)).inSeconds))
    }
  }

  /// - Parameter seconds: until the next that waits is due, where one does.
  func due(_ kinds: [String], in seconds: Double?) {
    state.withLock { state in
      guard state.left?.kinds == kinds else { return }
      state.left?.due = .now + .seconds(min(seconds ?? 60, 60))
    }
  }

  /// More than one look could make available is due.
  func moreIsDue() { state.withLock { $0.lastDueLook = nil } }

  // MARK: - Marks

  func marks(of kinds: [String]) -> [Mark] {
    state.withLock { state in kinds.map { state.marks[$0] ?? .lowest } }
  }

  func claimed(_ kind: String, _ mark: Mark) {
    state.withLock { state in
      state.claimedJobs += 1
      state.marks[kind] = max(state.marks[kind] ?? mark, mark)
    }
  }

  func forgetMarks(of kinds: [String]) {
    state.withLock { state in for kind in kinds { state.marks[kind] = nil } }
  }

  /// Jobs were made available that are older than what is claimed just now.
  func forgetMarks() {
    state.withLock { state in
      state.marks = [:]
      state.left = nil
    }
  }

  /// What is more urgent than what was claimed last is found at once.
  func added(_ jobs: [NewJob]) {
    state.withLock { state in
      state.left = nil
      for job in jobs {
        if let mark = state.marks[job.kind], job.priority < mark.priority {
          state.marks[job.kind] = nil
        }
      }
    }
  }

  // MARK: - Groups

  func sawGroups(_ has: Bool, of kinds: [String]) {
    state.withLock { state in
      state.hasGroups = has
      state.lastGroupLook = .now
      if !has { for kind in kinds { state.heldUntil[kind] = nil } }
    }
  }

  func held(_ kinds: [String], for seconds: Double?) {
    let until = seconds.map { ContinuousClock.now + .seconds($0) }
    state.withLock { state in for kind in kinds { state.heldUntil[kind] = until } }
  }

  /// Seconds until one of them may be free; zero where nobody knows better.
  func heldFor(_ kinds: [String]) -> Double {
    state.withLock { state in
      kinds.map { kind in
        state.heldUntil[kind].map { max(0, ContinuousClock.now.duration(to: $0).inSeconds) } ?? 0
      }.min() ?? 0
    }
  }
}
