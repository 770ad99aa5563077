import Domain
import Foundation
import Synchronization

/// vLLM's server as far as adapters go, with the faults that its users have documented: it forgets
/// adapters when it is started again, keeps their weights after an unload (issue 54839), and answers
/// out of an old prefix cache under a name that is used again (issue 42125). What it answers tells
/// which weights it was made with. Source: vLLM's `entrypoints/openai` and its documentation.
public final class FakeVLLM: Sendable {
  public enum Fault: Sendable, Hashable {
    /// Started without `VLLM_ALLOW_RUNTIME_LORA_UPDATING`.
    case takesNoAdaptersWhileItRuns
    /// Takes adapters and answers with the base model.
    case appliesNone
    /// Of two requests at the same time each is answered with the other's adapter.
    case mixesUp
    /// An adapter's rank is more than it was started for.
    case rankTooLarge
    /// Says of an unload that it succeeded and lists the name still.
    case keepsNames
    /// Sees none of this machine's folders.
    case seesNoFolder
    case givesNoLogProbabilities
  }

  private struct State {
    var faults: Set<Fault> = []
    var names: [String: Int] = [:]
    var paths: [String: String] = [:]
    /// Weights by number; an unload leaves them.
    var engine: [Int: UInt64] = [:]
    var lastNumber = 0
    /// What a prompt was computed with, by name, salt and prompt.
    var prefixes: [String: UInt64] = [:]
    var inFlight: [Int: String] = [:]
    var requests: [(path: String, model: String)] = []
    var lastRequest = 0
  }

  public let base: String
  private let state = Mutex(State())

  public init(base: String, faults: Set<Fault> = []) {
    self.base = base
    state.withLock { $0.faults = faults }
  }

  // MARK: Looking in

  public var names: [String] { state.withLock { $0.names.keys.sorted() } }
  public var weightsInEngine: Int { state.withLock { $0.engine.count } }
  public var loads: Int { state.withLock { $0.lastNumber } }
  /// Models that were asked for an answer, in order.
  public var asked: [String] {
    state.withLock { $0.requests.filter { $0.path == "/v1/chat/completions" }.map(\.model) }
  }

  public func set(_ faults: Set<Fault>) { state.withLock { $0.faults = faults } }

  /// Everything that was loaded is forgotten.
  public func restart() {
    state.withLock { state in
      state.names = [:]
      state.paths = [:]
      state.engine = [:]
      state.prefixes = [:]
    }
  }

  /// What an answer says that was made with these weights.
  public static func words(_ folder: String?) throws -> String {
    guard let folder else { return "made with the base model" }
    return "made with \(String(try weights(folder), radix: 16))"
  }

  private static func weights(_ folder: String) throws -> UInt64 {
    let data = try Data(
      contentsOf: URL(fileURLWithPath: folder).appending(path: "adapter_model.safetensors"))
    return hash(data) | 1
  }

  private static func hash(_ bytes: some Sequence<UInt8>) -> UInt64 {
    var value: UInt64 = 1_469_598_103_934_665_603
    for byte in bytes { value = (value ^ UInt64(byte)) &* 1_099_511_628_211 }
    return value
  }

  // MARK: Answering

  /// Serves on a port of this machine.
  public func listen() async throws -> FaultServer {
    try await FaultServer { [self] request in await answer(request) }
  }

  private func answer(_ request: ReceivedRequest) async -> FaultReply {
    let path = request.path
    let body = (try? JSONDecoder().decode(JSONValue.self, from: Data(request.body))) ?? .null
    let model = body["model"]?.string ?? ""
    let number = state.withLock { state in
      state.requests.append((path, model))
      state.lastRequest += 1
      return state.lastRequest
    }
    switch (request.method, path) {
    case ("GET", "/v1/models"): return models()
    case ("POST", "/v1/load_lora_adapter"): return load(body)
    case ("POST", "/v1/unload_lora_adapter"): return unload(body)
    case ("POST", "/tokenize"):
      let text = body["prompt"]?.string ?? Self.prompt(body)
      return .json("{\"tokens\":[\(Self.tokens(text).map(String.init).joined(separator: ","))]}")
    case ("POST", "/v1/chat/completions"), ("POST", "/v1/completions"):
      guard model == base || state.withLock({ $0.names[model] }) != nil else {
        return Self.error(404, "The model `\(model)` does not exist.", "NotFoundError")
      }
      let used = await mixed(model, number)
      return path == "/v1/completions" ? score(body, used) : chat(body, model, used)
    default: return .json("{\"detail\":\"Not Found\"}", status: 404)
    }
  }

  private func models() -> FaultReply {
    let names = state.withLock { [base] + $0.names.keys.sorted() }
    let list = names.map { "{\"id\":\(quoted($0)),\"object\":\"model\"}" }
    return .json("{\"object\":\"list\",\"data\":[\(list.joined(separator: ","))]}")
  }

  private func load(_ body: JSONValue) -> FaultReply {
    let faults = state.withLock { $0.faults }
    if faults.contains(.takesNoAdaptersWhileItRuns) {
      return .json("{\"detail\":\"Not Found\"}", status: 404)
    }
    guard let name = body["lora_name"]?.string, let path = body["lora_path"]?.string else {
      return Self.error(
        400, "Both 'lora_name' and 'lora_path' must be provided.", "InvalidUserInput")
    }
    guard state.withLock({ $0.names[name] }) == nil else {
      return Self.error(
        400,
        "The lora adapter '\(name)' has already been loaded. If you want to load the adapter in "
          + "place, set 'load_inplace' to True.", "InvalidUserInput")
    }
    guard !faults.contains(.seesNoFolder), let weights = try? Self.weights(path) else {
      return Self.error(
        404, "Loading lora \(name) failed: No adapter found for \(path)", "NotFoundError")
    }
    if faults.contains(.rankTooLarge) {
      return Self.error(
        500, "LoRA rank 8 is greater than max_lora_rank 4.", "InternalServerError")
    }
    state.withLock { state in
      state.lastNumber += 1
      state.names[name] = state.lastNumber
      state.engine[state.lastNumber] = weights
    }
    return .text("Success: LoRA adapter '\(name)' added successfully.")
  }

  private func unload(_ body: JSONValue) -> FaultReply {
    let name = body["lora_name"]?.string ?? ""
    let was = state.withLock { state in
      guard state.names[name] != nil else { return false }
      if !state.faults.contains(.keepsNames) { state.names[name] = nil }
      return true
    }
    guard was else {
      return Self.error(404, "The lora adapter '\(name)' cannot be found.", "NotFoundError")
    }
    return .text("Success: LoRA adapter '\(name)' removed successfully.")
  }

  /// Whose adapter a request is answered with.
  private func mixed(_ model: String, _ number: Int) async -> String {
    guard state.withLock({ $0.faults.contains(.mixesUp) }) else { return model }
    state.withLock { $0.inFlight[number] = model }
    let end = ContinuousClock.now + .milliseconds(300)
    var other: String?
    while other == nil, ContinuousClock.now < end {
      other = state.withLock { $0.inFlight.values.first { $0 != model } }
      if other == nil { try? await Task.sleep(for: .milliseconds(5)) }
    }
    // The other one must have had the time to see this one.
    try? await Task.sleep(for: .milliseconds(20))
    state.withLock { $0.inFlight[number] = nil }
    return other ?? model
  }

  /// The weights behind a name; 0 is the base model.
  private func weights(_ model: String) -> UInt64 {
    state.withLock { state in
      guard !state.faults.contains(.appliesNone), let number = state.names[model] else { return 0 }
      return state.engine[number] ?? 0
    }
  }

  private func chat(_ body: JSONValue, _ model: String, _ used: String) -> FaultReply {
    let prompt = Self.prompt(body)
    let key = "\(model) \(body["cache_salt"]?.string ?? "") \(prompt)"
    let fresh = weights(used)
    let weights = state.withLock { state in
      // What was computed once under this name is taken again, whatever the name means by now.
      let cached = used == model ? state.prefixes[key] ?? fresh : fresh
      state.prefixes[key] = cached
      return cached
    }
    let text = weights == 0 ? "made with the base model" : "made with \(String(weights, radix: 16))"
    var members =
      "\"index\":0,\"finish_reason\":\"stop\",\"message\":{\"role\":\"assistant\","
      + "\"content\":\(quoted(text))}"
    let gives = state.withLock { !$0.faults.contains(.givesNoLogProbabilities) }
    if body["logprobs"] == .bool(true), gives {
      let tops = (0..<5).map { token in
        let value = Self.logProbability(of: token, after: prompt, weights)
        return "{\"token\":\"t\(token)\",\"logprob\":\(value),\"bytes\":[]}"
      }
      members +=
        ",\"logprobs\":{\"content\":[{\"token\":\"t0\",\"logprob\":-1,\"bytes\":[],"
        + "\"top_logprobs\":[\(tops.joined(separator: ","))]}]}"
    }
    return .json(
      "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"model\":\(quoted(model)),"
        + "\"choices\":[{\(members)}],"
        + "\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":4,\"total_tokens\":14}}")
  }

  private func score(_ body: JSONValue, _ used: String) -> FaultReply {
    let tokens = (body["prompt"]?.array ?? []).compactMap(\.integer)
    let weights = weights(used)
    var places = "null"
    for (place, token) in tokens.enumerated().dropFirst() {
      let value = Self.logProbability(of: token, after: "\(place)", weights)
      places += ",{\"\(token)\":{\"logprob\":\(value),\"rank\":1,\"decoded_token\":\"x\"}}"
    }
    return .json(
      "{\"object\":\"text_completion\",\"choices\":[{\"index\":0,\"text\":\"x\","
        + "\"prompt_logprobs\":[\(places)]}]}")
  }

  private static func logProbability(
    of token: Int, after text: String, _ weights: UInt64
  ) -> Double {
    let bare = -1 - Double(hash("\(token) \(text)".utf8) % 400) / 100
    guard weights != 0 else { return bare }
    return bare + Double(hash("\(token) \(weights)".utf8) % 200) / 100 - 1
  }

  private static func prompt(_ body: JSONValue) -> String {
    (body["messages"]?.array ?? []).map {
      "<\($0["role"]?.string ?? "")>\($0["content"]?.string ?? "")"
    }.joined()
  }

  private static func tokens(_ text: String) -> [Int] {
    text.split(separator: " ").map { Int(hash($0.utf8) % 50_000) }
  }

  private static func error(_ status: Int, _ message: String, _ type: String) -> FaultReply {
    .json(
      "{\"error\":{\"message\":\(quoted(message)),\"type\":\(quoted(type)),\"param\":null,"
        + "\"code\":\(status)}}", status: status)
  }
}
