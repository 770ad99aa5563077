/// How much a finding matters. `error` is what a maintainer would block a merge for.
public enum Severity: String, Sendable, Hashable, Codable, CaseIterable, Comparable {
  case note, warning, error

  private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
  public static func < (a: Severity, b: Severity) -> Bool { a.rank < b.rank }
}

/// Who claims a finding. Written as `model:NAME`, `rule:NAME` or `tool:NAME`.
public enum FindingSource: Sendable, Hashable, Codable, CustomStringConvertible {
  case model(String)
  case rule(String)
  case tool(String)

  public var description: String {
    switch self {
    case .model(let name): "model:\(name)"
    case .rule(let name): "rule:\(name)"
    case .tool(let name): "tool:\(name)"
    }
  }

  public init?(_ text: String) {
    guard let colon = text.firstIndex(of: ":") else { return nil }
    let name = String(text[text.index(after: colon)...])
    switch text[..<colon] {
    case "model": self = .model(name)
    case "rule": self = .rule(name)
    case "tool": self = .tool(name)
    default: return nil
    }
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let source = FindingSource(text) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "'\(text)' is not model:, rule: or tool: and a name")
    }
    self = source
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

/// A check that a claim passed.
public enum Proof: String, Sendable, Hashable, Codable, CaseIterable {
  /// The path and the lines exist on that side of this diff.
  case anchor
  /// The quoted code is what stands at those lines.
  case quote
  /// The suggestion applies at exactly one place and changes something.
  case applies
  /// The file with the suggestion applied still parses.
  case parses
  /// Linters find no more in it than before.
  case lints
  /// The tests pass with the suggestion applied.
  case tests
}

/// What a reviewer claims about lines of a change.
public struct Finding: Sendable, Hashable, Codable {
  /// Unique in its review; derived from the fingerprint.
  public var id: String
  public var path: String
  public var side: Side
  /// 1-based, closed range on `side`; `line` is its last line.
  public var startLine: Int
  public var line: Int
  public var severity: Severity
  /// A short kebab-case word such as `bug`, `security`, `committed-secret`.
  public var category: String
  public var message: String
  /// The code at `startLine...line`, joined by newlines.
  public var quote: String
  /// Replacement for the whole of `startLine...line`, without a final newline; empty deletes them.
  public var suggestion: String?
  /// 0 to 1.
  public var confidence: Double
  public var source: FindingSource
  /// Same for the same claim about the same code, however worded and wherever it moved.
  public var fingerprint: String
  public var verified: [Proof]

  public init(
    id: String = "", path: String, side: Side, startLine: Int, line: Int, severity: Severity,
    category: String, message: String, quote: String, suggestion: String? = nil,
    confidence: Double, source: FindingSource, fingerprint: String = "", verified: [Proof] = []
  ) {
    self.id = id
    self.path = path
    self.side = side
    self.startLine = startLine
    self.line = line
    self.severity = severity
    self.category = category
    self.message = message
    self.quote = quote
    self.suggestion = suggestion
    self.confidence = confidence
    self.source = source
    self.fingerprint = fingerprint
    self.verified = verified
  }

  enum CodingKeys: String, CodingKey {
    case id, path, side
    case startLine = "start_line"
    case line, severity, category, message, quote, suggestion, confidence, source, fingerprint
    case verified
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(id, forKey: .id)
    try container.encode(path, forKey: .path)
    try container.encode(side, forKey: .side)
    try container.encode(startLine, forKey: .startLine)
    try container.encode(line, forKey: .line)
    try container.encode(severity, forKey: .severity)
    try container.encode(category, forKey: .category)
    try container.encode(message, forKey: .message)
    try container.encode(quote, forKey: .quote)
    try container.encode(suggestion, forKey: .suggestion)  // null, never absent
    try container.encode(confidence, forKey: .confidence)
    try container.encode(source, forKey: .source)
    try container.encode(fingerprint, forKey: .fingerprint)
    try container.encode(verified, forKey: .verified)
  }
}

/// Why a claim was not published.
public enum DropReason: String, Sendable, Hashable, Codable, CaseIterable {
  case noSuchPath = "no_such_path"
  case noSuchLine = "no_such_line"
  case quoteMismatch = "quote_mismatch"
  case duplicate
  case belowConfidence = "below_confidence"
  case overLimit = "over_limit"
  case doesNotApply = "does_not_apply"
  case doesNotParse = "does_not_parse"
  case noChange = "no_change"
}

/// A claim, or the suggestion of one, that failed its proof. `path` and `line` are as claimed.
public struct DroppedClaim: Sendable, Hashable, Codable {
  public var reason: DropReason
  public var path: String?
  public var line: Int?
  public var message: String
  public var source: FindingSource
  /// True where only the suggestion fell and the finding itself stayed.
  public var suggestionOnly: Bool

  public init(
    reason: DropReason, path: String?, line: Int?, message: String, source: FindingSource,
    suggestionOnly: Bool = false
  ) {
    self.reason = reason
    self.path = path
    self.line = line
    self.message = message
    self.source = source
    self.suggestionOnly = suggestionOnly
  }

  enum CodingKeys: String, CodingKey {
    case reason, path, line, message, source
    case suggestionOnly = "suggestion_only"
  }
}
