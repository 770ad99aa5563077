import Domain

/// What llama.cpp's server thinks of a text that it did not write. Its interface gives
/// probabilities of what it writes itself alone, so each token is forced by a bias and its
/// probability before the bias read; the prompt's cache makes that one step for each token.
struct LlamaScoring: Sendable {
  var calls: ServerCalls
  /// Of one slot.
  var window: Int
  /// `lora` of each request.
  var adapters: OrderedJSON

  /// Mean log-probability of the tokens of the last turn.
  /// - Complexity: one request for each token of it.
  func logProbability(of turns: [ModelRequest.Turn]) async throws(AdapterError) -> Double {
    guard let answer = turns.last, answer.role == .assistant, turns.count > 1 else {
      throw AdapterError(code: .unsupported, detail: "There is no answer to be measured.")
    }
    let prompt = try await calls.json(
      "/apply-template", .object([("messages", ServerCalls.messages(turns.dropLast()))]))
    guard let text = prompt["prompt"]?.string else { throw Self.strange("/apply-template") }
    var before = try await tokens(text, special: true)
    let wanted = Array(try await tokens(answer.text, special: false).prefix(window / 2))
    guard !wanted.isEmpty else { return 0 }
    let room = window - wanted.count - 8
    if before.count > room {
      // As the trainer shortens: the start says who speaks, the end what it is about.
      before = Array(before.prefix(room / 4) + before.suffix(room - room / 4))
    }
    var sum = 0.0
    for token in wanted {
      if Task.isCancelled { throw AdapterError(code: .cancelled, detail: "Measuring was ended.") }
      sum += try await logProbability(of: token, after: before)
      before.append(token)
    }
    return sum / Double(wanted.count)
  }

  private func tokens(_ text: String, special: Bool) async throws(AdapterError) -> [Int] {
    let answer = try await calls.json(
      "/tokenize",
      .object([
        ("content", .string(text)), ("add_special", .bool(special)),
        ("parse_special", .bool(special)),
      ]))
    guard let tokens = answer["tokens"]?.array else { throw Self.strange("/tokenize") }
    return tokens.compactMap(\.integer)
  }

  private func logProbability(
    of token: Int, after tokens: [Int]
  ) async throws(AdapterError) -> Double {
    let answer = try await calls.json(
      "/completion",
      .object([
        ("prompt", .array(tokens.map { .integer($0) })), ("n_predict", .integer(1)),
        ("temperature", .integer(0)), ("n_probs", .integer(1)), ("cache_prompt", .bool(true)),
        ("logit_bias", .array([.array([.integer(token), .integer(Self.bias)])])),
        ("lora", adapters),
      ]))
    let first = answer["completion_probabilities"]?.array?.first
    guard first?["id"]?.integer == token, let value = first?["logprob"]?.number else {
      throw AdapterError(
        code: .unsupported,
        detail: "The server does not tell what probability it gives a text: it may be too old.")
    }
    // A token that is as good as impossible comes as an infinity, or as a huge number.
    return max(value, -100)
  }

  /// More than any logit, so that the token is taken whatever the model thinks.
  private static let bias = 1000

  private static func strange(_ path: String) -> AdapterError {
    AdapterError(code: .unsupported, detail: "The server's answer to \(path) is not llama.cpp's.")
  }
}
