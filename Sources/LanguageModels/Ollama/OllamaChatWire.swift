import Domain

/// Ollama's own protocol. Its OpenAI-compatible address has no field for the size of the context
/// window, so that it cuts a prompt at the server's default and does not say so.
/// Source: Ollama's API documentation, "Generate a chat completion" and "Structured outputs".
struct OllamaChatWire: Wire {
  var baseURL: String
  var model: String
  var apiKey: String?
  /// Tokens of prompt and answer that the server is to make room for. The same in every request:
  /// another number makes it load the model anew.
  var contextWindow: TokenCount

  /// How long the model stays in memory after an answer: one load takes longer than many answers.
  static let keepAlive = "15m"

  let ladder: [StructuredMode] = [.schema, .object, .plain]
  /// A schema becomes a grammar.
  let knownToWork = true
  let tokenizer: TokenizerEndpoint? = nil

  static func headers(_ key: String?) -> [(name: String, value: String)] {
    key.map { [("authorization", "Bearer \($0)")] } ?? []
  }

  func request(_ call: WireCall) -> WireRequest {
    var turns = call.prompt.turns
    if case .json(_, let schema) = call.answer, call.mode.showsSchemaInPrompt {
      turns[turns.count - 1].text += SchemaInstruction.text(schema)
    }
    if !call.prompt.system.isEmpty { turns.insert(.init(.system, call.prompt.system), at: 0) }
    var options: [(String, OrderedJSON)] = [
      ("num_ctx", .integer(contextWindow.value)), ("num_predict", .integer(call.maxOutput.value)),
    ]
    if let temperature = call.temperature, !call.omitted.contains(.temperature) {
      options.append(("temperature", .number(temperature)))
    }
    if let seed = call.seed, !call.omitted.contains(.seed) {
      options.append(("seed", .integer(seed)))
    }
    var body: [(String, OrderedJSON)] = [
      ("model", .string(model)),
      (
        "messages",
        .array(
          turns.map {
            .object([("role", .string($0.role.rawValue)), ("content", .string($0.text))])
          })
      ),
      ("stream", .bool(call.streams)), ("options", .object(options)),
      ("keep_alive", .string(Self.keepAlive)),
      // A prompt that does not fit is refused; older servers do not know these two, see `read`.
      ("truncate", .bool(false)), ("shift", .bool(false)),
    ]
    if case .json(_, let schema) = call.answer {
      switch call.mode {
      case .schema: body.append(("format", schema.rendered()))
      case .object: body.append(("format", .string("json")))
      case .plain, .tool: break
      }
    }
    return WireRequest(
      url: baseURL + "/api/chat", headers: Self.headers(apiKey),
      body: OrderedJSON.object(body).bytes, framing: .lines)
  }

  func answer(from body: [UInt8]) throws(WireFault) -> WireAnswer {
    var reader = OllamaChatReader(contextWindow: contextWindow)
    guard let value = try? JSONParser.value(of: body) else {
      throw WireFault(
        code: .unavailable, detail: "the server's answer is not JSON", retryable: true)
    }
    _ = try reader.take(value)
    return try reader.finished()
  }

  func streamReader() -> any WireStreamReader { OllamaChatReader(contextWindow: contextWindow) }
}

/// Reads one answer, or the lines of a streamed one.
struct OllamaChatReader: WireStreamReader {
  let contextWindow: TokenCount
  private var answer = WireAnswer()
  private var ended = false

  init(contextWindow: TokenCount) { self.contextWindow = contextWindow }

  mutating func read(event: String?, data: String) throws(WireFault) -> String {
    guard let value = try? JSONParser.value(of: Array(data.utf8)) else {
      throw WireFault(code: .unavailable, detail: "a line of the stream is not JSON")
    }
    return try take(value)
  }

  mutating func take(_ value: JSONValue) throws(WireFault) -> String {
    if let complaint = ServerComplaint.inside(value) {
      throw complaint.fault(status: complaint.impliedStatus, retryAfter: nil, mode: nil)
    }
    let added = value["message"]?["content"]?.string ?? ""
    answer.text += added
    guard value["done"] == .bool(true) else { return added }
    ended = true
    if value["done_reason"]?.string == "length" { answer.finish = .length }
    if let input = value["prompt_eval_count"]?.tokens {
      let output = value["eval_count"]?.tokens ?? 0
      answer.usage = WireUsage(input: TokenCount(input), output: TokenCount(output))
      // Only a prompt that was cut fills the window to its last place.
      if input >= contextWindow.value - 1 {
        throw WireFault(
          code: .tooLong,
          detail: "the prompt fills the context window of \(contextWindow.value) tokens")
      }
    }
    return added
  }

  func finished() throws(WireFault) -> WireAnswer {
    guard ended else {
      throw WireFault(
        code: .unavailable, detail: "the answer ended before it was done", retryable: true)
    }
    return answer
  }
}
