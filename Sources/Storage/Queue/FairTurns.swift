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

  private struct Start {
    var at: Double
    var count: Int
  }

  /// By the database, in seconds since 1970.
  let now: Double
  /// Jobs that run, by group and by the key of each limit.
  private(set) var runningInGroup: [String: Int] = [:]
  private(set) var runningUnderKey: [String: Int] = [:]
  /// When each group was last served, as a number that grows.
  private(set) var turns: [String: Int64] = [:]
  /// How many began under each key and when, the oldest first.
  private var starts: [String: [Start]] = [:]
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
  /// To be told in the order of time.
  mutating func began(_ count: Int, under key: String, at time: Double) {
    starts[key, default: []].append(Start(at: time, count: count))
  }

  func allowance(_ limits: [JobLimit]) -> Allowance {
    var longest = 0.0
    for limit in limits {
      if let most = limit.concurrency, runningUnderKey[limit.key, default: 0] >= most {
        return .busy
      }
      if let rate = limit.rate {
        longest = max(longest, wait(limit, most: rate))
      }
    }
    return longest > 0 ? .after(longest) : .free
  }

  /// Until fewer than so many have begun in the seconds before: a window that goes with the time, so
  /// that no moment is the end of one and the beginning of another.
  private func wait(_ limit: JobLimit, most: Int) -> Double {
    // What is to begin later than a whole window from now was written by a clock that was set back.
    let counted = starts[limit.key, default: []].filter { abs($0.at - now) < limit.seconds }
    var left = counted.reduce(0) { $0 + $1.count }
    var wait = 0.0
    for start in counted where left >= max(1, most) {
      left -= start.count
      wait = start.at + limit.seconds - now
    }
    return wait
  }

  mutating func take(_ candidate: Candidate) {
    runs(1, in: candidate.group, under: candidate.limits)
    lastTurn += 1
    turns[candidate.group] = lastTurn
    for key in Set(candidate.limits.filter { $0.rate != nil }.map(\.key)) {
      began(1, under: key, at: now)
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
