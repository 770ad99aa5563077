import Domain

/// What each vendor refuses in the body of a request.
struct WireRules {
  struct Complaint {
    var status = 400
    var message: String
    var type = "invalid_request_error"
    var parameter: String?
  }

  var vendor: FakeModelServer.Vendor
  var model: String
  var refused: Set<String>

  func complaint(_ body: JSONValue) -> Complaint? {
    guard case .object(let members) = body else { return Complaint(message: "not an object") }
    if let unknown = members.keys.filter({ !known.contains($0) }).sorted().first {
      return unrecognized(unknown)
    }
    if let field = refused.sorted().first(where: { members[$0] != nil }) {
      return Complaint(
        message: vendor == .anthropic
          ? "`\(field)` is deprecated for this model."
          : "Unsupported parameter: '\(field)' is not supported with this model.",
        parameter: field)
    }
    guard members["model"]?.string == model else {
      return Complaint(
        status: 404, message: "The model `\(members["model"]?.string ?? "")` does not exist",
        type: "not_found_error", parameter: "model")
    }
    if vendor == .anthropic, members["max_tokens"]?.integer == nil {
      return Complaint(message: "max_tokens: Field required", parameter: "max_tokens")
    }
    if vendor == .mistral, let complaint = mistral(members) { return complaint }
    return turns(members["messages"]) ?? structured(members)
  }

  /// Source: Mistral's OpenAPI description, `ChatCompletionRequest`.
  private func mistral(_ members: [String: JSONValue]) -> Complaint? {
    func invalid(_ field: String, _ words: String) -> Complaint {
      Complaint(status: 422, message: words, parameter: field)
    }
    if let seed = members["random_seed"], (seed.integer ?? -1) < 0 {
      return invalid("random_seed", "Input should be greater than or equal to 0")
    }
    if let heat = members["temperature"]?.number, !(0...1.5).contains(heat) {
      return invalid("temperature", "Input should be less than or equal to 1.5")
    }
    return nil
  }

  private func unrecognized(_ name: String) -> Complaint? {
    switch vendor {
    case .openAI:
      Complaint(message: "Unrecognized request argument supplied: \(name)", parameter: name)
    case .anthropic: Complaint(message: "\(name): Extra inputs are not permitted")
    case .mistral:
      Complaint(status: 422, message: "Extra inputs are not permitted", parameter: name)
    case .bare: Complaint(message: "unknown field \"\(name)\" is not supported", parameter: name)
    case .llamaCpp, .lmStudio, .gemini, .ollama: nil
    }
  }

  private var known: Set<String> {
    switch vendor {
    case .openAI:
      [
        "model", "messages", "max_completion_tokens", "temperature", "seed", "response_format",
        "stream", "stream_options",
      ]
    case .mistral:
      [
        "model", "messages", "max_tokens", "temperature", "random_seed", "response_format",
        "stream", "safe_prompt", "stop", "top_p",
      ]
    case .llamaCpp, .lmStudio:
      [
        "model", "messages", "max_tokens", "temperature", "seed", "response_format", "stream",
        "stream_options",
      ]
    case .anthropic:
      [
        "model", "messages", "max_tokens", "temperature", "system", "stream", "output_config",
        "tools", "tool_choice",
      ]
    case .bare: ["model", "messages", "max_tokens", "temperature", "stream"]
    // Held to rules of their own: `GeminiFake`, `OllamaFake`.
    case .gemini, .ollama: []
    }
  }

  private func turns(_ value: JSONValue?) -> Complaint? {
    guard let turns = value?.array, !turns.isEmpty else {
      return Complaint(message: "messages: at least one message is required")
    }
    let roles = turns.map { $0["role"]?.string ?? "" }
    let allowed: Set<String> =
      vendor == .anthropic ? ["user", "assistant"] : ["system", "user", "assistant"]
    if let role = roles.first(where: { !allowed.contains($0) }) {
      return Complaint(message: "messages: Unexpected role \"\(role)\"")
    }
    if turns.contains(where: { $0["content"]?.string?.isEmpty != false }) {
      return Complaint(message: "messages: text content blocks must be non-empty")
    }
    let talk = roles.drop { $0 == "system" }
    guard !talk.contains("system"), talk.first == "user", talk.last == "user" else {
      return Complaint(message: "Expected last role User or Tool but got \(roles.last ?? "")")
    }
    if zip(talk, talk.dropFirst()).contains(where: { $0 == $1 }) {
      return Complaint(message: "Conversation roles must alternate user/assistant")
    }
    return nil
  }

  private func structured(_ members: [String: JSONValue]) -> Complaint? {
    if vendor == .anthropic {
      if let schema = members["output_config"]?["format"]?["schema"] {
        if refused.contains("schema") {
          return Complaint(message: "output_config.format: structured outputs are not supported")
        }
        return strict(schema, "output_config.format.schema")
      }
      return members["tools"]?.array?.first?["input_schema"].flatMap { strict($0, "tools.0") }
    }
    guard let format = members["response_format"] else { return nil }
    let type = format["type"]?.string
    switch (vendor, type) {
    case (.lmStudio, "json_object"):
      return Complaint(message: "'response_format.type' must be 'json_schema' or 'text'")
    case (_, "json_schema"):
      if refused.contains("schema") {
        return Complaint(message: "response_format json_schema is not supported by this model")
      }
      guard let schema = format["json_schema"]?["schema"],
        format["json_schema"]?["name"]?.string?.isEmpty == false
      else {
        return Complaint(
          message: "Missing required parameter: 'response_format.json_schema'",
          parameter: "response_format")
      }
      return strict(schema, "response_format")
    case (.openAI, "json_object"):
      let talk = members["messages"]?.array?.compactMap { $0["content"]?.string } ?? []
      return talk.contains { $0.lowercased().contains("json") }
        ? nil
        : Complaint(
          message: "'messages' must contain the word 'json' to use 'response_format'",
          parameter: "response_format")
    case (_, "json_object"), (_, "text"): return nil
    default: return Complaint(message: "Invalid response_format", parameter: "response_format")
    }
  }

  /// The strict subset: each object names all its members as required and allows no others, and
  /// no keyword stands that the constrained decoder does not know.
  private func strict(_ schema: JSONValue, _ place: String) -> Complaint? {
    func wrong(_ words: String) -> Complaint {
      Complaint(message: "Invalid schema for \(place): \(words)", parameter: "response_format")
    }
    guard case .object(let members) = schema else { return wrong("not an object") }
    let keywords: Set = [
      "type", "properties", "required", "additionalProperties", "items", "enum", "anyOf",
      "description",
    ]
    if let other = members.keys.first(where: { !keywords.contains($0) }) {
      return wrong("'\(other)' is not permitted")
    }
    for branch in members["anyOf"]?.array ?? [] {
      if let complaint = strict(branch, place) { return complaint }
    }
    if let items = members["items"], let complaint = strict(items, place) { return complaint }
    if members["type"]?.string == "array", members["items"] == nil {
      return wrong("array schema missing items")
    }
    guard members["type"]?.string == "object" else { return nil }
    guard case .object(let properties)? = members["properties"] else {
      return wrong("object schema missing properties")
    }
    guard members["additionalProperties"] == .bool(false) else {
      return wrong("'additionalProperties' is required to be supplied and to be false")
    }
    guard Set(members["required"]?.array?.compactMap(\.string) ?? []) == Set(properties.keys) else {
      return wrong("'required' is required to include every key in properties")
    }
    for property in properties.values {
      if let complaint = strict(property, place) { return complaint }
    }
    return nil
  }
}
