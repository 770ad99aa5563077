import Domain

/// Google's own protocol: `generateContent` and `streamGenerateContent`.
/// Source: Gemini API reference, "Generating content" and "Counting tokens" (v1beta).
struct GenerateContentWire: Wire {
  var baseURL: String
  var model: String
  var apiKey: String?
  var knownToWork: Bool

  let ladder: [StructuredMode] = [.schema, .object, .plain]

  /// `models/NAME`; tuned models bring their own folder.
  static func resource(_ model: String) -> String {
    model.contains("/") ? model : "models/" + model
  }

  static func headers(_ key: String?) -> [(name: String, value: String)] {
    key.map { [("x-goog-api-key", $0)] } ?? []
  }

  /// The open models behind this address take no instruction of the system.
  private var takesSystem: Bool { !model.lowercased().contains("gemma") }

  func request(_ call: WireCall) -> WireRequest {
    var turns = call.prompt.turns
    if case .json(_, let schema) = call.answer, call.mode.showsSchemaInPrompt {
      turns[turns.count - 1].text += SchemaInstruction.text(schema)
    }
    var body: [(String, OrderedJSON)] = []
    if !call.prompt.system.isEmpty {
      if takesSystem {
        body.append(("systemInstruction", .object([Self.parts(call.prompt.system)])))
      } else {
        turns[0].text = call.prompt.system + "\n\n" + turns[0].text
      }
    }
    let contents = turns.map { turn in
      OrderedJSON.object([
        ("role", .string(turn.role == .assistant ? "model" : "user")), Self.parts(turn.text),
      ])
    }
    body.append(("contents", .array(contents)))
    body.append(("generationConfig", .object(configuration(call))))
    let method = call.streams ? "streamGenerateContent?alt=sse" : "generateContent"
    return WireRequest(
      url: "\(baseURL)/\(Self.resource(model)):\(method)", headers: Self.headers(apiKey),
      body: OrderedJSON.object(body).bytes)
  }

  static func parts(_ text: String) -> (String, OrderedJSON) {
    ("parts", .array([.object([("text", .string(text))])]))
  }

  private func configuration(_ call: WireCall) -> [(String, OrderedJSON)] {
    var fields: [(String, OrderedJSON)] = [("maxOutputTokens", .integer(call.maxOutput.value))]
    if let temperature = call.temperature, !call.omitted.contains(.temperature) {
      fields.append(("temperature", .number(temperature)))
    }
    if let seed = call.seed, !call.omitted.contains(.seed) {
      fields.append(("seed", .integer(seed)))
    }
    if case .json(_, let schema) = call.answer, call.mode == .schema || call.mode == .object {
      fields.append(("responseMimeType", .string("application/json")))
      if call.mode == .schema { fields.append(("responseSchema", schema.renderedForGemini())) }
    }
    return fields
  }

  func answer(from body: [UInt8]) throws(WireFault) -> WireAnswer {
    guard let value = try? JSONParser.value(of: body) else {
      throw WireFault(
        code: .unavailable, detail: "the server's answer is not JSON", retryable: true)
    }
    var reader = GenerateContentReader()
    _ = try reader.take(value)
    guard reader.ended else {
      throw WireFault(
        code: .unavailable, detail: "the server's answer holds no candidate", retryable: true)
    }
    return reader.answer
  }

  func streamReader() -> any WireStreamReader { GenerateContentReader() }

  var tokenizer: TokenizerEndpoint? {
    TokenizerEndpoint(
      url: "\(baseURL)/\(Self.resource(model)):countTokens", headers: Self.headers(apiKey),
      body: { text in
        .object([("contents", .array([.object([("role", .string("user")), Self.parts(text)])]))])
      },
      count: { $0["totalTokens"]?.tokens })
  }
}

/// Reads a `GenerateContentResponse`: a whole one, or one after another.
struct GenerateContentReader: WireStreamReader {
  private(set) var answer = WireAnswer()
  private(set) var ended = false

  mutating func read(event: String?, data: String) throws(WireFault) -> String {
    guard let value = try? JSONParser.value(of: Array(data.utf8)) else {
      throw WireFault(code: .unavailable, detail: "an event of the stream is not JSON")
    }
    return try take(value)
  }

  mutating func take(_ value: JSONValue) throws(WireFault) -> String {
    if let complaint = ServerComplaint.inside(value) {
      throw complaint.fault(
        status: complaint.impliedStatus, retryAfter: complaint.retryAfter, mode: nil)
    }
    if let usage = Self.usage(value["usageMetadata"]) { answer.usage = usage }
    if let reason = value["promptFeedback"]?["blockReason"]?.string {
      ended = true
      answer.finish = .refused
      answer.text += "the prompt was blocked (\(reason))"
      return ""
    }
    guard let candidate = value["candidates"]?.array?.first else { return "" }
    let parts = candidate["content"]?["parts"]?.array ?? []
    let added = parts.filter { $0["thought"] != .bool(true) }.compactMap { $0["text"]?.string }
      .joined()
    answer.text += added
    if let reason = candidate["finishReason"]?.string {
      ended = true
      answer.finish = try Self.finish(reason)
      // A blocked answer has no words of its own.
      if answer.finish == .refused, answer.text.isEmpty {
        answer.text = "the answer was blocked (\(reason))"
      }
    }
    return added
  }

  func finished() throws(WireFault) -> WireAnswer {
    guard ended else {
      throw WireFault(
        code: .unavailable, detail: "the stream ended before the answer did", retryable: true)
    }
    return answer
  }

  private static func finish(_ reason: String) throws(WireFault) -> ModelReply.Finish {
    switch reason {
    case "MAX_TOKENS": return .length
    case "SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "LANGUAGE",
      "IMAGE_SAFETY":
      return .refused
    case "OTHER", "FINISH_REASON_UNSPECIFIED":
      throw WireFault(
        code: .unavailable, detail: "the server broke off its answer (\(reason))",
        retryable: true)
    default: return .complete
    }
  }

  /// Thoughts are billed as output; input that was cached is part of the prompt's count.
  private static func usage(_ value: JSONValue?) -> WireUsage? {
    guard let input = value?["promptTokenCount"]?.tokens else { return nil }
    let output =
      (value?["candidatesTokenCount"]?.tokens ?? 0) + (value?["thoughtsTokenCount"]?.tokens ?? 0)
    return WireUsage(
      input: TokenCount(input),
      cached: TokenCount(value?["cachedContentTokenCount"]?.tokens ?? 0),
      output: TokenCount(output))
  }
}
