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
  }

  private struct State {
    var asked: [[String]: Asked] = [:]
    var marks: [String: Mark] = [:]
    var lastDueLook: ContinuousClock.Instant?
    /// Kinds whose jobs in groups are all held back by their limits.
    var heldUntil: [String: ContinuousClock.Instant] = [:]
  }

  private let state = Mutex(State())
  static let second = Duration.seconds(1)

  private static func isOver(_ look: ContinuousClock.Instant?) -> Bool {
    look.map { $0.duration(to: .now) >= second } ?? true
  }

  /// - Parameter kinds: in order.
  func plan(_ kinds: [String]) -> Plan {
    state.withLock { state in
      var asked = state.asked[kinds, default: Asked()]
      defer { state.asked[kinds] = asked }
      asked.claims += 1
      let makesDue = asked.cameShort || Self.isOver(state.lastDueLook)
      if makesDue { state.lastDueLook = .now }
      let isFull = asked.cameShort || Self.isOver(asked.lastFullLook)
      if isFull { asked.lastFullLook = .now }
      let mayHaveGroups = asked.hasGroups || Self.isOver(asked.lastGroupLook)
      return Plan(
        makesDue: makesDue, groupsFirst: mayHaveGroups && asked.claims.isMultiple(of: 2),
        usesMarks: !isFull)
    }
  }

  func ended(short: Bool, _ kinds: [String]) {
    state.withLock { $0.asked[kinds, default: Asked()].cameShort = short }
  }
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
