/// What code came to, axis by axis, as `POST /v1/evaluate` answers.
public struct Evaluation: Sendable, Hashable, Codable {
  public enum Verdict: String, Sendable, Hashable, Codable {
    case pass, fail
    /// Nothing could be said, such as where the sandbox does not work.
    case error
  }

  public var verdict: Verdict
  public var seconds: Double
  public var axes: [EvaluationAxis]
  /// What the tests printed, bounded.
  public var stdout: String
  public var stderr: String
  /// What became better, worse or new since the evaluation it was compared with, one sentence each;
  /// `nil` where there was none.
  public var changes: [String]?
  public var run: String

  public init(
    verdict: Verdict, seconds: Double, axes: [EvaluationAxis], stdout: String, stderr: String,
    changes: [String]? = nil, run: String
  ) {
    self.verdict = verdict
    self.seconds = seconds
    self.axes = axes
    self.stdout = stdout
    self.stderr = stderr
    self.changes = changes
    self.run = run
  }

  public func axis(_ name: EvaluationAxis.Name) -> EvaluationAxis? {
    axes.first { $0.name == name }
  }
}

/// One respect in which code was judged.
public struct EvaluationAxis: Sendable, Hashable, Codable {
  public enum Name: String, Sendable, Hashable, Codable, CaseIterable {
    case correctness, efficiency, practice, types, security
  }
  public enum Verdict: String, Sendable, Hashable, Codable {
    case pass, fail
    case notRun = "not_run"
  }

  /// What the verdict rests on.
  public struct Evidence: Sendable, Hashable, Codable {
    /// Where the evidence comes from, where the axis knows several.
    public enum Source: String, Sendable, Hashable, Codable {
      /// The user's own tests and examples: never changed.
      case user
      /// Tests that Stet or a model wrote, validated twice.
      case generated
      /// A tool, such as ruff.
      case tool
    }

    /// Of the judged code, 1-based.
    public var line: Int?
    public var rule: String?
    public var cwe: Int?
    /// One sentence; texts of the judged code in it are bounded and harmless to show.
    public var message: String
    /// The input on which it fails, as Python source.
    public var input: String?
    public var source: Source?
    /// True where it alone makes the axis fail.
    public var isFailure: Bool
    /// What went wrong, where a test or the import did.
    public var kind: FailureKind?

    /// What a failing test or import came to, for whoever mends it.
    public enum FailureKind: String, Sendable, Hashable, Codable, CaseIterable {
      /// The code does not parse.
      case syntax
      /// A module, or a name in one, that is not there.
      case importing = "import"
      /// A name that is not defined.
      case name
      /// A test said no; `message` has the values.
      case assertion
      /// Any other exception.
      case exception
      case timeout
      case memory
      /// The process ended in mid-test, by its own deed or a signal.
      case exited
      /// A test that stands in the source was not run.
      case notCollected = "not_collected"
      case skipped
      /// A test that must fail passed: what the other tests say is worth nothing.
      case tampered
    }

    public init(
      line: Int? = nil, rule: String? = nil, cwe: Int? = nil, message: String,
      input: String? = nil, source: Source? = nil, isFailure: Bool = true,
      kind: FailureKind? = nil
    ) {
      self.line = line
      self.rule = rule
      self.cwe = cwe
      self.message = message
      self.input = input
      self.source = source
      self.isFailure = isFailure
      self.kind = kind
    }

    enum CodingKeys: String, CodingKey {
      case line, rule, cwe, message, input, source, kind
      case isFailure = "is_failure"
    }

    public func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(line, forKey: .line)  // null, never absent
      try container.encode(rule, forKey: .rule)
      try container.encode(cwe, forKey: .cwe)
      try container.encode(message, forKey: .message)
      try container.encodeIfPresent(input, forKey: .input)
      try container.encodeIfPresent(source, forKey: .source)
      try container.encode(isFailure, forKey: .isFailure)
      try container.encodeIfPresent(kind, forKey: .kind)
    }
  }

  public var name: Name
  public var verdict: Verdict
  /// Why it was not run, or what the verdict comes to in one sentence.
  public var reason: String?
  /// What was measured: correctness the share of tests that pass, efficiency the ratio or the fitted
  /// exponent that `reason` names, practice the highest complexity, types and security the number of
  /// findings at or above the threshold's severity.
  public var value: Double?
  public var threshold: Double?
  /// `NAME VERSION`; several are separated by commas. Empty where none ran.
  public var tool: String
  public var evidence: [Evidence]
  /// How long it took to judge, beside the other axes.
  public var seconds: Double?

  public init(
    name: Name, verdict: Verdict, reason: String? = nil, value: Double? = nil,
    threshold: Double? = nil, tool: String = "", evidence: [Evidence] = []
  ) {
    self.name = name
    self.verdict = verdict
    self.reason = reason
    self.value = value
    self.threshold = threshold
    self.tool = tool
    self.evidence = evidence
  }

  public static func notRun(_ name: Name, because reason: String) -> EvaluationAxis {
    EvaluationAxis(name: name, verdict: .notRun, reason: reason)
  }

  enum CodingKeys: String, CodingKey {
    case name, verdict, reason, value, threshold, tool, evidence, seconds
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(name, forKey: .name)
    try container.encode(verdict, forKey: .verdict)
    try container.encode(reason, forKey: .reason)  // null, never absent
    try container.encode(value, forKey: .value)
    try container.encode(threshold, forKey: .threshold)
    try container.encode(tool, forKey: .tool)
    try container.encode(evidence, forKey: .evidence)
    try container.encodeIfPresent(seconds, forKey: .seconds)
  }
}

/// What code has to hold to. Keys that are absent take the default.
public struct EvaluationCriteria: Sendable, Hashable, Codable {
  /// The axes that must not fail; others are reported only. An axis that was not run fails nothing,
  /// except correctness where tests were given.
  public var axes: Set<EvaluationAxis.Name>
  /// Cyclomatic complexity of a function, at most.
  public var complexity: Int
  /// Processor time against the version before, at most.
  public var slowdown: Double
  /// The fitted exponent of time over size, at most; `nil`: any.
  public var growth: Double?
  /// Peak memory of the tests, MiB, at most; `nil`: the sandbox's own limit.
  public var memory: Double?
  /// The least severity of a security finding that fails: `low`, `medium` or `high`.
  public var severity: Severity

  public enum Severity: String, Sendable, Hashable, Codable, CaseIterable {
    case low, medium, high
  }

  public init(
    axes: Set<EvaluationAxis.Name> = Set(EvaluationAxis.Name.allCases), complexity: Int = 15,
    slowdown: Double = 1.5, growth: Double? = nil, memory: Double? = nil,
    severity: Severity = .medium
  ) {
    self.axes = axes
    self.complexity = complexity
    self.slowdown = slowdown
    self.growth = growth
    self.memory = memory
    self.severity = severity
  }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    let plain = EvaluationCriteria()
    axes = try values.decodeIfPresent(Set<EvaluationAxis.Name>.self, forKey: .axes) ?? plain.axes
    complexity = try values.decodeIfPresent(Int.self, forKey: .complexity) ?? plain.complexity
    slowdown = try values.decodeIfPresent(Double.self, forKey: .slowdown) ?? plain.slowdown
    growth = try values.decodeIfPresent(Double.self, forKey: .growth)
    memory = try values.decodeIfPresent(Double.self, forKey: .memory)
    severity = try values.decodeIfPresent(Severity.self, forKey: .severity) ?? plain.severity
  }
}

/// Tests or examples that code is judged by.
public struct TestSource: Sendable, Hashable, Codable {
  /// Such as `test_money.py`; told to the reader, and tells the form where the text does not.
  public var path: String
  /// pytest, unittest, doctest, bare asserts, or input and output examples.
  public var text: String
  /// False for tests that Stet or a model wrote.
  public var isUsers: Bool

  public init(path: String, text: String, isUsers: Bool = true) {
    self.path = path
    self.text = text
    self.isUsers = isUsers
  }
}
