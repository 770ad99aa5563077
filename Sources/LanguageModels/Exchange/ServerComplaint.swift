import Domain

/// What a server's error body says, whichever of the vendors' forms it has.
///
///     {"error": {"message", "type", "param", "code"}}     OpenAI, llama.cpp
///     {"type": "error", "error": {"type", "message"}}      Anthropic
///     {"error": {"code", "message", "status", "details"}}  Gemini, sometimes in a list
///     {"error": "text"}                                    LM Studio, Ollama
///     {"object": "error", "message", "type", "code"}       vLLM, Mistral
///     {"detail": "text" | [{"loc", "msg"}]}                FastAPI, Mistral's 422
struct ServerComplaint: Sendable {
  var message = ""
  var type = ""
  var code = ""
  var parameter = ""
  /// What the body itself says of when to come back.
  var retryAfter: Duration?

  /// Reads a body that came with an error status.
  init(body: [UInt8]) {
    // Not JSON: a proxy's page, or nothing. Its first words are what there is to say.
    let text = JSONValue.string(String(decoding: body.prefix(400), as: UTF8.self))
    let value = (try? JSONParser.value(of: body)) ?? text
    let first = value.array?.first ?? value
    self.init(first["error"] ?? first, around: first)
  }

  /// Reads an error object; `around` is what it stood in.
  init(_ error: JSONValue, around: JSONValue) {
    message = error.string ?? error["message"]?.string ?? Self.details(around) ?? ""
    message = Self.oneLine(message)
    type = error["type"]?.string ?? error["status"]?.string ?? ""
    code = error["code"]?.string ?? error["code"]?.integer.map(String.init) ?? ""
    parameter = error["param"]?.string ?? ""
    retryAfter = Self.retryInfo(error)
  }

  /// The error inside a body that came with status 200, `nil` where there is none.
  static func inside(_ body: JSONValue) -> ServerComplaint? {
    if let error = body["error"], error != .null { return ServerComplaint(error, around: body) }
    if body["object"]?.string == "error" { return ServerComplaint(body, around: body) }
    return nil
  }

  private static func details(_ value: JSONValue) -> String? {
    if let text = value["detail"]?.string { return text }
    let items = value["detail"]?.array ?? value["message"]?["detail"]?.array
    let parts = items?.prefix(3).map { item in
      let place = item["loc"]?.array?.compactMap(\.string).joined(separator: ".") ?? ""
      return place + ": " + (item["msg"]?.string ?? "")
    }
    return parts?.joined(separator: "; ")
  }

  /// `{"details": [{"@type": "…google.rpc.RetryInfo", "retryDelay": "3.5s"}]}` of Google's errors.
  private static func retryInfo(_ error: JSONValue) -> Duration? {
    for item in error["details"]?.array ?? []
    where item["@type"]?.string?.hasSuffix("google.rpc.RetryInfo") == true {
      guard let text = item["retryDelay"]?.string, text.hasSuffix("s"),
        let seconds = Double(text.dropLast()), seconds >= 0, seconds < 1e6
      else { continue }
      return .milliseconds(Int(seconds * 1_000))
    }
    return nil
  }

  private static func oneLine(_ text: String) -> String {
    String(text.prefix(300).map { $0.isNewline || $0.isWhitespace ? " " : $0 })
  }

  // MARK: What it means

  private var words: String { "\(message) \(type) \(code) \(parameter)".lowercased() }

  private func says(_ phrases: String...) -> Bool {
    let words = words
    return phrases.contains { words.contains($0) }
  }

  /// - Parameter status: the HTTP status; for an error inside a 200 the one that its code names.
  func fault(status: Int, retryAfter: Duration?, mode: StructuredMode?) -> WireFault {
    let detail = message.isEmpty ? "the server answered with status \(status)" : message
    var fault = WireFault(code: .rejected, detail: detail, retryAfter: retryAfter)
    switch status {
    case 401, 403: fault.code = .unauthorized
    case 402: fault.code = .unauthorized
    case 408, 409, 425: (fault.code, fault.retryable) = (.unavailable, true)
    case 413: fault.code = .tooLong
    case 429:
      fault.code = .rateLimited
      fault.retryable = !says("insufficient_quota", "billing", "credit balance")
    // llama.cpp says so of a text that is to be embedded, as an error of its own.
    case 500 where says("too large to process"): fault.code = .tooLong
    case 500...: (fault.code, fault.retryable) = (.unavailable, status != 501)
    default: read(badRequest: &fault, mode: mode)
    }
    return fault
  }

  private func read(badRequest fault: inout WireFault, mode: StructuredMode?) {
    if says(
      "context_length", "context length", "context window", "context size", "prompt is too long",
      "exceed_context", "too many tokens", "input is too long", "input token count",
      "too large to process")
    {
      fault.code = .tooLong
    } else if says("api key not valid", "invalid api key", "incorrect api key") {
      fault.code = .unauthorized
    } else if let field = refusedField {
      fault.refuses = field
    } else if let mode, mode != .plain,
      says(
        "response_format", "json_schema", "json_object", "json schema", "json mode",
        "structured output", "output_config", "output_format", "grammar", "tool_choice",
        "additionalproperties", "input_schema", "response_schema", "responseschema",
        "response_mime_type", "responsemimetype", "invalid format", ".format of type")
    {
      fault.refusesMode = true
    }
  }

  private var refusedField: OptionalField? {
    if let field = OptionalField(rawValue: parameter) { return field }
    if parameter == "random_seed" || says("random_seed") { return .seed }
    let refusals = says(
      "unsupported", "not support", "deprecated", "extra inputs", "extra_forbidden", "unknown",
      "unrecognized", "not permitted", "not allowed", "unexpected")
    guard refusals else { return nil }
    if says("max_completion_tokens"), !says("max_tokens") { return .maxCompletionTokens }
    if says("max_tokens") { return .maxTokens }
    return [OptionalField.streamOptions, .temperature, .seed].first { says($0.rawValue) }
  }

  /// The HTTP status that an error inside a 200 stands for.
  var impliedStatus: Int {
    if let number = Int(code), (400..<600).contains(number) { return number }
    if says("overloaded") { return 529 }
    if says("rate_limit", "rate limit", "too many requests", "resource_exhausted") { return 429 }
    if says("authentication", "permission", "unauthorized", "invalid_api_key") { return 401 }
    if says("invalid_request", "not_found", "invalid_argument") { return 400 }
    return 500
  }
}
