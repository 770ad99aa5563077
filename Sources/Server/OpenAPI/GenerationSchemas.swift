import Domain
import UseCases

extension Schemas {
  /// What `/v1/generate`, `/v1/refactor` and feedback on their runs take and give.
  static let generation: [String: JSONValue] = [
    "GenerateRequest": Schema.object(
      [
        Schema.required("prompt", Schema.text("What the code should do.", from: 1)),
        Schema.optional("tests", tests),
      ] + bounds),
    "RefactorRequest": Schema.object(
      [
        Schema.required("code", Schema.text("The whole file.", from: 1)),
        Schema.optional("tests", tests),
        Schema.optional("goal", Schema.orNull(Schema.text("What should become better."))),
      ] + bounds),
    "FeedbackRequest": Schema.object([
      Schema.required("message", Schema.text("What should be different.", from: 1))
    ]),
    "Generation": Schema.object([
      Schema.required("verdict", verdict),
      Schema.required("reason", Schema.text("What the verdict rests on.")),
      Schema.required("code", Schema.text("The best that was found.")),
      Schema.required("changed", Schema.flag("Whether it differs from what was given.")),
      Schema.required("tests", Schema.text("Every test it was judged by.")),
      Schema.required("rounds", Schema.list(of: round)),
      Schema.required("usage", Schema.ref("Usage")), Schema.required("run", Schema.text()),
      Schema.required("failure", Schema.orNull(Schema.text("Why it ended early."))),
      Schema.required("path", Schema.text("File name of the code.")),
      Schema.required("prompt", Schema.text()),
      Schema.required("messages", Schema.list(of: Schema.text(), "What was said afterwards.")),
      Schema.required(
        "test_files",
        Schema.list(
          of: Schema.object([
            Schema.required("path", Schema.text()), Schema.required("text", Schema.text()),
            Schema.required("isUsers", Schema.flag("False for those of a model.")),
          ]))),
      Schema.required("criteria", Schema.map(of: .bool(true), "As they were asked for.")),
      Schema.required("limits", Schema.map(of: .bool(true), "What it was allowed to take.")),
    ]),
  ]

  private static let verdict = Schema.one(of: ["pass", "fail", "error"])

  private static let bounds: [Schema.Member] = [
    Schema.optional("path", Schema.orNull(Schema.text("File name of the code: NAME.py."))),
    Schema.optional("rounds", Schema.integer(from: 1, to: GenerationLimits.mostRounds)),
    Schema.optional("candidates", Schema.integer(from: 1, to: GenerationLimits.mostCandidates)),
    Schema.optional("seconds", Schema.integer(from: 1, to: Int(GenerationLimits.longest))),
    Schema.optional("tokens", Schema.integer(from: 1)),
    Schema.optional("cost_usd", Schema.number("Above 0.")),
    Schema.optional(
      "criteria",
      Schema.map(
        of: .bool(true), "`axes`, `complexity`, `slowdown`, `growth`, `memory`, `severity`.")
    ),
  ]

  private static let round = Schema.object([
    Schema.required("step", Schema.one(of: ["write", "repair", "resample", "revise", "tool"])),
    Schema.required("candidates", Schema.integer("Answers that held code.")),
    Schema.required("commit", Schema.orNull(Schema.text())),
    Schema.required("verdict", verdict),
    Schema.required("feedback", Schema.text("What the next round is told.")),
    Schema.required(
      "evaluation",
      Schema.orNull(Schema.map(of: .bool(true), "As `POST /v1/evaluate` gives it."))),
  ])
}
