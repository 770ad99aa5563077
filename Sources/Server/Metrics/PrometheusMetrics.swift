public import Metrics
import Synchronization

/// Keeps counters, gauges and histograms for Prometheus. Labels of swift-metrics are names here,
/// dimensions are labels.
///
/// The number of series is bounded: those of a name beyond `seriesPerName` share one whose label
/// values are `other`, and names beyond `names` are not kept.
public final class PrometheusMetrics: MetricsFactory {
  struct Key: Hashable {
    var name: String
    /// Rendered and sorted: `method="GET",route="/fix"`.
    var labels: String
  }

  enum Series {
    case counter(PrometheusCounter)
    case gauge(PrometheusGauge)
    case histogram(PrometheusHistogram)

    var kind: MetricDefinition.Kind {
      switch self {
      case .counter: .counter
      case .gauge: .gauge
      case .histogram: .histogram
      }
    }
  }

  private struct State {
    var series: [Key: Series] = [:]
    var counts: [String: Int] = [:]
    var kinds: [String: MetricDefinition.Kind] = [:]
  }

  private let state = Mutex(State())
  private let names: Int
  private let seriesPerName: Int

  public init(names: Int = 500, seriesPerName: Int = 300) {
    self.names = names
    self.seriesPerName = seriesPerName
  }

  public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
    counter(label, dimensions)
  }

  public func makeFloatingPointCounter(
    label: String, dimensions: [(String, String)]
  ) -> any FloatingPointCounterHandler { counter(label, dimensions) }

  public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
    gauge(label, dimensions)
  }

  public func makeRecorder(
    label: String, dimensions: [(String, String)], aggregate: Bool
  ) -> any RecorderHandler {
    aggregate ? histogram(label, dimensions) : gauge(label, dimensions)
  }

  public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    histogram(label, dimensions)
  }

  // What was counted stays: a counter that vanished and came back would be read as a restart.
  public func destroyCounter(_ handler: any CounterHandler) {}
  public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
  public func destroyMeter(_ handler: any MeterHandler) {}
  public func destroyRecorder(_ handler: any RecorderHandler) {}
  public func destroyTimer(_ handler: any TimerHandler) {}

  private func counter(_ label: String, _ dimensions: [(String, String)]) -> PrometheusCounter {
    if case .counter(let found)? = series(
      label, dimensions, .counter, make: { .counter(PrometheusCounter()) })
    {
      found
    } else {
      PrometheusCounter()
    }
  }

  private func gauge(_ label: String, _ dimensions: [(String, String)]) -> PrometheusGauge {
    if case .gauge(let found)? = series(
      label, dimensions, .gauge, make: { .gauge(PrometheusGauge()) })
    {
      found
    } else {
      PrometheusGauge()
    }
  }

  private func histogram(
    _ label: String, _ dimensions: [(String, String)]
  ) -> PrometheusHistogram {
    if case .histogram(let found)? = series(
      label, dimensions, .histogram, make: { .histogram(PrometheusHistogram()) })
    {
      found
    } else {
      PrometheusHistogram()
    }
  }

  /// - Returns: `nil` where the name is kept as another kind, or there are too many names.
  private func series(
    _ label: String, _ dimensions: [(String, String)], _ kind: MetricDefinition.Kind,
    make: () -> Series
  ) -> Series? {
    let name = PrometheusText.name(label)
    return state.withLock { state in
      var key = Key(name: name, labels: PrometheusText.labels(dimensions))
      if let found = state.series[key] { return found.kind == kind ? found : nil }
      if let known = state.kinds[name] {
        guard known == kind else { return nil }
      } else {
        guard state.kinds.count < names else { return nil }
        state.kinds[name] = kind
      }
      if state.counts[name, default: 0] >= seriesPerName {
        key.labels = PrometheusText.labels(dimensions.map { ($0.0, "other") })
        if let found = state.series[key] { return found }
      }
      let made = make()
      state.series[key] = made
      state.counts[name, default: 0] += 1
      return made
    }
  }

  /// The text format of Prometheus, version 0.0.4. Names in order, labels in order.
  public func text() -> String {
    let series = state.withLock { $0.series }
    let help = Dictionary(
      MetricDefinition.all.map { ($0.name, $0.help) }, uniquingKeysWith: { first, _ in first })
    var lines = ""
    var last: String?
    for (key, value) in series.sorted(by: {
      ($0.key.name, $0.key.labels) < ($1.key.name, $1.key.labels)
    }) {
      if key.name != last {
        if let help = help[key.name] {
          lines += "# HELP \(key.name) \(PrometheusText.help(help))\n"
        }
        lines += "# TYPE \(key.name) \(value.kind.rawValue)\n"
        last = key.name
      }
      switch value {
      case .counter(let counter): lines += PrometheusText.sample(key, counter.value)
      case .gauge(let gauge): lines += PrometheusText.sample(key, gauge.value)
      case .histogram(let histogram): lines += PrometheusText.samples(key, histogram.snapshot)
      }
    }
    return lines
  }
}
