import Domain
import Foundation
import Metrics
import Testing

@testable import Server

@Suite struct MetricsTests {
  @Test func writesWhatPrometheusReads() throws {
    let metrics = PrometheusMetrics()
    Counter(
      label: "stet_jobs_finished_total",
      dimensions: [("outcome", "completed"), ("kind", "a\"b\\c\nd")],
      factory: metrics
    ).increment(by: 3)
    Meter(label: "stet_jobs_running", factory: metrics).set(2)
    let timer = Metrics.Timer(label: "stet_jobs_pickup_seconds", factory: metrics)
    timer.recordMilliseconds(3)
    timer.recordSeconds(40)
    timer.recordSeconds(5000)
    Recorder(label: "odd name-1", factory: metrics).record(0.5)

    let text = metrics.text()
    let samples = try PrometheusPage(text)
    #expect(
      samples.value("stet_jobs_finished_total", ["kind": "a\"b\\c\nd", "outcome": "completed"]) == 3
    )
    #expect(samples.value("stet_jobs_running", [:]) == 2)
    #expect(samples.value("stet_jobs_pickup_seconds_count", [:]) == 3)
    let sum = try #require(samples.value("stet_jobs_pickup_seconds_sum", [:]))
    #expect(abs(sum - 5040.003) < 1e-6)
    #expect(samples.value("stet_jobs_pickup_seconds_bucket", ["le": "0.0025"]) == 0)
    #expect(samples.value("stet_jobs_pickup_seconds_bucket", ["le": "0.005"]) == 1)
    #expect(samples.value("stet_jobs_pickup_seconds_bucket", ["le": "60"]) == 2)
    #expect(samples.value("stet_jobs_pickup_seconds_bucket", ["le": "+Inf"]) == 3)
    #expect(samples.value("odd_name_1_count", [:]) == 1)
    #expect(text.contains("# TYPE stet_jobs_pickup_seconds histogram\n"))
    #expect(text.contains("# HELP stet_jobs_running "))
  }

  @Test func theNumberOfSeriesIsBounded() throws {
    let metrics = PrometheusMetrics(names: 3, seriesPerName: 10)
    for number in 0..<1000 {
      Counter(label: "a", dimensions: [("x", "\(number)")], factory: metrics).increment()
    }
    for number in 0..<10 { Counter(label: "n\(number)", factory: metrics).increment() }
    let page = try PrometheusPage(metrics.text())
    #expect(page.samples.filter { $0.name == "a" }.count == 11)
    #expect(page.value("a", ["x": "other"]) == 990)
    #expect(Set(page.samples.map(\.name)) == ["a", "n0", "n1"])
  }

  @Test func oneNameKeepsItsKind() throws {
    let metrics = PrometheusMetrics()
    Counter(label: "a", factory: metrics).increment()
    Meter(label: "a", factory: metrics).set(7)
    #expect(try PrometheusPage(metrics.text()).samples.map(\.value) == [1])
  }

  @Test func aCounterNeverFalls() throws {
    let metrics = PrometheusMetrics()
    let counter = FloatingPointCounter(label: "a", factory: metrics)
    counter.increment(by: 2.0)
    counter.increment(by: -5.0)
    counter.increment(by: Double.nan)
    #expect(try PrometheusPage(metrics.text()).value("a", [:]) == 2)
  }

  @Test func requestsAreCountedByRouteAndNeverByPath() async throws {
    try await withServer { server async throws in
      _ = try await server.call("GET", "/v1/jobs/one")
      _ = try await server.call("GET", "/v1/jobs/two")
      _ = try await server.call("GET", "/wp-admin")
      _ = try await server.call(
        "POST", "/webhooks/forge",
        headers: ["X-Signature": "good", "X-Delivery": "1", "X-Event": "push"], body: "{}")
      let response = try await server.call("GET", "/metrics")
      #expect(response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
      let page = try PrometheusPage(response.text)
      #expect(
        page.value(
          "stet_http_requests_total",
          ["method": "GET", "route": "/v1/jobs/{id}", "status": "404"]) == 2)
      #expect(
        page.value(
          "stet_http_requests_total", ["method": "GET", "route": "none", "status": "404"]) == 1)
      #expect(
        page.value("stet_deliveries_total", ["forge": "forge", "result": "accepted"]) == 1)
      #expect(!response.text.contains("wp-admin"))
      // Every name and label of the page is in the table.
      for sample in page.samples {
        let name = sample.name.replacing(/_(bucket|sum|count)$/, with: "")
        let metric = MetricDefinition.all.first { $0.name == name || $0.name == sample.name }
        let labels = Set(sample.labels.keys).subtracting(["le"])
        #expect(metric.map { Set($0.labels) } == labels, "\(sample.name)")
      }
    }
  }
}

/// A reader of the text format that takes nothing else.
struct PrometheusPage {
  struct Sample {
    var name: String
    var labels: [String: String]
    var value: Double
  }
  struct Malformed: Error { var line: String }

  var samples: [Sample] = []

  init(_ text: String) throws {
    guard text.isEmpty || text.hasSuffix("\n") else {
      throw Malformed(line: "no line feed at the end")
    }
    var types: [String: String] = [:]
    for line in text.split(separator: "\n") {
      if line.hasPrefix("# HELP ") { continue }
      if let type = try? /# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram)/
        .wholeMatch(in: line)
      {
        guard types[String(type.1)] == nil else { throw Malformed(line: "twice: \(line)") }
        types[String(type.1)] = String(type.2)
        continue
      }
      guard
        let sample = try? /([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)/.wholeMatch(in: line),
        let value = Double(sample.3)
      else { throw Malformed(line: String(line)) }
      let name = String(sample.1)
      guard types[name] != nil || types[name.replacing(/_(bucket|sum|count)$/, with: "")] != nil
      else { throw Malformed(line: "no type: \(line)") }
      samples.append(
        Sample(name: name, labels: try Self.labels(sample.2.map(String.init) ?? ""), value: value))
    }
  }

  func value(_ name: String, _ labels: [String: String]) -> Double? {
    samples.first { $0.name == name && $0.labels == labels }?.value
  }

  private static func labels(_ text: String) throws -> [String: String] {
    var labels: [String: String] = [:]
    var rest = text[...]
    while !rest.isEmpty {
      guard let match = rest.prefixMatch(of: /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"(?:,|$)/)
      else { throw Malformed(line: text) }
      let value = String(match.2).replacing(/\\(.)/) { escape in
        escape.1 == "n" ? "\n" : String(escape.1)
      }
      labels[String(match.1)] = value
      rest = rest[match.range.upperBound...]
    }
    return labels
  }
}
