import Domain

extension Schemas {
  /// What is asked and answered about code, as `stet evaluate --format json` gives it.
  static let evaluations: [String: JSONValue] = [
    "EvaluateRequest": Schema.object([
      Schema.required("code", Schema.text("A Python module.", from: 1)),
      Schema.optional("path", Schema.orNull(Schema.text("Names the module.", from: 1))),
      Schema.optional("tests", tests),
      Schema.optional("language", Schema.orNull(Schema.one(of: ["python"]))),
      Schema.optional("criteria", Schema.orNull(Schema.ref("Criteria"))),
      Schema.optional(
        "mutation",
        Schema.orNull(
          Schema.flag("Tries mutants after the report, and adds which no test notices."))),
      Schema.optional(
        "previous",
        Schema.orNull(Schema.text("The version before, to compare behaviour and speed with."))),
      Schema.optional(
        "compared_with",
        Schema.orNull(Schema.text("The run of an evaluation; `changes` says what changed since."))),
    ]),
    "Criteria": Schema.object(
      [
        Schema.optional(
          "axes",
          Schema.list(
            of: Schema.one(of: EvaluationAxis.Name.allCases.map(\.rawValue)),
            "The axes that must not fail; without it, all.")),
        Schema.optional(
          "complexity", Schema.integer("Of a function, at most; 15 without it.", from: 1)),
        Schema.optional(
          "slowdown",
          positive("Processor time against the version before, at most; 1.5 without it.")),
        Schema.optional("growth", positive("The exponent of time over size, at most.")),
        Schema.optional("memory", positive("MiB at the peak, at most.")),
        Schema.optional(
          "severity",
          Schema.one(
            of: EvaluationCriteria.Severity.allCases.map(\.rawValue),
            "The least that fails; medium without it.")),
      ], "What the code has to hold to."),
    "Evaluation": Schema.object([
      Schema.required("verdict", Schema.one(of: ["pass", "fail", "error"])),
      Schema.required("seconds", Schema.number()),
      Schema.required("axes", Schema.list(of: Schema.ref("Axis"))),
      Schema.required("stdout", Schema.text("What the tests printed.")),
      Schema.required("stderr", Schema.text()),
      Schema.optional(
        "changes", Schema.list(of: Schema.text(), "What changed since the round before.")),
      Schema.required("run", Schema.text()),
    ]),
    "Axis": Schema.object([
      Schema.required("name", Schema.one(of: EvaluationAxis.Name.allCases.map(\.rawValue))),
      Schema.required("verdict", Schema.one(of: ["pass", "fail", "not_run"])),
      Schema.required("reason", Schema.orNull(Schema.text())),
      Schema.required("value", Schema.orNull(Schema.number("What was measured."))),
      Schema.required("threshold", Schema.orNull(Schema.number())),
      Schema.required("tool", Schema.text("Name and version; empty where none ran.")),
      Schema.required("evidence", Schema.list(of: Schema.ref("Evidence"))),
      Schema.optional("seconds", Schema.number("How long it took.")),
    ]),
    "Evidence": Schema.object([
      Schema.required("line", Schema.orNull(Schema.integer("Of the code.", from: 1))),
      Schema.required("rule", Schema.orNull(Schema.text("A tool's rule, or the test."))),
      Schema.required("cwe", Schema.orNull(Schema.integer())),
      Schema.required("message", Schema.text()),
      Schema.optional("input", Schema.text("The input on which it fails, as Python.")),
      Schema.optional("source", Schema.one(of: ["user", "generated", "tool"])),
      Schema.required("is_failure", Schema.flag("Whether it alone makes the axis fail.")),
      Schema.optional(
        "kind",
        Schema.one(
          of: EvaluationAxis.Evidence.FailureKind.allCases.map(\.rawValue),
          "What a failing test or import came to.")),
    ]),
  ]

  /// Of every request about code.
  static let tests = JSONValue.object([
    "description": .string("Tests in any known form."),
    "anyOf": .array([
      Schema.text(),
      Schema.list(
        of: Schema.object([
          Schema.optional("path", Schema.orNull(Schema.text(from: 1))),
          Schema.required("text", Schema.text(from: 1)),
        ])),
      .object(["type": .string("null")]),
    ]),
  ])

  private static func positive(_ meaning: String) -> JSONValue {
    .object([
      "type": .string("number"), "exclusiveMinimum": .integer(0), "description": .string(meaning),
    ])
  }
}
