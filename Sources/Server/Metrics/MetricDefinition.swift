/// A metric that Stet emits: the one list that `docs/metrics.md` and the page `GET /metrics` are
/// held to.
public struct MetricDefinition: Sendable, Hashable {
  public enum Kind: String, Sendable { case counter, gauge, histogram }

  public var name: String
  public var kind: Kind
  public var labels: [String]
  /// One sentence.
  public var help: String

  init(_ name: String, _ kind: Kind, _ labels: [String], _ help: String) {
    self.name = name
    self.kind = kind
    self.labels = labels
    self.help = help
  }

  public static let all: [MetricDefinition] = [
    MetricDefinition(
      "stet_http_requests_total", .counter, ["method", "route", "status"],
      "Requests that were answered, by the route's template."),
    MetricDefinition(
      "stet_http_request_seconds", .histogram, ["method", "route"],
      "Time from a request's head to the beginning of its answer."),
    MetricDefinition(
      "stet_http_requests_running", .gauge, [], "Requests that are being answered."),
    MetricDefinition(
      "stet_deliveries_total", .counter, ["forge", "result"],
      "Webhooks by what became of them: accepted, duplicate, refused, failed."),
    MetricDefinition(
      "stet_jobs_finished_total", .counter, ["kind", "outcome"], "Tries of jobs that ended."),
    MetricDefinition("stet_jobs", .gauge, ["state"], "Jobs that are stored, by their state."),
    MetricDefinition(
      "stet_jobs_oldest_due_seconds", .gauge, [],
      "How long the oldest job that is due has waited."),
    MetricDefinition("stet_jobs_running", .gauge, [], "Jobs that this process runs."),
    MetricDefinition(
      "stet_jobs_pickup_seconds", .histogram, [],
      "Time from when a job was due to when a worker took it."),
    MetricDefinition(
      "stet_jobs_attempt_seconds", .histogram, ["kind"], "Time that a try of a job took."),
    MetricDefinition(
      "stet_jobs_lease_lost_total", .counter, [],
      "Tries that lost their lease, and so the right to write."),
    MetricDefinition(
      "stet_doubles_removed_total", .counter, ["what"],
      "What a process that had lost its job sent twice, and what was set right: summary, finding, "
        + "answer, review, check."),
    MetricDefinition(
      "stet_forge_requests_total", .counter, ["forge", "endpoint", "status"],
      "Requests to a forge, by endpoint's template."),
  ]

  /// The table of `docs/metrics.md`.
  public static var markdown: String {
    var lines = ["| name | kind | labels | meaning |", "|---|---|---|---|"]
    for metric in all {
      let labels =
        metric.labels.isEmpty
        ? "–"
        : metric.labels.map { "`\($0)`" }.joined(
          separator: ", ")
      lines.append("| `\(metric.name)` | \(metric.kind.rawValue) | \(labels) | \(metric.help) |")
    }
    return lines.joined(separator: "\n") + "\n"
  }
}
