import Domain

extension Schemas {
  /// Runs, and the review as `stet review --format json` gives it.
  static let reviews: [String: JSONValue] = [
    "Run": Schema.object([
      Schema.required("id", Schema.text()),
      Schema.required("state", Schema.one(of: RunState.allCases.map(\.rawValue))),
      Schema.required("job", Schema.orNull(Schema.text())),
      Schema.required("kind", Schema.orNull(Schema.text())),
      Schema.required("started_at", Schema.orNull(Schema.date)),
      Schema.required("seconds", Schema.orNull(Schema.number())),
      Schema.required("asked_by", Schema.orNull(Schema.text())),
      Schema.required("subject", Schema.orNull(Schema.text())),
      Schema.required("failure", Schema.orNull(Schema.text())),
      Schema.optional("inputs", Schema.map(of: Schema.text(), "SHA-256 of each, by name.")),
      Schema.optional("claims", Schema.integer()),
      Schema.optional("masked", Schema.map(of: Schema.integer())),
      Schema.optional(
        "model_calls",
        Schema.list(
          of: Schema.object([
            Schema.required("model", Schema.text()),
            Schema.required("input_tokens", Schema.integer()),
            Schema.required("output_tokens", Schema.integer()),
            Schema.required("cost_usd", Schema.orNull(Schema.number())),
            Schema.required("seconds", Schema.number()),
            Schema.required("cache_hit", Schema.flag()),
            Schema.required("failure", Schema.orNull(Schema.text())),
          ]))),
      Schema.optional(
        "actions",
        Schema.list(
          of: Schema.object([
            Schema.required("name", Schema.text()), Schema.required("place", Schema.text()),
          ]))),
      Schema.optional("review", Schema.orNull(Schema.ref("Review"))),
      Schema.optional("result", .object(["description": .string("As its route gives it.")])),
    ]),
    "Usage": Schema.object([
      Schema.required("model_calls", Schema.integer()),
      Schema.required("input_tokens", Schema.integer()),
      Schema.required("output_tokens", Schema.integer()),
      Schema.required("cost_usd", Schema.orNull(Schema.number())),
    ]),
    "Review": Schema.object([
      Schema.required("verdict", Schema.one(of: ["approve", "comment", "request_changes"])),
      Schema.required("summary", Schema.text()),
      Schema.required("findings", Schema.list(of: Schema.ref("Finding"))),
      Schema.required(
        "dropped",
        Schema.list(of: Schema.object([Schema.required("reason", Schema.text())]))),
      Schema.required(
        "coverage",
        Schema.object([
          Schema.required("files", Schema.integer()), Schema.required("hunks", Schema.integer()),
          Schema.required("hunks_reviewed", Schema.integer()),
          Schema.required(
            "skipped",
            Schema.list(
              of: Schema.object([
                Schema.required("path", Schema.text()),
                Schema.required("hunk", Schema.orNull(Schema.integer())),
                Schema.required("reason", Schema.text()),
              ]))),
        ])),
      Schema.required("usage", Schema.ref("Usage")), Schema.required("run", Schema.text()),
    ]),
    "Finding": Schema.object([
      Schema.required("id", Schema.text()), Schema.required("path", Schema.text()),
      Schema.required("side", Schema.one(of: ["new", "old"])),
      Schema.required("start_line", Schema.integer()), Schema.required("line", Schema.integer()),
      Schema.required("severity", Schema.one(of: ["note", "warning", "error"])),
      Schema.required("category", Schema.text()), Schema.required("message", Schema.text()),
      Schema.required("quote", Schema.text()),
      Schema.required("suggestion", Schema.orNull(Schema.text())),
      Schema.required("confidence", Schema.number()), Schema.required("source", Schema.text()),
      Schema.required("fingerprint", Schema.text()),
      Schema.required("verified", Schema.list(of: Schema.text())),
    ]),
  ]
}
