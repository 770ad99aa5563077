import Metrics

/// What a worker tells the metrics system. Labels are kinds, outcomes and states: all bounded.
struct JobMetrics: Sendable {
  func started(pickup seconds: Double) {
    Timer(label: "stet_jobs_pickup_seconds").recordNanoseconds(Int64(max(0, seconds) * 1e9))
  }

  func finished(kind: String, outcome: String, after: Duration) {
    Counter(
      label: "stet_jobs_finished_total", dimensions: [("kind", kind), ("outcome", outcome)]
    ).increment()
    let (seconds, attoseconds) = after.components
    Timer(label: "stet_jobs_attempt_seconds", dimensions: [("kind", kind)])
      .recordNanoseconds(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
  }

  func leaseLost() { Counter(label: "stet_jobs_lease_lost_total").increment() }

  func running(_ count: Int) { Gauge(label: "stet_jobs_running").record(count) }

  func stored(_ counts: [JobState: Int], oldestDue: Duration?) {
    for state in JobState.allCases {
      Gauge(label: "stet_jobs", dimensions: [("state", state.rawValue)])
        .record(counts[state, default: 0])
    }
    let (seconds, attoseconds) = (oldestDue ?? .zero).components
    Gauge(label: "stet_jobs_oldest_due_seconds")
      .record(Double(seconds) + Double(attoseconds) / 1e18)
  }
}
