public import Domain

/// What a vendor charges for a model, in US dollars per million tokens.
public struct ModelPrice: Sendable, Hashable {
  /// Names that begin like this; the longest one that fits counts.
  var prefix: String
  var input: Double
  /// Input that the vendor had in its cache.
  var cachedInput: Double?
  /// Input that the vendor put into its cache.
  var cacheWrite: Double?
  var output: Double
  /// Prompts longer than this many tokens cost so many times as much, input and output.
  var long: Long?
  /// The day on which the vendor's page said so (ISO 8601).
  var asOf: String

  struct Long: Sendable, Hashable {
    var above: Int
    var input: Double
    var output: Double
  }

  init(
    _ prefix: String, _ input: Double, _ output: Double, cached: Double? = nil,
    write: Double? = nil, long: Long? = nil, asOf: String
  ) {
    self.prefix = prefix
    self.input = input
    self.output = output
    cachedInput = cached
    cacheWrite = write
    self.long = long
    self.asOf = asOf
  }

  /// The price of a model by its name, `nil` for a model that is not in the table. A vendor's
  /// folder before the name (`openai/gpt-5.4`) does not matter.
  public static func of(_ model: String) -> ModelPrice? {
    let name = model.lowercased().split(separator: "/").last.map(String.init) ?? ""
    return table.filter { name.hasPrefix($0.prefix) }.max { $0.prefix.count < $1.prefix.count }
  }

  /// The cost of one answer.
  public func cost(
    input: TokenCount, cached: TokenCount = 0, written: TokenCount = 0, output: TokenCount
  ) -> USD {
    let whole = input.value
    let factor = long.map { whole > $0.above ? ($0.input, $0.output) : (1, 1) } ?? (1, 1)
    let fresh = Double(max(0, whole - cached.value - written.value)) * self.input
    let read = Double(cached.value) * (cachedInput ?? self.input)
    let write = Double(written.value) * (cacheWrite ?? self.input)
    let answer = Double(output.value) * self.output
    return USD(((fresh + read + write) * factor.0 + answer * factor.1) / 1_000_000)
  }
}

extension ModelPrice {
  /// Read from the vendors' pricing pages and, where marked, from two price lists that agree.
  /// A row that is out of date shows a wrong cost, never a wrong review; mend it here.
  static let table: [ModelPrice] = openAI + anthropic + google + mistral

  private static let beyond272K = Long(above: 272_000, input: 2, output: 1.5)
  private static let beyond200K = Long(above: 200_000, input: 2, output: 1.5)

  private static let openAI: [ModelPrice] = [
    ModelPrice("gpt-4o", 2.5, 10, cached: 1.25, asOf: "2026-04-01"),
    ModelPrice("gpt-4o-mini", 0.15, 0.6, cached: 0.075, asOf: "2026-04-01"),
    ModelPrice("gpt-4.1", 2, 8, cached: 0.5, asOf: "2026-04-01"),
    ModelPrice("gpt-4.1-mini", 0.4, 1.6, cached: 0.1, asOf: "2026-04-01"),
    ModelPrice("gpt-4.1-nano", 0.1, 0.4, cached: 0.025, asOf: "2026-04-01"),
    ModelPrice("o3", 2, 8, asOf: "2026-04-01"),
    ModelPrice("gpt-5", 1.25, 10, cached: 0.125, asOf: "2025-11-13"),
    ModelPrice("gpt-5-mini", 0.25, 2, cached: 0.025, asOf: "2025-11-13"),
    ModelPrice("gpt-5-nano", 0.05, 0.4, cached: 0.005, asOf: "2026-10-01"),
    ModelPrice("gpt-5-pro", 15, 120, asOf: "2025-11-13"),
    ModelPrice("gpt-5.1", 1.25, 10, cached: 0.125, asOf: "2025-11-13"),
    ModelPrice("gpt-5.2", 1.75, 14, cached: 0.175, asOf: "2026-01-31"),
    ModelPrice("gpt-5.2-pro", 21, 168, asOf: "2026-01-31"),
    ModelPrice("gpt-5.3-codex", 1.75, 14, cached: 0.175, asOf: "2026-08-01"),
    ModelPrice("gpt-5.4", 2.5, 15, cached: 0.25, long: beyond272K, asOf: "2026-08-01"),
    ModelPrice("gpt-5.4-mini", 0.75, 4.5, cached: 0.075, asOf: "2026-08-01"),
    ModelPrice("gpt-5.4-nano", 0.2, 1.25, cached: 0.02, asOf: "2026-08-01"),
    ModelPrice("gpt-5.5", 5, 30, cached: 0.5, long: beyond272K, asOf: "2026-08-01"),
    ModelPrice(
      "gpt-5.6-luna", 0.2, 1.2, cached: 0.02, write: 0.25, long: beyond272K, asOf: "2026-08-01"),
    ModelPrice(
      "gpt-5.6-terra", 2, 12, cached: 0.2, write: 2.5, long: beyond272K, asOf: "2026-08-01"),
    ModelPrice(
      "gpt-5.6-sol", 5, 30, cached: 0.5, write: 6.25, long: beyond272K, asOf: "2026-08-01"),
  ]

  private static let anthropic: [ModelPrice] = [
    ModelPrice("claude-haiku-4-5", 1, 5, cached: 0.1, write: 1.25, asOf: "2026-08-01"),
    ModelPrice(
      "claude-haiku-5-5", 0.1, 0.5, cached: 0.01,
      long: Long(above: 100_000, input: 5, output: 5), asOf: "2026-10-07"),
    ModelPrice("claude-sonnet-4", 3, 15, cached: 0.3, write: 3.75, asOf: "2026-08-01"),
    ModelPrice("claude-sonnet-5", 2, 10, cached: 0.2, write: 2.5, asOf: "2026-09-29"),
    ModelPrice("claude-opus-4-5", 5, 25, cached: 0.5, write: 6.25, asOf: "2026-08-01"),
    ModelPrice("claude-opus-4-6", 5, 25, cached: 0.5, write: 6.25, asOf: "2026-08-01"),
    ModelPrice("claude-opus-4-7", 5, 25, cached: 0.5, write: 6.25, asOf: "2026-08-01"),
    ModelPrice("claude-opus-4-8", 5, 25, cached: 0.5, write: 6.25, asOf: "2026-08-01"),
    ModelPrice("claude-opus-5", 5, 25, cached: 0.5, write: 6.25, asOf: "2026-10-07"),
    ModelPrice("claude-opus-5-5", 4, 20, asOf: "2026-10-07"),
    ModelPrice("claude-fable-5", 10, 50, cached: 1, write: 12.5, asOf: "2026-10-07"),
    ModelPrice("claude-fable-5-2", 8, 40, asOf: "2026-10-07"),
  ]

  private static let google: [ModelPrice] = [
    ModelPrice("gemini-2.5-pro", 1.25, 10, long: beyond200K, asOf: "2026-10-07"),
    ModelPrice("gemini-2.5-flash", 0.3, 2.5, asOf: "2026-10-07"),
    ModelPrice("gemini-2.5-flash-lite", 0.1, 0.4, asOf: "2026-10-07"),
    ModelPrice("gemini-3.1-pro", 2, 12, cached: 0.2, long: beyond200K, asOf: "2026-10-07"),
    ModelPrice("gemini-3.5-flash", 1.5, 9, cached: 0.15, asOf: "2026-10-07"),
    ModelPrice("gemini-3.5-flash-lite", 0.3, 2.5, asOf: "2026-10-07"),
    ModelPrice("gemini-3.6-flash", 0.75, 3.75, cached: 0.075, asOf: "2026-10-07"),
    ModelPrice("gemini-3.7-flash", 0.75, 3.75, cached: 0.075, asOf: "2026-10-07"),
    ModelPrice("gemini-3.8-flash", 0.75, 3.75, cached: 0.075, asOf: "2026-10-07"),
  ]

  private static let mistral: [ModelPrice] = [
    ModelPrice("codestral", 0.3, 0.9, asOf: "2026-06-03"),
    ModelPrice("devstral-medium", 0.4, 2, asOf: "2026-06-03"),
    ModelPrice("devstral-small", 0.1, 0.3, asOf: "2026-06-03"),
    ModelPrice("mistral-medium-3.5", 1.5, 7.5, asOf: "2026-04-29"),
    ModelPrice("magistral-medium", 2, 5, asOf: "2026-06-03"),
    ModelPrice("ministral-8b", 0.1, 0.1, asOf: "2026-06-03"),
    ModelPrice("ministral-3b", 0.04, 0.04, asOf: "2026-06-03"),
  ]
}
