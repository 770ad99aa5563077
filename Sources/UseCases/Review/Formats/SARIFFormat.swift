import Domain

/// `--format sarif`: one run. What was not looked at stands among the notifications of its
/// invocation, so that a green upload does not hide it.
/// Source: OASIS, Static Analysis Results Interchange Format 2.1.0.
struct SARIFFormat {
  var version: String

  func document(_ review: Review) -> JSONText {
    let rules = rules(of: review.findings)
    let index = Dictionary(
      rules.enumerated().map { ($0.element, $0.offset) }, uniquingKeysWith: { first, _ in first })
    return .object([
      ("$schema", .string("https://json.schemastore.org/sarif-2.1.0.json")),
      ("version", .string("2.1.0")),
      (
        "runs",
        .array([
          .object([
            (
              "tool",
              .object([
                (
                  "driver",
                  .object([
                    ("name", .string("stet")), ("version", .string(version)),
                    ("rules", .array(rules.map(rule))),
                  ])
                )
              ])
            ),
            ("invocations", .array([invocation(review)])),
            ("results", .array(review.findings.map { result($0, rules: index) })),
            ("automationDetails", .object([("id", .string("stet/\(review.run)"))])),
            ("columnKind", .string("unicodeCodePoints")),
          ])
        ])
      ),
    ])
  }

  private func rules(of findings: [Finding]) -> [String] {
    Set(findings.map(\.category)).sorted()
  }

  private func rule(_ category: String) -> JSONText {
    let words = category.split(separator: "-").joined(separator: " ")
    return .object([
      ("id", .string(category)),
      ("shortDescription", message(words.isEmpty ? "finding" : words)),
    ])
  }

  private func invocation(_ review: Review) -> JSONText {
    let failures: Set<SkipReason> = [.modelFailed, .budgetSpent]
    let failed = review.coverage.skipped.contains { failures.contains($0.reason) }
    let notes = review.coverage.skipped.map { part -> JSONText in
      let what = part.hunk.map { "hunk \($0)" } ?? "the file"
      let level = failures.contains(part.reason) ? "error" : "note"
      return .object([
        ("descriptor", .object([("id", .string(part.reason.rawValue))])),
        ("level", .string(level)),
        ("message", message("Not looked at: \(what), \(part.reason.words).")),
        (
          "locations",
          .array([.object([("physicalLocation", .object([("artifactLocation", uri(part.path))]))])])
        ),
      ])
    }
    return .object([
      ("executionSuccessful", .bool(!failed)), ("toolExecutionNotifications", .array(notes)),
    ])
  }

  private func result(_ finding: Finding, rules: [String: Int]) -> JSONText {
    var members: [(String, JSONText)] = [("ruleId", .string(finding.category))]
    if let index = rules[finding.category] { members.append(("ruleIndex", .integer(index))) }
    members += [
      ("level", .string(finding.severity.rawValue)), ("message", message(finding.message)),
      ("locations", .array([.object([("physicalLocation", location(finding))])])),
      ("partialFingerprints", .object([("stet/v1", .string(finding.fingerprint))])),
    ]
    if let suggestion = finding.suggestion, finding.side == .new {
      members.append(("fixes", .array([fix(finding, suggestion)])))
    }
    members.append(
      (
        "properties",
        .object([
          ("confidence", .number(finding.confidence)),
          ("source", .string(finding.source.description)), ("side", .string(finding.side.rawValue)),
          ("verified", .array(finding.verified.map { .string($0.rawValue) })),
        ])
      ))
    return .object(members)
  }

  /// A removed line is not in the file that a viewer opens, so it is given by the file alone.
  private func location(_ finding: Finding) -> JSONText {
    var members = [("artifactLocation", uri(finding.path))]
    if finding.side == .new {
      members.append(
        (
          "region",
          .object([
            ("startLine", .integer(finding.startLine)), ("endLine", .integer(finding.line)),
            ("snippet", .object([("text", .string(finding.quote))])),
          ])
        ))
    }
    return .object(members)
  }

  /// Whole lines: a region without columns ends before the last line's break (3.30.8).
  private func fix(_ finding: Finding, _ suggestion: String) -> JSONText {
    .object([
      (
        "artifactChanges",
        .array([
          .object([
            ("artifactLocation", uri(finding.path)),
            (
              "replacements",
              .array([
                .object([
                  (
                    "deletedRegion",
                    .object([
                      ("startLine", .integer(finding.startLine)),
                      ("endLine", .integer(finding.line)),
                    ])
                  ), ("insertedContent", .object([("text", .string(suggestion))])),
                ])
              ])
            ),
          ])
        ])
      )
    ])
  }

  private func message(_ text: String) -> JSONText {
    .object([("text", .string(Defanged.forPlainJSON(text)))])
  }

  /// A relative URI reference (RFC 3986) of a path.
  private func uri(_ path: String) -> JSONText {
    var encoded = ""
    for byte in path.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
        UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: "/"):
        encoded.unicodeScalars.append(Unicode.Scalar(byte))
      default:
        let digits = String(byte, radix: 16, uppercase: true)
        encoded += "%" + (digits.count == 1 ? "0" : "") + digits
      }
    }
    return .object([("uri", .string(encoded))])
  }
}
