import Domain

/// How a fake answers requests for vectors.
public enum EmbeddingBehaviour: Sendable, Hashable, CaseIterable {
  case honest
  /// OpenAI's form names the place of each vector; the real one need not keep their order.
  case shuffled
  case oneTooFew, unevenLengths, notANumber, infinite, empty, zeros
}

/// Vectors that tell which text they were made of.
struct EmbeddingFake {
  static let dimension = 8

  var vendor: FakeModelServer.Vendor
  var model: String
  var behaviour: EmbeddingBehaviour
  /// Words that mean alike, group by group: a text's vector says how many of each stand in it.
  var topics: [[String]] = []
  /// Tokens of one text at most, at three bytes each.
  var tokenLimit: Int?

  /// The same for the same text, different for any two that tests use.
  static func vector(_ text: String) -> [Double] {
    var state: UInt64 = 1_469_598_103_934_665_603
    for byte in text.utf8 { state = (state ^ UInt64(byte)) &* 1_099_511_628_211 }
    return (0..<dimension).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Double(state >> 40) / Double(1 << 24) - 0.5
    }
  }

  private func vector(of text: String) -> [Double] {
    guard !topics.isEmpty else { return Self.vector(text) }
    let words = text.lowercased().split { !$0.isLetter }.map(String.init)
    // Longer than 1, as some models' are.
    return topics.map { group in 0.05 + 3 * Double(words.count { group.contains($0) }) }
  }

  /// What each vendor says of a text that is too long. Sources: OpenAI's and Mistral's errors,
  /// llama.cpp's `tools/server`, Ollama's `server/routes.go`.
  private func tooLong(_ texts: [String]) -> WireRules.Complaint? {
    guard let limit = tokenLimit,
      let tokens = texts.map({ ($0.utf8.count + 2) / 3 }).max(), tokens > limit
    else { return nil }
    switch vendor {
    case .llamaCpp:
      return .init(
        status: 500,
        message: "input (\(tokens) tokens) is too large to process. increase the physical batch "
          + "size (current batch size: \(limit))", type: "server_error")
    case .ollama: return .init(message: "the input length exceeds the context length")
    case .mistral: return .init(message: "Too many tokens in batch. Max is \(limit)")
    case .gemini:
      return .init(
        message: "The input token count (\(tokens)) exceeds the maximum number of tokens allowed "
          + "(\(limit)).", type: "INVALID_ARGUMENT")
    default:
      return .init(
        message: "This model's maximum context length is \(limit) tokens, however you requested "
          + "\(tokens) tokens.")
    }
  }

  func texts(_ body: JSONValue) -> [String] {
    if vendor == .gemini {
      return (body["requests"]?.array ?? []).compactMap {
        $0["content"]?["parts"]?.array?.first?["text"]?.string
      }
    }
    return (body["input"]?.array ?? []).compactMap(\.string)
  }

  func complaint(_ body: JSONValue) -> WireRules.Complaint? {
    if let complaint = tooLong(texts(body)) { return complaint }
    guard vendor != .gemini else { return nil }
    guard body["model"]?.string == model else {
      return .init(
        status: 404, message: "The model `\(body["model"]?.string ?? "")` does not exist",
        type: "not_found_error", parameter: "model")
    }
    let texts = texts(body)
    guard (1...2_048).contains(texts.count) else {
      return .init(message: "'$.input' is invalid.", parameter: "input")
    }
    if vendor != .ollama, texts.contains("") {
      return .init(message: "'$.input' is invalid: empty strings are not allowed.")
    }
    return nil
  }

  func answer(_ body: JSONValue) -> String {
    var vectors = texts(body).map { text in
      "[" + vector(of: text).map { "\($0)" }.joined(separator: ",") + "]"
    }
    switch behaviour {
    case .honest, .shuffled: break
    case .oneTooFew: vectors.removeLast()
    case .unevenLengths: vectors[vectors.count - 1] = "[0.5]"
    case .notANumber: vectors[vectors.count - 1] = "[null,0,0,0,0,0,0,0]"
    case .infinite: vectors[vectors.count - 1] = "[1e300,0,0,0,0,0,0,0]"
    case .empty: vectors = vectors.map { _ in "[]" }
    case .zeros: vectors = vectors.map { _ in "[0,0,0,0,0,0,0,0]" }
    }
    switch vendor {
    case .gemini:
      let list = vectors.map { "{\"values\":\($0)}" }.joined(separator: ",")
      return "{\"embeddings\":[\(list)]}"
    case .ollama:
      return "{\"model\":\(quoted(model)),\"embeddings\":[\(vectors.joined(separator: ","))],"
        + "\"total_duration\":1,\"load_duration\":1,\"prompt_eval_count\":\(vectors.count)}"
    default:
      var items = vectors.enumerated().map { index, vector in
        "{\"object\":\"embedding\",\"index\":\(index),\"embedding\":\(vector)}"
      }
      if behaviour == .shuffled { items.reverse() }
      return "{\"object\":\"list\",\"data\":[\(items.joined(separator: ","))],"
        + "\"model\":\(quoted(model)),\"usage\":{\"prompt_tokens\":\(vectors.count),"
        + "\"total_tokens\":\(vectors.count)}}"
    }
  }
}
