import Domain

/// `--format rdjson`: reviewdog's diagnostic format, one document.
/// Source: reviewdog, proto/rdf/reviewdog.proto (`DiagnosticResult`).
enum RDJSONFormat {
  static func document(_ review: Review) -> JSONText {
    .object([
      ("source", .object([("name", .string("stet"))])),
      ("severity", .string(word(review.findings.map(\.severity).max()))),
      ("diagnostics", .array(review.findings.map(diagnostic))),
    ])
  }

  /// Removed lines have no place in the file that reviewdog looks at: those are given by file.
  private static func diagnostic(_ finding: Finding) -> JSONText {
    var location: [(String, JSONText)] = [("path", .string(finding.path))]
    if finding.side == .new { location.append(("range", range(finding))) }
    var members: [(String, JSONText)] = [
      ("message", .string(Defanged.forPlainJSON(finding.message))),
      ("location", .object(location)), ("severity", .string(word(finding.severity))),
      ("source", .object([("name", .string("stet (\(finding.source))"))])),
      ("code", .object([("value", .string(finding.category))])),
    ]
    if let suggestion = finding.suggestion, finding.side == .new {
      members.append(
        (
          "suggestions",
          .array([.object([("range", range(finding)), ("text", .string(suggestion))])])
        ))
    }
    return .object(members)
  }

  /// Without columns a range is of whole lines.
  private static func range(_ finding: Finding) -> JSONText {
    .object([
      ("start", .object([("line", .integer(finding.startLine))])),
      ("end", .object([("line", .integer(finding.line))])),
    ])
  }

  private static func word(_ severity: Severity?) -> String {
    switch severity {
    case .error: "ERROR"
    case .warning: "WARNING"
    case .note, nil: "INFO"
    }
  }
}
