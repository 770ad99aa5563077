import Domain

extension Schemas {
  /// What `/v1/repl` takes and gives.
  static let repl: [String: JSONValue] = [
    "ReplRequest": Schema.object([
      Schema.optional(
        "image",
        Schema.orNull(
          Schema.one(
            of: SandboxImage.allCases.map(\.rawValue), "What is installed; `python` is plain.")))
    ]),
    "ReplSession": Schema.object([Schema.required("session", Schema.text())]),
    "CellRequest": Schema.object([
      Schema.required("code", Schema.text("Statements; the value of a last expression is told.")),
      Schema.optional(
        "time", Schema.orNull(Schema.number("Seconds that it may take; 30 where none are given."))),
    ]),
    "Cell": Schema.object([
      Schema.required("stdout", Schema.text()), Schema.required("stderr", Schema.text()),
      Schema.required(
        "value", Schema.orNull(Schema.text("The `repr` of a last expression's value."))),
      Schema.required(
        "error",
        Schema.orNull(
          Schema.object([
            Schema.required("name", Schema.text("The exception's class.")),
            Schema.required("message", Schema.text()),
            Schema.required("traceback", Schema.text()),
          ]))),
      Schema.required("seconds", Schema.number()),
    ]),
  ]
}
