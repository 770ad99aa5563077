/// How Prometheus writes names, labels and numbers.
/// Source: prometheus.io/docs/instrumenting/exposition_formats, "Text-based format", 0.0.4.
enum PrometheusText {
  static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  /// A name holds letters, digits, `_` and `:` and does not begin with a digit.
  static func name(_ text: String) -> String { identifier(text, allowingColon: true) }

  static func labels(_ dimensions: [(String, String)]) -> String {
    dimensions.map { (identifier($0.0, allowingColon: false), $0.1) }
      .sorted { $0.0 < $1.0 }
      .map { "\($0.0)=\"\(escaped($0.1))\"" }
      .joined(separator: ",")
  }

  static func sample(_ key: PrometheusMetrics.Key, _ value: Double) -> String {
    "\(key.name)\(braces(key.labels)) \(number(value))\n"
  }

  static func samples(
    _ key: PrometheusMetrics.Key, _ snapshot: PrometheusHistogram.Snapshot
  ) -> String {
    var text = ""
    var total = 0
    let bounds = PrometheusHistogram.bounds.map(number) + ["+Inf"]
    for (bound, count) in zip(bounds, snapshot.counts) {
      total += count
      let labels = (key.labels.isEmpty ? "" : key.labels + ",") + "le=\"\(bound)\""
      text += "\(key.name)_bucket{\(labels)} \(total)\n"
    }
    text += "\(key.name)_sum\(braces(key.labels)) \(number(snapshot.sum))\n"
    text += "\(key.name)_count\(braces(key.labels)) \(total)\n"
    return text
  }

  static func help(_ text: String) -> String {
    text.replacing("\\", with: "\\\\").replacing("\n", with: "\\n")
  }

  private static func braces(_ labels: String) -> String { labels.isEmpty ? "" : "{\(labels)}" }

  private static func escaped(_ value: String) -> String {
    var text = ""
    for scalar in value.unicodeScalars.prefix(200) {
      switch scalar {
      case "\\": text += "\\\\"
      case "\"": text += "\\\""
      case "\n": text += "\\n"
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text
  }

  private static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
    return Int(exactly: value).map(String.init) ?? "\(value)"
  }

  private static func identifier(_ text: String, allowingColon: Bool) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "a"..."z", "A"..."Z", "_": result.unicodeScalars.append(scalar)
      case "0"..."9":
        if result.isEmpty { result += "_" }
        result.unicodeScalars.append(scalar)
      case ":" where allowingColon: result += ":"
      default: result += "_"
      }
    }
    return result.isEmpty ? "_" : result
  }
}
