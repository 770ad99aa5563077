import Domain

/// What a model is told where the server cannot hold it to a schema.
enum SchemaInstruction {
  static func text(_ schema: JSONSchema) -> String {
    "\n\nAnswer with one JSON value and nothing else, under this JSON schema:\n"
      + schema.rendered().text
  }

  /// The one further turn that follows an answer which does not satisfy the schema.
  static func repair(_ fault: AnswerFault) -> String {
    "That answer is not accepted: \(fault.reason). Answer again, with one JSON value that satisfies "
      + "the schema and nothing around it. If there is nothing to report, use empty lists and null."
  }
}
