import Domain
import Yams

/// Reads `.stet.yml`. The schema is in docs/policy.md.
///
/// All problems are reported together. Anchors and aliases are refused: a policy needs none, and
/// nested aliases make a small file expand without bound.
public struct PolicyReader {
  static let largest: ByteCount = 65_536

  private let file: String
  private var problems: [PolicyProblem] = []
  private var warnings: [PolicyProblem] = []
  /// Of all globs and patterns of rules so far: what judging them can cost is bounded by it.
  var patternBytes = 0

  private init(file: String) { self.file = file }

  /// - Parameter file: the name that problems begin with.
  public static func read(
    _ bytes: [UInt8], file: String = ".stet.yml"
  ) throws(PolicyError) -> PolicyFile {
    func failure(_ message: String, line: Int? = nil, column: Int? = nil) -> PolicyError {
      PolicyError(problems: [
        PolicyProblem(file: file, line: line, column: column, message: message)
      ])
    }
    guard bytes.count <= largest.value else {
      throw failure("the file has \(bytes.count) bytes, more than the \(largest.value) allowed")
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw failure("the file is not UTF-8; save it as UTF-8")
    }
    if let depth = YAMLHazards.tooDeepLine(text) {
      throw failure("the file is nested too deeply to be a policy", line: depth)
    }
    if let anchor = YAMLHazards.firstAnchorOrAlias(text) {
      let hint =
        anchor.isAlias
        ? "a value that begins with '*' is a YAML alias, which a policy may not use; put quotes around a glob: \"**/*.py\""
        : "YAML anchors ('&name') are not allowed in a policy; write the value out"
      throw failure(hint, line: anchor.line, column: anchor.column)
    }
    let root: Node?
    do {
      root = try Yams.compose(yaml: text)
    } catch let error as YamlError {
      let place = YAMLHazards.place(of: error)
      throw failure(
        "not valid YAML: \(place.problem)", line: place.line, column: place.column)
    } catch {
      throw failure("not valid YAML")
    }
    var reader = PolicyReader(file: file)
    var policy = PolicyFile(review: ReviewPolicy())
    reader.policy(root, into: &policy)
    guard reader.problems.isEmpty else { throw PolicyError(problems: reader.problems) }
    policy.warnings = reader.warnings
    return policy
  }

  private mutating func policy(_ root: Node?, into policy: inout PolicyFile) {
    guard let root, !isNull(root) else { return }
    guard let mapping = root.mapping else {
      report(root, "", "expected keys such as 'review:', found \(kind(root))")
      return
    }
    for (key, value) in mapping {
      let name = key.string ?? ""
      switch name {
      case "version":
        if value.int != 1 { report(value, name, "this version of Stet reads version 1 only") }
      case "review": review(value, into: &policy.review)
      case "fix": fix(value, into: &policy.fix)
      case "issues": issues(value, into: &policy.issues)
      case "notify": notify(value, into: &policy.notify)
      case "rules": rules(value, into: &policy.shepherd)
      case "merge": merge(value, into: &policy.shepherd.merge)
      case "roles": roles(value, into: &policy.shepherd.roles)
      case "commands": commands(value, into: &policy.shepherd.roles)
      case "queue": queue(value, into: &policy.shepherd.queue)
      case "freeze": freezes(value, into: &policy.shepherd)
      case "stale": stale(value, into: &policy.shepherd)
      case "reviewers": reviewers(value, into: &policy.reviewers)
      default:
        let near = nearest(name, Self.sections)
        warn(key, name, "unknown key, left aside" + (near.map { "; did you mean '\($0)'?" } ?? ""))
      }
    }
  }

  static let sections = [
    "version", "review", "fix", "issues", "notify", "rules", "merge", "roles", "commands", "queue",
    "freeze", "stale", "reviewers",
  ]

  private static let reviewKeys = [
    "include", "exclude", "language", "min_confidence", "max_findings", "max_input_tokens",
    "approve_when_clean", "severity", "instructions",
  ]

  private mutating func review(_ node: Node, into policy: inout ReviewPolicy) {
    if isNull(node) { return }
    guard let mapping = node.mapping else {
      report(node, "review", "expected keys such as 'exclude:', found \(kind(node))")
      return
    }
    for (key, value) in mapping {
      let name = key.string ?? ""
      let path = "review.\(name)"
      switch name {
      case "include": policy.include = patterns(value, path)
      case "exclude": policy.exclude = patterns(value, path)
      case "language":
        if let text = text(value, path, longest: 40) { policy.language = text }
      case "min_confidence":
        if let number = value.float, number >= 0, number <= 1 {
          policy.minConfidence = number
        } else {
          report(value, path, "expected a number from 0 to 1, found \(shown(value))")
        }
      case "max_findings":
        if let number = whole(value, path, 1...1000) { policy.maxFindings = number }
      case "max_input_tokens":
        if let number = whole(value, path, 0...100_000_000) { policy.maxInputTokens = number }
      case "approve_when_clean":
        if let flag = value.bool {
          policy.approveWhenClean = flag
        } else {
          report(value, path, "expected true or false, found \(shown(value))")
        }
      case "severity": policy.severity = severities(value, path)
      case "instructions": policy.instructions = instructions(value, path)
      default: unknown(key, name, in: "review", allowed: Self.reviewKeys)
      }
    }
  }

  mutating func patterns(_ node: Node, _ path: String) -> [String] {
    if isNull(node) { return [] }
    guard let items = node.sequence else {
      report(node, path, "expected a list of globs, found \(kind(node)); write '- \"docs/**\"'")
      return []
    }
    var patterns: [String] = []
    for (index, item) in items.enumerated() {
      if let pattern = glob(item, "\(path)[\(index)]") { patterns.append(pattern) }
    }
    return patterns
  }

  mutating func glob(_ node: Node, _ path: String) -> String? {
    guard let text = text(node, path, longest: PathPattern.longest) else { return nil }
    do {
      _ = try PathPattern(text)
      return text
    } catch {
      report(node, path, error.description)
      return nil
    }
  }

  private mutating func severities(
    _ node: Node, _ path: String
  ) -> [String: ReviewPolicy.SeverityOverride] {
    if isNull(node) { return [:] }
    guard let mapping = node.mapping else {
      report(node, path, "expected 'category: off|note|warning|error', found \(kind(node))")
      return [:]
    }
    var result: [String: ReviewPolicy.SeverityOverride] = [:]
    for (key, value) in mapping {
      guard let name = key.string, !name.isEmpty else {
        report(key, path, "expected the name of a category or rule, found \(kind(key))")
        continue
      }
      // YAML 1.1 reads a bare `off` as false; its text is what was meant.
      let word = value.scalar?.string ?? ""
      let lowered = word.lowercased()
      if let severity = ReviewPolicy.SeverityOverride(rawValue: lowered) {
        result[name] = severity
      } else {
        let near = nearest(lowered, ["off", "note", "warning", "error"])
        report(
          value, "\(path).\(name)",
          "expected off, note, warning or error, found \(shown(value))"
            + (near.map { "; did you mean '\($0)'?" } ?? ""))
      }
    }
    return result
  }

  private mutating func instructions(
    _ node: Node, _ path: String
  ) -> [ReviewPolicy.Instruction] {
    if isNull(node) { return [] }
    guard let items = node.sequence else {
      report(node, path, "expected a list of 'path:' and 'text:', found \(kind(node))")
      return []
    }
    var result: [ReviewPolicy.Instruction] = []
    for (index, item) in items.enumerated() {
      let itemPath = "\(path)[\(index)]"
      guard let mapping = item.mapping else {
        report(item, itemPath, "expected 'path:' and 'text:', found \(kind(item))")
        continue
      }
      var pattern: String?
      var words: String?
      for (key, value) in mapping {
        switch key.string ?? "" {
        case "path": pattern = glob(value, "\(itemPath).path")
        case "text": words = text(value, "\(itemPath).text", longest: 4000)
        case let name: unknown(key, name, in: itemPath, allowed: ["path", "text"])
        }
      }
      for name in ["path", "text"] where mapping[Node(name)] == nil {
        report(item, itemPath, "'\(name)' is missing")
      }
      if let pattern, let words { result.append(.init(path: pattern, text: words)) }
    }
    return result
  }

  // MARK: - Values

  mutating func text(_ node: Node, _ path: String, longest: Int) -> String? {
    guard let scalar = node.scalar, !isNull(node), !scalar.string.isEmpty else {
      report(node, path, "expected text, found \(kind(node))")
      return nil
    }
    guard scalar.string.utf8.count <= longest else {
      report(node, path, "has \(scalar.string.utf8.count) bytes, more than the \(longest) allowed")
      return nil
    }
    return scalar.string
  }

  mutating func whole(_ node: Node, _ path: String, _ range: ClosedRange<Int>) -> Int? {
    if let number = node.int, range.contains(number) { return number }
    report(
      node, path,
      "expected a whole number from \(range.lowerBound) to \(range.upperBound), found \(shown(node))"
    )
    return nil
  }

  func isNull(_ node: Node) -> Bool { node.null != nil && node.scalar != nil }

  func kind(_ node: Node) -> String {
    if node.mapping != nil { return "a mapping" }
    if node.sequence != nil { return "a list" }
    return isNull(node) ? "nothing" : shown(node)
  }

  func shown(_ node: Node) -> String {
    guard let scalar = node.scalar else { return kind(node) }
    return "'\(Defanged.forTerminal(scalar.string, oneLine: true, limit: 40))'"
  }

  // MARK: - Problems

  mutating func unknown(_ key: Node, _ name: String, in path: String, allowed: [String]) {
    let hint =
      nearest(name, allowed).map { "did you mean '\($0)'?" }
      ?? "allowed are \(allowed.joined(separator: ", "))"
    report(key, "\(path).\(plain(name))", "unknown key; \(hint)")
  }

  mutating func report(_ node: Node, _ path: String, _ message: String) {
    problems.append(problem(node, path, message))
  }

  mutating func warn(_ node: Node, _ path: String, _ message: String) {
    warnings.append(problem(node, path, message))
  }

  private func problem(_ node: Node, _ path: String, _ message: String) -> PolicyProblem {
    PolicyProblem(
      file: file, line: node.mark?.line, column: node.mark?.column, keyPath: plain(path),
      message: message)
  }

  private func plain(_ text: String) -> String {
    Defanged.forTerminal(text, oneLine: true, limit: 120)
  }

  /// The allowed word within two edits of what was written.
  func nearest(_ word: String, _ allowed: [String]) -> String? {
    allowed.map { ($0, distance(word, $0)) }.filter { $0.1 <= 2 && $0.1 < $0.0.count }
      .min { $0.1 < $1.1 }?.0
  }

  /// Levenshtein's distance.
  private func distance(_ a: String, _ b: String) -> Int {
    let a = Array(a.utf8.prefix(64))
    let b = Array(b.utf8)
    var row = Array(0...b.count)
    for (i, x) in a.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, y) in b.enumerated() {
        let above = row[j + 1]
        row[j + 1] = min(above + 1, row[j] + 1, diagonal + (x == y ? 0 : 1))
        diagonal = above
      }
    }
    return row[b.count]
  }
}
