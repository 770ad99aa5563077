import Domain

/// What the models of a review cost, in one sentence.
enum CostLine {
  /// Empty where no model was asked.
  static func text(_ usage: ModelUsage) -> String {
    guard usage.modelCalls > 0 else { return "" }
    let tokens =
      "\(ReviewSummary.count(usage.modelCalls, "model call")), "
      + "\(grouped(usage.inputTokens.value)) tokens in, \(grouped(usage.outputTokens.value)) out"
    guard let cost = usage.costUSD else { return tokens + "." }
    if cost.value == 0 { return tokens + ", at no cost." }
    return tokens + ", $\(dollars(cost.value))."
  }

  /// Four decimals below a dollar, two above.
  static func dollars(_ value: Double) -> String {
    let decimals = value < 1 ? 4 : 2
    let scale = decimals == 4 ? 10_000 : 100
    let units = Int((max(0, min(value, 1e9)) * Double(scale)).rounded())
    let rest = String(units % scale)
    return "\(units / scale)." + String(repeating: "0", count: decimals - rest.count) + rest
  }

  private static func grouped(_ number: Int) -> String {
    var digits = Array(String(abs(number)))
    var index = digits.count - 3
    while index > 0 {
      digits.insert(",", at: index)
      index -= 3
    }
    return (number < 0 ? "-" : "") + String(digits)
  }
}

extension Double {
  /// Of a confidence from 0 to 1.
  var percent: Int { Int((Swift.min(Swift.max(self, 0), 1) * 100).rounded()) }
}
