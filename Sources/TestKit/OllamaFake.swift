import Domain

/// Ollama's `/api/chat` and `/api/embed`. It ignores what it does not know, as the real one does,
/// and cuts or refuses a prompt that is longer than `num_ctx`.
/// Source: Ollama's API documentation.
struct OllamaFake {
  var model: String
  var refused: Set<String>

  func complaint(_ body: JSONValue) -> WireRules.Complaint? {
    guard case .object(let members) = body else { return .init(message: "invalid JSON") }
    guard members["model"]?.string == model else {
      let name = members["model"]?.string ?? ""
      return .init(status: 404, message: "model '\(name)' not found")
    }
    if let format = members["format"] {
      switch format {
      case .string("json"): break
      case .object where !refused.contains("schema"):
        guard format["type"]?.string != nil else {
          return .init(status: 500, message: "failed to load model vocabulary for grammar")
        }
      case .object:
        return .init(
          message: "json: cannot unmarshal object into Go struct field ChatRequest.format of type "
            + "string")
      default: return .init(message: "invalid format: expected \"json\" or a JSON schema")
      }
    }
    if let messages = members["messages"]?.array {
      let roles: Set = ["system", "user", "assistant", "tool"]
      if let role = messages.compactMap({ $0["role"]?.string }).first(where: { !roles.contains($0) }
      ) {
        return .init(message: "invalid role: \(role)")
      }
      return tooLong(messages, members)
    }
    return nil
  }

  /// One token for three bytes.
  private func tooLong(
    _ messages: [JSONValue], _ members: [String: JSONValue]
  ) -> WireRules.Complaint? {
    let bytes = messages.reduce(0) { $0 + ($1["content"]?.string?.utf8.count ?? 0) }
    let window = members["options"]?["num_ctx"]?.integer ?? 4_096
    guard bytes / 3 > window, members["truncate"] == .bool(false) else { return nil }
    return .init(message: "the input length exceeds the context length")
  }

  // MARK: Answers

  private func line(_ text: String, _ end: String) -> String {
    "{\"model\":\(quoted(model)),\"created_at\":\"2026-11-21T10:00:00.000000Z\","
      + "\"message\":{\"role\":\"assistant\",\"content\":\(quoted(text))},\(end)}"
  }

  private func end(_ finish: WireWriter.Finish) -> String {
    "\"done\":true,\"done_reason\":\"\(finish == .length ? "length" : "stop")\","
      + "\"total_duration\":5000000,\"load_duration\":100,"
      + "\"prompt_eval_count\":\(WireWriter.inputTokens),\"prompt_eval_duration\":100,"
      + "\"eval_count\":\(WireWriter.outputTokens),\"eval_duration\":100"
  }

  func whole(_ text: String, _ finish: WireWriter.Finish) -> String { line(text, end(finish)) }

  func stream(_ pieces: [String], _ finish: WireWriter.Finish) -> String {
    pieces.map { line($0, "\"done\":false") + "\n" }.joined() + line("", end(finish)) + "\n"
  }

  func brokenStream(_ message: String) -> String {
    line("Hel", "\"done\":false") + "\n{\"error\":\(quoted(message))}\n"
  }
}
