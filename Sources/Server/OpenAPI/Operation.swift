import Domain

/// What the description says of one route.
struct Operation: Sendable {
  struct Parameter: Sendable {
    enum Place: String, Sendable { case path, query, header }
    var name: String
    var place: Place
    var schema: JSONValue
    var meaning: String
  }

  /// One successful answer.
  struct Result: Sendable {
    var status: Int
    var meaning: String
    /// The name of a schema; `nil` for a text.
    var schema: String?
    var contentType = Answer.jsonType
    var headers: [String: String] = [:]
  }

  var id: String
  var tag: String
  var summary: String
  var detail = ""
  var parameters: [Parameter] = []
  /// The name of the schema of the body.
  var body: String?
  var bodyType = Answer.jsonType
  /// Whether the body may be left out.
  var isBodyOptional = false
  var results: [Result]
  /// What may go wrong, beside what access and limits bring.
  var problems: [Problem.Kind] = []
}

extension Operation.Parameter {
  static let id = Operation.Parameter(
    name: "id", place: .path, schema: Schema.text(), meaning: "The identifier.")
  static let limit = Operation.Parameter(
    name: "limit", place: .query, schema: Schema.integer(from: 1, to: Paging.most),
    meaning: "At most so many; 50 where it is not given.")
  static let kind = Operation.Parameter(
    name: "kind", place: .query, schema: Schema.text(), meaning: "Only jobs of this kind.")
  static let run = Operation.Parameter(
    name: "run", place: .query, schema: Schema.text(), meaning: "Only the job of this run.")
  static let before = Operation.Parameter(
    name: "before", place: .query, schema: Schema.text(),
    meaning: "Only what is older: the `next` of the page before.")
}
