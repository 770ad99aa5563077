import Domain

/// What is wrong with a candidate, by kind, as the next round is told it.
struct CodeFeedback: Sendable, Hashable {
  enum Kind: String, Sendable, Hashable, CaseIterable {
    /// The answer held no code, or half of it.
    case noCode = "no_code"
    case syntax
    /// A name that is not defined, or a module that is not there.
    case name
    /// A test's own comparison, with the values.
    case assertion
    /// Any other exception.
    case exception
    case timeout
    case memory
    /// The code does not let itself be tested: it ended the process or forged a result.
    case dishonest
    /// A test was not run, or none could be.
    case notRun = "not_run"
    case efficiency, practice, types, security
    /// Behaviour that was to be kept and was not.
    case behaviour
    /// A person's own words.
    case person
  }

  struct Item: Sendable, Hashable {
    var kind: Kind
    var line: Int?
    /// One sentence; texts of the judged code in it are bounded.
    var message: String
  }

  var items: [Item]

  var isEmpty: Bool { items.isEmpty }
  static let most = 8

  init(_ items: [Item]) { self.items = Array(items.prefix(Self.most)) }

  init(_ kind: Kind, _ message: String, line: Int? = nil) {
    items = [Item(kind: kind, line: line, message: message)]
  }

  /// Of what fails by the criteria, tests first.
  init(_ evaluation: Evaluation, criteria: EvaluationCriteria) {
    var items: [Item] = []
    let order: [EvaluationAxis.Name] = [.correctness, .security, .types, .practice, .efficiency]
    for name in order where criteria.axes.contains(name) {
      guard let axis = evaluation.axis(name), axis.verdict == .fail else { continue }
      let failures = axis.evidence.filter(\.isFailure)
      // Five of one axis say enough; the other axes want a word too.
      for evidence in failures.prefix(5) {
        var message = Self.short(evidence.message)
        if let rule = evidence.rule, !message.contains(rule) { message = "\(rule): \(message)" }
        if let input = evidence.input { message += " Input: \(Self.short(input, 300))" }
        items.append(
          Item(kind: Self.kind(name, evidence), line: evidence.line, message: message))
      }
      if failures.isEmpty {
        items.append(
          Item(
            kind: Self.kind(name, nil), line: nil,
            message: Self.short(axis.reason ?? "the axis \(name.rawValue) fails")))
      }
    }
    if items.isEmpty, evaluation.verdict != .pass, let axis = evaluation.axis(.correctness) {
      items.append(
        Item(
          kind: .notRun, line: nil,
          message: Self.short(axis.reason ?? "it could not be judged")))
    }
    self.init(items)
  }

  private static func short(_ text: String, _ limit: Int = 600) -> String {
    Defanged.forTerminal(SecretMask.masked(text).text, oneLine: false, limit: limit)
  }

  private static func kind(
    _ axis: EvaluationAxis.Name, _ evidence: EvaluationAxis.Evidence?
  ) -> Kind {
    switch axis {
    case .efficiency: .efficiency
    case .practice: .practice
    case .types: .types
    case .security: .security
    case .correctness:
      switch evidence?.kind {
      case .syntax: .syntax
      case .importing, .name: .name
      case .assertion: .assertion
      case .timeout: .timeout
      case .memory: .memory
      case .tampered, .exited: .dishonest
      case .notCollected, .skipped: .notRun
      case .exception, nil: .exception
      }
    }
  }

  /// As the model and a commit's message are told it: one line an item.
  var text: String {
    items.map { item in
      let place = item.line.map { " (line \($0))" } ?? ""
      return "- \(item.kind.rawValue)\(place): \(item.message)"
    }.joined(separator: "\n")
  }
}
