import Metrics

/// What a worker tells the metrics system. Labels are kinds, outcomes and states: all bounded, and
/// each made once.
struct JobMetrics: Sendable {
  /// How a try ended.
  enum Outcome: String, Sendable, CaseIterable {
    case completed, snoozed, failed, discarded, cancelled
    case handedBack = "handed_back"
  }

  private struct OfKind: Sendable {
    var attempts: Counter
    var discarded: Counter
    var seconds: Timer
    var finished: [Outcome: Counter]

    init(_ kind: String, _ factory: any MetricsFactory) {
      attempts = Counter(
        label: "stet_jobs_attempts_total", dimensions: [("kind", kind)], factory: factory)
      discarded = Counter(
        label: "stet_jobs_discarded_total", dimensions: [("kind", kind)], factory: factory)
      seconds = Timer(
        label: "stet_jobs_attempt_seconds", dimensions: [("kind", kind)], factory: factory)
      finished = Dictionary(
        uniqueKeysWithValues: Outcome.allCases.map { outcome in
          (
            outcome,
            Counter(
              label: "stet_jobs_finished_total",
              dimensions: [("kind", kind), ("outcome", outcome.rawValue)], factory: factory)
          )
        })
    }
  }

  private let kinds: [String: OfKind]
  private let pickup: Timer
  private let leasesLost: Counter
  private let running: Gauge
  private let states: [JobState: Gauge]
  private let oldestDue: Gauge

  /// - Parameter kinds: those that the worker runs; others are not told.
  init(kinds: some Sequence<String>, _ factory: any MetricsFactory) {
    self.kinds = Dictionary(kinds.map { ($0, OfKind($0, factory)) }) { $1 }
    pickup = Timer(label: "stet_jobs_pickup_seconds", dimensions: [], factory: factory)
    leasesLost = Counter(label: "stet_jobs_lease_lost_total", factory: factory)
    running = Gauge(label: "stet_jobs_running", factory: factory)
    states = Dictionary(
      uniqueKeysWithValues: JobState.allCases.map { state in
        (
          state,
          Gauge(label: "stet_jobs", dimensions: [("state", state.rawValue)], factory: factory)
        )
      })
    oldestDue = Gauge(label: "stet_jobs_oldest_due_seconds", factory: factory)
  }

  func started(kind: String, pickup seconds: Double?) {
    kinds[kind]?.attempts.increment()
    if let seconds { pickup.recordNanoseconds(Int64(min(max(0, seconds), 1e9) * 1e9)) }
  }

  func finished(kind: String, _ outcome: Outcome, after: Duration) {
    guard let metrics = kinds[kind] else { return }
    metrics.finished[outcome]?.increment()
    let (seconds, attoseconds) = after.components
    metrics.seconds.recordNanoseconds(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
    if outcome == .discarded { discarded(kind: kind) }
  }

  func discarded(kind: String) { kinds[kind]?.discarded.increment() }

  func leaseLost() { leasesLost.increment() }

  func running(_ count: Int) { running.record(count) }

  func stored(_ counts: [JobState: Int], oldestDue age: Duration?) {
    for (state, gauge) in states { gauge.record(counts[state, default: 0]) }
    let (seconds, attoseconds) = (age ?? .zero).components
    oldestDue.record(Double(seconds) + Double(attoseconds) / 1e18)
  }
}
