import Domain

/// Writes a vendor's answers, whole and streamed.
struct WireWriter {
  enum Finish {
    case complete, length, refused
  }

  static let inputTokens = 1000
  static let outputTokens = 100

  var vendor: FakeModelServer.Vendor
  var model: String
  var request: JSONValue

  private var forcedTool: String? { request["tool_choice"]?["name"]?.string }

  private func reason(_ finish: Finish) -> String {
    switch (finish, vendor) {
    case (.complete, .anthropic): forcedTool == nil ? "end_turn" : "tool_use"
    case (.complete, _): "stop"
    case (.length, .anthropic): "max_tokens"
    case (.length, _): "length"
    case (.refused, .anthropic): "refusal"
    case (.refused, _): "content_filter"
    }
  }

  private var usage: String {
    vendor == .anthropic
      ? """
      {"input_tokens":700,"cache_creation_input_tokens":100,"cache_read_input_tokens":200,\
      "output_tokens":\(Self.outputTokens)}
      """
      : """
      {"prompt_tokens":\(Self.inputTokens),"completion_tokens":\(Self.outputTokens),\
      "total_tokens":\(Self.inputTokens + Self.outputTokens)}
      """
  }

  private var gemini: GeminiFake { GeminiFake(model: model, refused: []) }
  private var ollama: OllamaFake { OllamaFake(model: model, refused: []) }

  func whole(_ text: String, _ finish: Finish) -> String {
    if vendor == .gemini { return gemini.whole(text, finish) }
    if vendor == .ollama { return ollama.whole(text, finish) }
    guard vendor == .anthropic else {
      return """
        {"id":"c1","object":"chat.completion","created":1,"model":\(quoted(model)),\
        "choices":[{"index":0,"message":{"role":"assistant","reasoning_content":"Hm {}",\
        "content":\(quoted(text))},"finish_reason":"\(reason(finish))"}],"usage":\(usage)}
        """
    }
    let block =
      forcedTool.map {
        "{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"\($0)\",\"input\":\(text)}"
      } ?? "{\"type\":\"text\",\"text\":\(quoted(text))}"
    return """
      {"id":"m1","type":"message","role":"assistant","model":\(quoted(model)),\
      "content":[{"type":"thinking","thinking":"Hm {}","signature":"s"},\(block)],\
      "stop_reason":"\(reason(finish))","stop_sequence":null,"usage":\(usage)}
      """
  }

  /// Pieces of a few characters each, so that many events carry one answer.
  private func pieces(_ text: String) -> [String] {
    var pieces: [String] = []
    var rest = text[...]
    while !rest.isEmpty {
      pieces.append(String(rest.prefix(5)))
      rest = rest.dropFirst(5)
    }
    return pieces
  }

  private func chunk(_ delta: String, _ finish: String = "null") -> String {
    """
    data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":\(quoted(model)),\
    "choices":[{"index":0,"delta":\(delta),"finish_reason":\(finish)}]}\n\n
    """
  }

  private func event(_ name: String, _ data: String) -> String {
    "event: \(name)\ndata: \(data)\n\n"
  }

  private var opening: String {
    guard vendor == .anthropic else {
      return ": a comment\n\n" + chunk("{\"role\":\"assistant\",\"content\":\"\"}")
        + chunk("{\"reasoning_content\":\"Hm {}\"}")
    }
    return event(
      "message_start",
      """
      {"type":"message_start","message":{"id":"m1","type":"message","role":"assistant",\
      "content":[],"model":\(quoted(model)),"usage":{"input_tokens":700,\
      "cache_creation_input_tokens":100,"cache_read_input_tokens":200,"output_tokens":1}}}
      """) + event("ping", "{\"type\":\"ping\"}")
      + event(
        "content_block_delta",
        """
        {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Hm"}}
        """)
  }

  private func delta(_ piece: String) -> String {
    guard vendor == .anthropic else { return chunk("{\"content\":\(quoted(piece))}") }
    let delta =
      forcedTool == nil
      ? "{\"type\":\"text_delta\",\"text\":\(quoted(piece))}"
      : "{\"type\":\"input_json_delta\",\"partial_json\":\(quoted(piece))}"
    return event(
      "content_block_delta", "{\"type\":\"content_block_delta\",\"index\":1,\"delta\":\(delta)}")
  }

  func stream(_ text: String, _ finish: Finish) -> String {
    if vendor == .gemini { return gemini.stream(pieces(text), finish) }
    if vendor == .ollama { return ollama.stream(pieces(text), finish) }
    var out = opening + pieces(text).map(delta).joined()
    guard vendor == .anthropic else {
      out += chunk("{}", "\"\(reason(finish))\"")
      let unasked = vendor == .mistral
      if unasked || request["stream_options"]?["include_usage"] == .bool(true) {
        out += "data: {\"id\":\"c1\",\"choices\":[],\"usage\":\(usage)}\n\n"
      }
      return out + "data: [DONE]\n\n"
    }
    out += event(
      "message_delta",
      """
      {"type":"message_delta","delta":{"stop_reason":"\(reason(finish))","stop_sequence":null},\
      "usage":{"output_tokens":\(Self.outputTokens)}}
      """)
    return out + event("message_stop", "{\"type\":\"message_stop\"}")
  }

  /// A stream that breaks off with an error after its first piece of text.
  func brokenStream(_ message: String) -> String {
    if vendor == .gemini {
      return gemini.brokenStream(GeminiFake.error(503, message, type: "UNAVAILABLE"))
    }
    if vendor == .ollama { return ollama.brokenStream(message) }
    let error =
      "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\(quoted(message))}}"
    return opening + delta("Hel")
      + (vendor == .anthropic ? event("error", error) : "data: \(error)\n\n")
  }
}
