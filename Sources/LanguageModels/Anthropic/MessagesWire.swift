import Domain

/// Anthropic's Messages API.
/// Source: Claude API reference, "Messages", "Streaming", "Structured outputs" and "Errors".
struct MessagesWire: Wire {
  static let version = "2023-06-01"

  var baseURL: String
  var model: String
  var apiKey: String?

  /// Structured outputs (`output_config.format`) first; models from before them take a forced tool.
  let ladder: [StructuredMode] = [.schema, .tool, .plain]

  /// Models of before the generation that got structured outputs.
  var knownToWork: Bool {
    ModelTraits.of(model) != nil
      && !["claude-3", "claude-sonnet-4-0", "claude-opus-4-0", "claude-opus-4-1"].contains {
        model.hasPrefix($0)
      }
  }

  private var headers: [(name: String, value: String)] {
    [("anthropic-version", Self.version)] + (apiKey.map { [("x-api-key", $0)] } ?? [])
  }

  func request(_ call: WireCall) -> WireRequest {
    var turns = call.prompt.turns
    if case .json(_, let schema) = call.answer, call.mode.showsSchemaInPrompt {
      turns[turns.count - 1].text += SchemaInstruction.text(schema)
    }
    var body: [(String, OrderedJSON)] = [
      ("model", .string(model)), ("max_tokens", .integer(call.maxOutput.value)),
    ]
    if !call.prompt.system.isEmpty { body.append(("system", .string(call.prompt.system))) }
    body.append(
      (
        "messages",
        .array(
          turns.map {
            .object([("role", .string($0.role.rawValue)), ("content", .string($0.text))])
          })
      ))
    if let temperature = call.temperature, !call.omitted.contains(.temperature) {
      body.append(("temperature", .number(min(temperature, 1))))
    }
    if case .json(let name, let schema) = call.answer {
      switch call.mode {
      case .schema:
        let format: [(String, OrderedJSON)] = [
          ("type", .string("json_schema")), ("schema", schema.rendered()),
        ]
        body.append(("output_config", .object([("format", .object(format))])))
      case .tool:
        let tool: [(String, OrderedJSON)] = [
          ("name", .string(name)), ("description", .string("Gives the answer.")),
          ("input_schema", schema.rendered()),
        ]
        body.append(("tools", .array([.object(tool)])))
        body.append(
          ("tool_choice", .object([("type", .string("tool")), ("name", .string(name))])))
      case .object, .plain: break
      }
    }
    if call.streams { body.append(("stream", .bool(true))) }
    let root = baseURL.hasSuffix("/v1") ? String(baseURL.dropLast(3)) : baseURL
    return WireRequest(
      url: root + "/v1/messages", headers: headers, body: OrderedJSON.object(body).bytes)
  }

  func answer(from body: [UInt8]) throws(WireFault) -> WireAnswer {
    guard let value = try? JSONParser.value(of: body) else {
      throw WireFault(
        code: .unavailable, detail: "the server's answer is not JSON", retryable: true)
    }
    if let complaint = ServerComplaint.inside(value) {
      throw complaint.fault(status: complaint.impliedStatus, retryAfter: nil, mode: nil)
    }
    guard let content = value["content"]?.array else {
      throw WireFault(
        code: .unavailable, detail: "the server's answer holds no content", retryable: true)
    }
    var answer = WireAnswer()
    for block in content {
      switch block["type"]?.string {
      case "text": answer.text += block["text"]?.string ?? ""
      case "tool_use": answer.text = block["input"].map { Self.ordered($0).text } ?? ""
      default: continue  // Thoughts.
      }
    }
    answer.finish = Self.finish(value["stop_reason"]?.string)
    var usage = WireUsage()
    answer.usage = Self.add(value["usage"], to: &usage) ? usage : nil
    return answer
  }

  func streamReader() -> any WireStreamReader { MessagesStreamReader() }

  var tokenizer: TokenizerEndpoint? { nil }

  // MARK: Parts that whole and streamed answers share

  static func finish(_ reason: String?) -> ModelReply.Finish {
    switch reason {
    case "max_tokens", "model_context_window_exceeded": .length
    case "refusal": .refused
    default: .complete
    }
  }

  /// Takes over what a usage object says; what it leaves out stays as it was. `input_tokens`
  /// leaves out what was read from or written to the cache.
  static func add(_ value: JSONValue?, to usage: inout WireUsage) -> Bool {
    guard let value else { return false }
    if let fresh = value["input_tokens"]?.tokens {
      usage.cached = TokenCount(value["cache_read_input_tokens"]?.tokens ?? usage.cached.value)
      usage.written = TokenCount(
        value["cache_creation_input_tokens"]?.tokens ?? usage.written.value)
      usage.input = TokenCount(fresh) + usage.cached + usage.written
    }
    if let output = value["output_tokens"]?.tokens { usage.output = TokenCount(output) }
    return true
  }

  private static func ordered(_ value: JSONValue) -> OrderedJSON {
    switch value {
    case .null: .null
    case .bool(let value): .bool(value)
    case .integer(let value): .integer(value)
    case .number(let value): .number(value)
    case .string(let value): .string(value)
    case .array(let values): .array(values.map(ordered))
    case .object(let members):
      .object(members.sorted { $0.key < $1.key }.map { ($0.key, ordered($0.value)) })
    }
  }
}

/// Reads `message_start`, `content_block_delta`, `message_delta`, `ping` and `error` events.
private struct MessagesStreamReader: WireStreamReader {
  private var answer = WireAnswer()
  private var usage = WireUsage()
  private var ended = false

  mutating func read(event: String?, data: String) throws(WireFault) -> String {
    guard let value = try? JSONParser.value(of: Array(data.utf8)) else {
      throw WireFault(code: .unavailable, detail: "an event of the stream is not JSON")
    }
    switch value["type"]?.string {
    case "error":
      let complaint = ServerComplaint(value["error"] ?? .null, around: value)
      throw complaint.fault(status: complaint.impliedStatus, retryAfter: nil, mode: nil)
    case "message_start": take(value["message"]?["usage"])
    case "content_block_delta":
      let delta = value["delta"]
      let added: String
      switch delta?["type"]?.string {
      case "text_delta": added = delta?["text"]?.string ?? ""
      case "input_json_delta": added = delta?["partial_json"]?.string ?? ""
      default: added = ""  // Thoughts and signatures.
      }
      answer.text += added
      return added
    case "message_delta":
      answer.finish = MessagesWire.finish(value["delta"]?["stop_reason"]?.string)
      take(value["usage"])
    case "message_stop": ended = true
    default: break  // ping, block starts and stops, and whatever comes later.
    }
    return ""
  }

  private mutating func take(_ value: JSONValue?) {
    if MessagesWire.add(value, to: &usage) { answer.usage = usage }
  }

  func finished() throws(WireFault) -> WireAnswer {
    guard ended else {
      throw WireFault(
        code: .unavailable, detail: "the stream ended before the answer did", retryable: true)
    }
    return answer
  }
}
