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
    /// Kinds whose jobs in groups are all held back by their limits.
    var heldUntil: [String: ContinuousClock.Instant] = [:]
    var lastSweep: ContinuousClock.Instant?
  }

  private let state = Mutex(State())
  static let second = Duration.seconds(1)

  private static func isOver(_ look: ContinuousClock.Instant?) -> Bool {
    look.map { $0.duration(to: .now) >= second } ?? true
  }

  func plan() -> Plan {
    state.withLock { state in
      state.claims += 1
      let makesDue = state.cameShort || Self.isOver(state.lastDueLook)
      if makesDue { state.lastDueLook = .now }
      let isFull = state.cameShort || Self.isOver(state.lastFullLook)
      if isFull { state.lastFullLook = .now }
      let mayHaveGroups = state.hasGroups || Self.isOver(state.lastGroupLook)
      return Plan(
        makesDue: makesDue, groupsFirst: mayHaveGroups && state.claims.isMultiple(of: 2),
        usesMarks: !isFull)
    }
  }

  func ended(short: Bool) { state.withLock { $0.cameShort = short } }
  /// More than one look could make available is due.
  func moreIsDue() { state.withLock { $0.lastDueLook = nil } }

  // MARK: - Marks

  func marks(of kinds: [String]) -> [Mark] {
    state.withLock { state in kinds.map { state.marks[$0] ?? .lowest } }
  }

  func claimed(_ kind: String, _ mark: Mark) {
    state.withLock { $0.marks[kind] = max($0.marks[kind] ?? mark, mark) }
  }

  func forgetMarks(of kinds: [String]) {
    state.withLock { state in for kind in kinds { state.marks[kind] = nil } }
  }

  /// Jobs were made available that are older than what is claimed just now.
  func forgetMarks() { state.withLock { $0.marks = [:] } }

  /// What is more urgent than what was claimed last is found at once.
  func added(_ jobs: [NewJob]) {
    state.withLock { state in
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

  /// - Returns: true once in ten minutes.
  func isTimeToSweep() -> Bool {
    state.withLock { state in
      if let last = state.lastSweep, last.duration(to: .now) < .seconds(600) { return false }
      defer { state.lastSweep = .now }
      return state.lastSweep != nil
    }
  }
}
