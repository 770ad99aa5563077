import Domain

/// `--format json`: the contract of interface.md, members in its order. Paths, quotes and
/// suggestions are exact; messages have no control or invisible characters.
enum JSONFormat {
  static func document(_ review: Review) -> JSONText {
    .object([
      ("verdict", .string(review.verdict.rawValue)),
      ("summary", .string(Defanged.forPlainJSON(review.summary))),
      ("findings", .array(review.findings.map(finding))),
      ("dropped", .array(review.dropped.map(dropped))),
      (
        "coverage",
        .object([
          ("files", .integer(review.coverage.files)), ("hunks", .integer(review.coverage.hunks)),
          ("hunks_reviewed", .integer(review.coverage.hunksReviewed)),
          (
            "skipped",
            .array(
              review.coverage.skipped.map { part in
                .object([
                  ("path", .string(part.path)), ("hunk", part.hunk.map(JSONText.integer) ?? .null),
                  ("reason", .string(part.reason.rawValue)),
                ])
              })
          ),
        ])
      ),
      (
        "usage",
        .object([
          ("model_calls", .integer(review.usage.modelCalls)),
          ("input_tokens", .integer(review.usage.inputTokens.value)),
          ("output_tokens", .integer(review.usage.outputTokens.value)),
          ("cost_usd", review.usage.costUSD.map { .number($0.value) } ?? .null),
        ])
      ),
      ("run", .string(review.run)),
    ])
  }

  private static func finding(_ finding: Finding) -> JSONText {
    .object([
      ("id", .string(finding.id)), ("path", .string(finding.path)),
      ("side", .string(finding.side.rawValue)), ("start_line", .integer(finding.startLine)),
      ("line", .integer(finding.line)), ("severity", .string(finding.severity.rawValue)),
      ("category", .string(finding.category)),
      ("message", .string(Defanged.forPlainJSON(finding.message))),
      ("quote", .string(finding.quote)), ("suggestion", .optional(finding.suggestion)),
      ("confidence", .number(finding.confidence)),
      ("source", .string(finding.source.description)),
      ("fingerprint", .string(finding.fingerprint)),
      ("verified", .array(finding.verified.map { .string($0.rawValue) })),
    ])
  }

  private static func dropped(_ claim: DroppedClaim) -> JSONText {
    .object([
      ("reason", .string(claim.reason.rawValue)), ("path", .optional(claim.path)),
      ("line", claim.line.map(JSONText.integer) ?? .null),
      ("message", .string(Defanged.forPlainJSON(claim.message))),
      ("source", .string(claim.source.description)),
      ("suggestion_only", .bool(claim.suggestionOnly)),
    ])
  }
}
