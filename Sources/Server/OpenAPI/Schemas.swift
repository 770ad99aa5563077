import Domain
import Jobs

/// The shapes that requests and answers have, by name.
enum Schemas {
  static let all: [String: JSONValue] = requests.merging(answers) { first, _ in first }
    .merging(reviews) { first, _ in first }.merging(generation) { first, _ in first }
    .merging(repl) { first, _ in first }.merging(evaluations) { first, _ in first }

  private static let requests: [String: JSONValue] = [
    "SignInForm": Schema.object([
      Schema.required("token", Schema.text("An API token.")),
      Schema.required("csrf", Schema.text("As the page gave it.")),
      Schema.optional("next", Schema.text("Where to go then.")),
    ]),
    "ActionForm": Schema.object([
      Schema.required("csrf", Schema.text("As the page gave it."))
    ]),
    "Delivery": Schema.map(of: .bool(true), "As the forge sends it."),
    "FixRequest": Schema.object([
      Schema.required("code", Schema.text("The whole file.", from: 1)),
      Schema.optional("diff", Schema.orNull(Schema.text("The change that made it."))),
      Schema.optional("context", Schema.orNull(Schema.text("What is wrong, in words."))),
      Schema.optional("path", Schema.orNull(Schema.text("Where it stands; tells the language."))),
    ]),
    "IssueRequest": Schema.object([
      Schema.required("title", Schema.text(from: 1, to: IssueRoutes.longestTitle)),
      Schema.required("description", Schema.text("At most 64 KiB.")),
      Schema.optional("priority", Schema.orNull(priority)),
    ]),
    "IssueBatch": Schema.object([
      Schema.required(
        "issues",
        Schema.list(of: Schema.ref("IssueRequest"), "1 to \(IssueRoutes.largestBatch) of them."))
    ]),
    "IssueChange": Schema.object(
      [
        Schema.optional("title", Schema.text(from: 1, to: IssueRoutes.longestTitle)),
        Schema.optional("description", Schema.text("At most 64 KiB.")),
        Schema.optional("priority", Schema.orNull(priority)),
        Schema.optional("state", issueState),
        Schema.optional("tags", Schema.list(of: Schema.text(from: 1, to: IssueFields.longestTag))),
      ], "At least one of them."),
    "EnrichRequest": Schema.object([
      Schema.optional("delay", Schema.number("Seconds to wait, a week at most."))
    ]),
    "ReviewRequest": Schema.object(
      [
        Schema.optional("diff", Schema.text("A unified diff.")),
        Schema.optional("pull_request", Schema.text("OWNER/REPO#N.")),
        Schema.optional(
          "post", Schema.flag("Whether the review of a pull request is posted on the forge.")),
      ], "Either `diff` or `pull_request`."),
  ]

  private static let issueState = Schema.one(of: TrackedIssue.State.allCases.map(\.rawValue))
  private static let priority = Schema.one(of: TrackedIssue.Priority.allCases.map(\.rawValue))

  private static let answers: [String: JSONValue] = [
    "Problem": Schema.object(
      [
        Schema.required("type", Schema.text(format: "uri-reference")),
        Schema.required("title", Schema.text()), Schema.required("status", Schema.integer()),
        Schema.required("detail", Schema.text("What is wrong and what to do.")),
        Schema.required("instance", Schema.text(format: "uri-reference")),
        Schema.optional(
          "errors",
          Schema.list(
            of: Schema.object([
              Schema.required("field", Schema.text()), Schema.required("message", Schema.text()),
            ]))),
      ], "RFC 9457."),
    "Accepted": Schema.object([
      Schema.required("delivery", Schema.text("The forge's id of the delivery.")),
      Schema.required("job", Schema.text()),
    ]),
    "Duplicate": Schema.object([
      Schema.required("delivery", Schema.text()), Schema.required("duplicate", Schema.flag()),
    ]),
    "Promise": Schema.object(
      [Schema.required("run", Schema.text()), Schema.required("job", Schema.text())],
      "What will be done: see `/v1/runs/{id}`."),
    "FixAnswer": Schema.object([
      Schema.required("fixed_code", Schema.text()), Schema.required("changed", Schema.flag()),
      Schema.required("reason", Schema.orNull(Schema.text())),
      Schema.required("verified", Schema.list(of: Schema.text())),
      Schema.required("usage", Schema.ref("Usage")), Schema.required("run", Schema.text()),
    ]),
    "Issue": Schema.object([
      Schema.required("id", Schema.text(format: "uuid")), Schema.required("title", Schema.text()),
      Schema.required("description", Schema.text()),
      Schema.required("priority", Schema.orNull(priority)),
      Schema.required("state", issueState),
      Schema.required("status", Schema.one(of: ["pending", "enriched"])),
      Schema.required("ai_summary", Schema.orNull(Schema.text())),
      Schema.required("tags", Schema.orNull(Schema.text("Separated by commas."))),
      Schema.required(
        "source", Schema.orNull(Schema.one(of: ["model", "fallback", "classifier"]))),
      Schema.required(
        "duplicates",
        Schema.list(
          of: Schema.object([
            Schema.required("id", Schema.text()),
            Schema.required("score", Schema.number("The greater of the two.")),
            Schema.required(
              "words", Schema.orNull(Schema.number("Cosine of the words, where they found it."))),
            Schema.required(
              "meaning",
              Schema.orNull(Schema.number("Cosine of the vectors, where they found it."))),
          ]), "Earlier issues that may be the same.")),
      Schema.required("last_error", Schema.orNull(Schema.text("Of the model."))),
      Schema.required("job", Schema.orNull(Schema.text("That enriches it."))),
      Schema.required("enrichment", Schema.orNull(Schema.ref("Enrichment"))),
      Schema.required("created_at", Schema.date), Schema.required("updated_at", Schema.date),
    ]),
    "Issues": page("issues", "Issue"),
    "IssueIDs": Schema.object([
      Schema.required(
        "ids", Schema.list(of: Schema.text(format: "uuid"), "In the order of the request."))
    ]),
    "Enrichment": Schema.object(
      [
        Schema.required("job", Schema.text()),
        Schema.required("state", Schema.one(of: JobState.allCases.map(\.rawValue))),
        Schema.required("attempts", Schema.integer()),
        Schema.required("scheduled_at", Schema.date),
        Schema.required("last_error", Schema.orNull(Schema.text())),
        Schema.required("run", Schema.orNull(Schema.text())),
      ], "How the job stands; null in lists."),
    "Job": Schema.object([
      Schema.required("id", Schema.text()), Schema.required("kind", Schema.text()),
      Schema.required("state", Schema.one(of: JobState.allCases.map(\.rawValue))),
      Schema.required("priority", Schema.integer()), Schema.required("attempt", Schema.integer()),
      Schema.required("max_attempts", Schema.integer()),
      Schema.required("created_at", Schema.date), Schema.required("scheduled_at", Schema.date),
      Schema.required("attempted_at", Schema.orNull(Schema.date)),
      Schema.required("finished_at", Schema.orNull(Schema.date)),
      Schema.required("cancel_requested", Schema.flag()),
      Schema.required("run", Schema.orNull(Schema.text())),
      Schema.required("group", Schema.orNull(Schema.text("Groups take turns."))),
      Schema.required("blockers", Schema.integer()),
      Schema.required("note", Schema.orNull(Schema.text("Why it waits."))),
      Schema.required("version", Schema.integer()),
      Schema.required("known", Schema.flag("Whether this version runs such jobs.")),
      Schema.required(
        "errors",
        Schema.list(
          of: Schema.object([
            Schema.required("attempt", Schema.integer()), Schema.required("at", Schema.date),
            Schema.required("message", Schema.text()),
          ]))),
    ]),
    "Jobs": page("jobs", "Job", [Schema.required("counts", Schema.map(of: Schema.integer()))]),
    "RetriedJobs": Schema.object([Schema.required("retried", Schema.integer())]),
    "Schedules": Schema.object([
      Schema.required(
        "schedules",
        Schema.list(
          of: Schema.object([
            Schema.required("name", Schema.text()), Schema.required("expression", Schema.text()),
            Schema.required("zone", Schema.text()), Schema.required("kind", Schema.text()),
            Schema.required("next_at", Schema.date),
            Schema.required("last_at", Schema.orNull(Schema.date)),
            Schema.required("last_job", Schema.orNull(Schema.text())),
          ])))
    ]),
    "Runs": page("runs", "Run"),
    "Live": Schema.object([Schema.required("status", Schema.one(of: ["ok"]))]),
    "Ready": Schema.object([
      Schema.required("status", Schema.one(of: ["ready", "not_ready"])),
      Schema.required(
        "checks",
        Schema.list(
          of: Schema.object([
            Schema.required("name", Schema.text()), Schema.required("ok", Schema.flag()),
            Schema.required("problem", Schema.orNull(Schema.text())),
          ]))),
    ]),
    "Description": Schema.map(of: .bool(true), "An OpenAPI 3.1 document."),
  ]

  private static func page(
    _ name: String, _ item: String, _ further: [Schema.Member] = []
  ) -> JSONValue {
    Schema.object(
      [
        Schema.required(name, Schema.list(of: Schema.ref(item))),
        Schema.required("next", Schema.orNull(Schema.text("The `before` of the next page."))),
      ] + further)
  }
}
