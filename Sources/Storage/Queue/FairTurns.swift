import Jobs

/// The rule by which jobs with groups and limits are chosen, over what the store knows of them.
struct FairTurns {
  struct Candidate: Equatable {
    var id: String
    var kind: String
    var group: String
    var priority: Int
    var scheduledAt: Double
    var limits: [JobLimit]
  }

  /// Whether a job may begin.
  enum Allowance: Equatable {
    case free
    /// So many seconds from now at the earliest.
    case after(Double)
    /// When one that runs ends.
    case busy
  }

  /// By the database, in seconds since 1970.
  let now: Double
  /// Jobs that run, by group and by the key of each limit.
  private(set) var runningInGroup: [String: Int] = [:]
  private(set) var runningUnderKey: [String: Int] = [:]
  /// When each group was last served, as a number that grows.
  private(set) var turns: [String: Int64] = [:]
  /// When the allowance of a key is whole again.
  private(set) var wholeAt: [String: Double] = [:]
  private(set) var lastTurn: Int64

  init(now: Double, lastTurn: Int64) {
    self.now = now
    self.lastTurn = lastTurn
  }

  mutating func runs(_ count: Int, in group: String, under limits: [JobLimit]) {
    runningInGroup[group, default: 0] += count
    for key in Set(limits.map(\.key)) { runningUnderKey[key, default: 0] += count }
  }

  mutating func served(_ group: String, at turn: Int64) { turns[group] = turn }
  mutating func isWhole(_ key: String, at time: Double) { wholeAt[key] = time }

  func allowance(_ limits: [JobLimit]) -> Allowance {
    var longest = 0.0
    for limit in limits {
      if let most = limit.concurrency, runningUnderKey[limit.key, default: 0] >= most {
        return .busy
      }
      if let rate = limit.rate {
        // The generic cell rate algorithm: each start takes a share of the allowance, and what is
        // taken grows back evenly.
        let taken = max(0, wholeAt[limit.key, default: 0] - now)
        longest = max(longest, taken + limit.seconds / Double(rate) - limit.seconds)
      }
    }
    // A rounding error is no reason to wait.
    return longest > 1e-6 ? .after(longest) : .free
  }

  mutating func take(_ candidate: Candidate) {
    runs(1, in: candidate.group, under: candidate.limits)
    lastTurn += 1
    turns[candidate.group] = lastTurn
    for limit in candidate.limits {
      if let rate = limit.rate {
        wholeAt[limit.key] = max(wholeAt[limit.key, default: 0], now) + limit.seconds / Double(rate)
      }
    }
  }

  /// By priority; then the group with the fewest that run; then the one that has waited longest for
  /// its turn; then the age.
  func goesBefore(_ one: Candidate, _ other: Candidate) -> Bool {
    if one.priority != other.priority { return one.priority < other.priority }
    if one.group != other.group {
      let running = (
        runningInGroup[one.group, default: 0], runningInGroup[other.group, default: 0]
      )
      if running.0 != running.1 { return running.0 < running.1 }
      let turn = (turns[one.group, default: 0], turns[other.group, default: 0])
      if turn.0 != turn.1 { return turn.0 < turn.1 }
    }
    return (one.scheduledAt, one.id) < (other.scheduledAt, other.id)
  }
}
