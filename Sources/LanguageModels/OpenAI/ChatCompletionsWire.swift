import Domain

/// OpenAI's chat completions, as OpenAI and the servers that follow it speak them.
/// Source: OpenAI API reference, "Create chat completion" and "Streaming".
struct ChatCompletionsWire: Wire {
  var baseURL: String
  var model: String
  var apiKey: String?
  var dialect: Dialect
  /// Members of every request beside those of a call, such as the adapter to answer with.
  var extras: [(String, OrderedJSON)] = []

  var ladder: [StructuredMode] { dialect.ladder }
  var knownToWork: Bool { dialect.knownToWork }

  private var headers: [(name: String, value: String)] {
    apiKey.map { [("authorization", "Bearer \($0)")] } ?? []
  }

  func request(_ call: WireCall) -> WireRequest {
    var turns = call.prompt.turns
    if case .json(_, let schema) = call.answer, call.mode.showsSchemaInPrompt {
      turns[turns.count - 1].text += SchemaInstruction.text(schema)
    }
    var messages: [OrderedJSON] = []
    if !call.prompt.system.isEmpty { messages.append(message("system", call.prompt.system)) }
    messages += turns.map { message($0.role.rawValue, $0.text) }

    var body: [(String, OrderedJSON)] = [
      ("model", .string(model)), ("messages", .array(messages)),
    ]
    let limit: OptionalField =
      call.omitted.contains(dialect.limitField)
      ? (dialect.limitField == .maxTokens ? .maxCompletionTokens : .maxTokens)
      : dialect.limitField
    body.append((limit.rawValue, .integer(call.maxOutput.value)))
    if let temperature = call.temperature, !call.omitted.contains(.temperature) {
      body.append(("temperature", .number(temperature)))
    }
    if let seed = call.seed, let field = dialect.seedField, !call.omitted.contains(.seed) {
      body.append((field, .integer(seed)))
    }
    if let format = responseFormat(call) { body.append(("response_format", format)) }
    if call.streams {
      body.append(("stream", .bool(true)))
      if dialect.asksForStreamUsage, !call.omitted.contains(.streamOptions) {
        body.append(("stream_options", .object([("include_usage", .bool(true))])))
      }
    }
    return WireRequest(
      url: baseURL + "/chat/completions", headers: headers,
      body: OrderedJSON.object(body + extras).bytes)
  }

  private func message(_ role: String, _ text: String) -> OrderedJSON {
    .object([("role", .string(role)), ("content", .string(text))])
  }

  private func responseFormat(_ call: WireCall) -> OrderedJSON? {
    guard case .json(let name, let schema) = call.answer else { return nil }
    switch call.mode {
    case .object: return .object([("type", .string("json_object"))])
    case .plain, .tool: return nil
    case .schema:
      return .object([
        ("type", .string("json_schema")),
        (
          "json_schema",
          .object([
            ("name", .string(name)), ("strict", .bool(true)),
            ("schema", schema.rendered()),
          ])
        ),
      ])
    }
  }

  func answer(from body: [UInt8]) throws(WireFault) -> WireAnswer {
    guard let value = try? JSONParser.value(of: body) else {
      throw WireFault(
        code: .unavailable, detail: "the server's answer is not JSON", retryable: true)
    }
    if let complaint = ServerComplaint.inside(value) {
      throw complaint.fault(status: complaint.impliedStatus, retryAfter: nil, mode: nil)
    }
    guard let choice = value["choices"]?.array?.first else {
      throw WireFault(
        code: .unavailable, detail: "the server's answer holds no choice", retryable: true)
    }
    var answer = WireAnswer()
    let message = choice["message"] ?? .null
    answer.text = Self.text(message["content"])
    answer.finish = try Self.finish(choice["finish_reason"]?.string)
    if let refusal = message["refusal"]?.string, !refusal.isEmpty {
      answer.finish = .refused
      answer.text = refusal
    }
    answer.usage = Self.usage(value["usage"])
    return answer
  }

  func streamReader() -> any WireStreamReader { ChatCompletionsStreamReader() }

  var tokenizer: TokenizerEndpoint? {
    let root = baseURL.hasSuffix("/v1") ? String(baseURL.dropLast(3)) : baseURL
    let model = model
    switch dialect.tokenizer {
    case .none: return nil
    case .llamaCpp:
      return TokenizerEndpoint(
        url: root + "/tokenize", headers: headers,
        body: { .object([("content", .string($0))]) }, count: { $0["tokens"]?.array?.count })
    case .vLLM:
      return TokenizerEndpoint(
        url: root + "/tokenize", headers: headers,
        body: { .object([("model", .string(model)), ("prompt", .string($0))]) },
        count: { $0["count"]?.integer })
    }
  }

  // MARK: Parts that whole and streamed answers share

  /// Text, or the text parts of a list of parts; thoughts are left out.
  static func text(_ content: JSONValue?) -> String {
    if let text = content?.string { return text }
    return (content?.array ?? []).compactMap { part in
      part["type"]?.string == "text" ? part["text"]?.string : nil
    }.joined()
  }

  static func finish(_ reason: String?) throws(WireFault) -> ModelReply.Finish {
    switch reason {
    case "length", "model_length": return .length
    case "content_filter": return .refused
    case "error":
      throw WireFault(
        code: .unavailable, detail: "the server broke off its answer", retryable: true)
    default: return .complete
    }
  }

  static func usage(_ value: JSONValue?) -> WireUsage? {
    guard let input = value?["prompt_tokens"]?.tokens,
      let output = value?["completion_tokens"]?.tokens
    else { return nil }
    let cached = value?["prompt_tokens_details"]?["cached_tokens"]?.tokens ?? 0
    return WireUsage(
      input: TokenCount(input), cached: TokenCount(cached), output: TokenCount(output))
  }
}

/// Reads `chat.completion.chunk` events.
private struct ChatCompletionsStreamReader: WireStreamReader {
  private var answer = WireAnswer()
  private var ended = false

  mutating func read(event: String?, data: String) throws(WireFault) -> String {
    if data == "[DONE]" {
      ended = true
      return ""
    }
    guard let value = try? JSONParser.value(of: Array(data.utf8)) else {
      throw WireFault(code: .unavailable, detail: "an event of the stream is not JSON")
    }
    if let complaint = ServerComplaint.inside(value) {
      throw complaint.fault(status: complaint.impliedStatus, retryAfter: nil, mode: nil)
    }
    if event == "error" {
      let complaint = ServerComplaint(value, around: value)
      throw complaint.fault(status: complaint.impliedStatus, retryAfter: nil, mode: nil)
    }
    if let usage = ChatCompletionsWire.usage(value["usage"]) { answer.usage = usage }
    guard let choice = value["choices"]?.array?.first else { return "" }
    var added = ChatCompletionsWire.text(choice["delta"]?["content"])
    if let refusal = choice["delta"]?["refusal"]?.string, !refusal.isEmpty {
      answer.finish = .refused
      added += refusal
    }
    if let reason = choice["finish_reason"]?.string {
      ended = true
      let finish = try ChatCompletionsWire.finish(reason)
      if answer.finish == .complete { answer.finish = finish }
    }
    answer.text += added
    return added
  }

  func finished() throws(WireFault) -> WireAnswer {
    guard ended else {
      throw WireFault(
        code: .unavailable, detail: "the stream ended before the answer did", retryable: true)
    }
    return answer
  }
}
