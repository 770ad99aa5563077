import Domain
import Foundation

/// Google's `generateContent` as the real one answers and refuses it.
/// Source: Gemini API reference (v1beta): "Generating content", "Counting tokens", "Embeddings".
struct GeminiFake {
  var model: String
  var refused: Set<String>

  /// `models/NAME:METHOD` of the path, without query.
  static func method(of path: String) -> (resource: String, method: String)? {
    let bare = path.split(separator: "?").first.map(String.init) ?? ""
    guard bare.hasPrefix("/v1beta/models/"), let colon = bare.lastIndex(of: ":") else { return nil }
    return (
      String(bare.dropFirst("/v1beta/".count)[..<colon]), String(bare[bare.index(after: colon)...])
    )
  }

  // MARK: What it refuses

  func complaint(_ body: JSONValue, resource: String, method: String) -> WireRules.Complaint? {
    guard resource == "models/" + model else {
      return .init(
        status: 404,
        message: "\(resource) is not found for API version v1beta, or is not supported for "
          + "\(method). Call ListModels to see the list of available models.",
        type: "NOT_FOUND")
    }
    guard case .object(let members) = body else { return bad("Invalid JSON payload received.") }
    switch method {
    case "countTokens": return unknown(members, ["contents"], "") ?? contents(members["contents"])
    case "batchEmbedContents": return embedding(members)
    default: return generation(members)
    }
  }

  private func bad(_ message: String) -> WireRules.Complaint {
    .init(message: message, type: "INVALID_ARGUMENT")
  }

  private func unknown(
    _ members: [String: JSONValue], _ known: Set<String>, _ place: String
  ) -> WireRules.Complaint? {
    members.keys.filter { !known.contains($0) }.sorted().first.map {
      bad(
        "Invalid JSON payload received. Unknown name \"\($0)\""
          + (place.isEmpty ? "" : " at '\(place)'") + ": Cannot find field.")
    }
  }

  private func generation(_ members: [String: JSONValue]) -> WireRules.Complaint? {
    if let complaint = unknown(
      members, ["contents", "systemInstruction", "generationConfig", "safetySettings"], "")
    {
      return complaint
    }
    if let system = members["systemInstruction"],
      system["parts"]?.array?.first?["text"]?.string?.isEmpty != false
    {
      return bad("* GenerateContentRequest.system_instruction.parts: must not be empty")
    }
    if let complaint = contents(members["contents"]) { return complaint }
    guard case .object(let settings)? = members["generationConfig"] else { return nil }
    let known: Set = [
      "maxOutputTokens", "temperature", "seed", "responseMimeType", "responseSchema",
    ]
    if let complaint = unknown(
      settings, known.subtracting(refused), "generation_config")
    {
      return complaint
    }
    guard let schema = settings["responseSchema"] else { return nil }
    guard settings["responseMimeType"]?.string == "application/json" else {
      return bad("response_mime_type must be application/json when response_schema is set")
    }
    if refused.contains("schema") { return bad("response_schema is not enabled for this model") }
    return strict(schema, "generation_config.response_schema")
  }

  private func contents(_ value: JSONValue?) -> WireRules.Complaint? {
    guard let turns = value?.array, !turns.isEmpty else {
      return bad("* GenerateContentRequest.contents: contents is not specified")
    }
    for (place, turn) in turns.enumerated() {
      guard ["user", "model"].contains(turn["role"]?.string ?? "") else {
        return bad("Please use a valid role: user, model.")
      }
      guard turn["parts"]?.array?.first?["text"]?.string?.isEmpty == false else {
        return bad("* GenerateContentRequest.contents[\(place)].parts: must not be empty")
      }
    }
    guard turns.last?["role"]?.string == "user" else {
      return bad("Please ensure that multiturn requests end with a user role.")
    }
    return nil
  }

  private static let types: Set = ["STRING", "INTEGER", "NUMBER", "BOOLEAN", "ARRAY", "OBJECT"]

  private func strict(_ schema: JSONValue, _ place: String) -> WireRules.Complaint? {
    guard case .object(let members) = schema else { return bad("\(place): not an object") }
    let known: Set = [
      "type", "format", "description", "nullable", "enum", "items", "properties", "required",
      "propertyOrdering", "anyOf",
    ]
    if let complaint = unknown(members, known, place) { return complaint }
    guard let type = members["type"]?.string, Self.types.contains(type) else {
      return bad("Invalid value at '\(place).type'")
    }
    if members["enum"] != nil, type != "STRING" {
      return bad("\(place).enum: only allowed for STRING type")
    }
    if type == "ARRAY" {
      guard let items = members["items"] else { return bad("\(place).items: missing field.") }
      return strict(items, place + ".items")
    }
    guard type == "OBJECT" else { return nil }
    guard case .object(let properties)? = members["properties"], !properties.isEmpty else {
      return bad("\(place).properties: should be non-empty for OBJECT type")
    }
    for list in ["required", "propertyOrdering"] {
      let names = members[list]?.array?.compactMap(\.string) ?? []
      if let name = names.first(where: { properties[$0] == nil }) {
        return bad("\(place).\(list)[0]: property is not defined: \(name)")
      }
    }
    for (name, property) in properties {
      if let complaint = strict(property, "\(place).properties[\(name)]") { return complaint }
    }
    return nil
  }

  private func embedding(_ members: [String: JSONValue]) -> WireRules.Complaint? {
    if let complaint = unknown(members, ["requests"], "") { return complaint }
    let requests = members["requests"]?.array ?? []
    guard (1...100).contains(requests.count) else {
      return bad("* BatchEmbedContentsRequest.requests: at most 100 requests can be in one batch")
    }
    for (place, request) in requests.enumerated() {
      guard request["model"]?.string == "models/" + model else {
        return bad("requests[\(place)].model: does not match the model of the call")
      }
      guard request["content"]?["parts"]?.array?.first?["text"]?.string?.isEmpty == false else {
        return bad("* EmbedContentRequest.content: contents is empty")
      }
    }
    return nil
  }

  // MARK: What it answers

  func whole(_ text: String, _ finish: WireWriter.Finish) -> String {
    let blocked = finish == .refused
    let parts =
      blocked
      ? ""
      : "\"content\":{\"role\":\"model\",\"parts\":[{\"text\":\"Hm {}\",\"thought\":true},"
        + "{\"text\":\(quoted(text))}]},"
    return "{\"candidates\":[{\(parts)\"finishReason\":\"\(reason(finish))\",\"index\":0}],"
      + "\(usage),\"modelVersion\":\(quoted(model)),\"responseId\":\"r1\"}"
  }

  private func reason(_ finish: WireWriter.Finish) -> String {
    switch finish {
    case .complete: "STOP"
    case .length: "MAX_TOKENS"
    case .refused: "SAFETY"
    }
  }

  private var usage: String {
    "\"usageMetadata\":{\"promptTokenCount\":\(WireWriter.inputTokens),"
      + "\"cachedContentTokenCount\":200,\"candidatesTokenCount\":60,\"thoughtsTokenCount\":40,"
      + "\"totalTokenCount\":\(WireWriter.inputTokens + WireWriter.outputTokens)}"
  }

  func stream(_ pieces: [String], _ finish: WireWriter.Finish) -> String {
    var out = event("{\"text\":\"Hm {}\",\"thought\":true}")
    if finish != .refused { out += pieces.map { event("{\"text\":\(quoted($0))}") }.joined() }
    return out
      + "data: {\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{\"text\":\"\"}]},"
      + "\"finishReason\":\"\(reason(finish))\",\"index\":0}],\(usage)}\r\n\r\n"
  }

  func brokenStream(_ error: String) -> String {
    event("{\"text\":\"Hel\"}") + "data: \(error)\r\n\r\n"
  }

  private func event(_ part: String) -> String {
    "data: {\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[\(part)]},\"index\":0}],"
      + "\"modelVersion\":\(quoted(model))}\r\n\r\n"
  }

  /// Google's errors name the gRPC status; where to come back stands in the details.
  static func error(_ status: Int, _ message: String, type: String) -> String {
    let names = [
      400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND",
      429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE",
    ]
    let details =
      status == 429
      ? ",\"details\":[{\"@type\":\"type.googleapis.com/google.rpc.Help\",\"links\":[]},"
        + "{\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\",\"retryDelay\":\"7s\"}]" : ""
    return "{\"error\":{\"code\":\(status),\"message\":\(quoted(message)),"
      + "\"status\":\"\(names[status] ?? type)\"\(details)}}"
  }
}

/// A JSON string.
func quoted(_ text: String) -> String {
  guard let data = try? JSONEncoder().encode(text) else { return "\"\"" }
  return String(decoding: data, as: UTF8.self)
}
