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

  /// Of the claims for the same kinds: a worker asks for several sets of kinds in turn.
  private struct Asked {
    var claims = 0
    var lastFullLook: ContinuousClock.Instant?
    var lastGroupLook: ContinuousClock.Instant?
    var hasGroups = false
    var cameShort = true
    /// What the last look from the front took.
    var fullLookTook = Duration.zero
    var lookedFully = false
    var left: Left?
  }

  /// What is known after a claim that came short.
  private struct Left {
    var at: ContinuousClock.Instant
    /// Also before the marks.
    var isCertain: Bool
    /// When the next that waits is due; `nil`: nobody asked.
    var due: ContinuousClock.Instant?
  }

  private struct State {
    var asked: [[String]: Asked] = [:]
    var marks: [String: Mark] = [:]
    var claimedJobs = 0
    var lastDueLook: ContinuousClock.Instant?
    /// Kinds whose jobs in groups are all held back by their limits.
    var heldUntil: [String: ContinuousClock.Instant] = [:]

    /// Between two looks from the front, where jobs may stand before the marks.
    func pause(_ asked: Asked) -> Duration {
      claimedJobs < fewJobs ? .zero : min(second, asked.fullLookTook * shareOfFullLooks)
    }

    func mayLookFully(_ asked: Asked) -> Bool { isOver(asked.lastFullLook, pause(asked)) }

    mutating func forgetWhatIsLeft() {
      for kinds in asked.keys { asked[kinds]?.left = nil }
    }
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

  /// - Parameter kinds: in order, as everywhere here.
  func plan(_ kinds: [String]) -> Plan {
    state.withLock { state in
      var asked = state.asked[kinds, default: Asked()]
      defer { state.asked[kinds] = asked }
      asked.claims += 1
      let isDue = asked.cameShort && !(asked.left?.due.map { $0 > .now } ?? false)
      let makesDue = isDue || Self.isOver(state.lastDueLook)
      if makesDue { state.lastDueLook = .now }
      let isFull = asked.cameShort && state.mayLookFully(asked) || Self.isOver(asked.lastFullLook)
      if isFull { asked.lastFullLook = .now }
      asked.lookedFully = isFull
      let mayHaveGroups = asked.hasGroups || Self.isOver(asked.lastGroupLook)
      return Plan(
        makesDue: makesDue, groupsFirst: mayHaveGroups && asked.claims.isMultiple(of: 2),
        usesMarks: !isFull)
    }
  }

  /// Whether one that came short after the marks may look from the front now.
  func beginsFullLook(_ kinds: [String]) -> Bool {
    state.withLock { state in
      guard state.mayLookFully(state.asked[kinds, default: Asked()]) else { return false }
      state.asked[kinds, default: Asked()].lastFullLook = .now
      state.asked[kinds]?.lookedFully = true
      return true
    }
  }

  /// Where there is no mark, every look is one from the front.
  func looksFully(_ kinds: [String]) {
    state.withLock { $0.asked[kinds, default: Asked()].lookedFully = true }
  }

  /// - Parameter found: jobs, which took time of their own.
  func endedFullLook(_ kinds: [String], took: Duration, found: Int) {
    let looking = max(.zero, took - .microseconds(100) * found)
    state.withLock { $0.asked[kinds, default: Asked()].fullLookTook = looking }
  }

  func ended(short: Bool, _ kinds: [String]) {
    state.withLock { state in
      var asked = state.asked[kinds, default: Asked()]
      asked.cameShort = short
      asked.left = short ? Left(at: .now, isCertain: asked.lookedFully) : nil
      state.asked[kinds] = asked
    }
  }

  /// Whether a claim found just now that none of the kinds is ready. It is then asked no more
  /// whether one is, but perhaps whether one stands before the marks, in so many seconds.
  func isEmpty(_ kinds: [String]) -> (isEmpty: Bool, untilFullLook: Double?) {
    state.withLock { state in
      guard let asked = state.asked[kinds], let left = asked.left,
        !Self.isOver(left.at, Self.leftFor)
      else { return (false, nil) }
      guard !left.isCertain, let look = asked.lastFullLook else { return (true, nil) }
      return (true, max(0.001, (state.pause(asked) - look.duration(to: .now)).inSeconds))
    }
  }

  /// - Parameter seconds: until the next that waits is due, where one does.
  func due(_ kinds: [String], in seconds: Double?) {
    state.withLock { $0.asked[kinds]?.left?.due = .now + .seconds(min(seconds ?? 60, 60)) }
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
      state.forgetWhatIsLeft()
    }
  }

  /// What is more urgent than what was claimed last is found at once.
  func added(_ jobs: [NewJob]) {
    state.withLock { state in
      state.forgetWhatIsLeft()
      for job in jobs {
        if let mark = state.marks[job.kind], job.priority < mark.priority {
          state.marks[job.kind] = nil
        }
      }
    }
  }

  // MARK: - Groups

  func sawGroups(_ has: Bool, _ kinds: [String]) {
    state.withLock { state in
      state.asked[kinds, default: Asked()].hasGroups = has
      state.asked[kinds, default: Asked()].lastGroupLook = .now
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
