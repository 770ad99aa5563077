public import Domain
import Foundation
import Synchronization

/// A server that speaks a vendor's wire format and refuses what the real one refuses.
///
/// It holds no socket: whoever owns one passes requests in and sends the answers out, so that the
/// same fake serves over HTTP and in memory.
public final class FakeModelServer: Sendable {
  /// How the server differs from the others. Sources: the vendors' API references.
  public enum Vendor: String, Sendable, CaseIterable {
    case openAI, mistral, llamaCpp, lmStudio, anthropic, gemini, ollama
    /// Knows neither `response_format` nor a key.
    case bare
  }

  public struct Request: Sendable {
    public var method: String
    public var path: String
    /// By lower-case name.
    public var headers: [String: String]
    public var body: [UInt8]

    public init(method: String, path: String, headers: [String: String], body: [UInt8]) {
      self.method = method
      self.path = path
      self.headers = headers
      self.body = body
    }

    public var json: JSONValue? {
      try? JSONDecoder().decode(JSONValue.self, from: Data(body))
    }

    /// What was said, turn by turn, whichever the vendor's form: without the system's words where
    /// they stand apart.
    public var turns: [String] {
      let turns = json?["messages"]?.array ?? json?["contents"]?.array ?? []
      return turns.map {
        $0["content"]?.string ?? $0["parts"]?.array?.first?["text"]?.string ?? ""
      }
    }
  }

  public struct Answer: Sendable {
    public enum Ending: Sendable {
      case complete
      /// The connection is closed before the body is whole.
      case cut
      /// Nothing more is sent and the connection stays open.
      case hang
    }

    public var status: Int
    public var headers: [(String, String)]
    public var body: [UInt8]
    public var ending = Ending.complete
  }

  /// What the model says to the next request that is in order.
  public enum Reply: Sendable {
    case text(String)
    /// Stops at the length limit.
    case cutShort(String)
    case refusal(String)
    /// An answer of the server itself, in its own form of error.
    case error(status: Int, message: String, headers: [(String, String)] = [])
    /// Status 200 with an error inside; in a stream after the first piece of text.
    case errorInside(String)
    /// A body as it stands.
    case raw(status: Int, String)
    /// The first so many bytes of the answer, then the connection is closed.
    case cut(String, after: Int)
    /// Headers perhaps, and then nothing.
    case hang
  }

  public static let model = "fake-model-7b"
  public let vendor: Vendor
  public let model: String
  public let key: String
  /// Parameters that this model refuses, as newer ones refuse `temperature`.
  private let refused: Set<String>

  private struct State {
    var queue: [Reply] = []
    var always: Reply = .text("Hello.")
    var requests: [Request] = []
    var tokenizerWorks = true
    var embedding = EmbeddingBehaviour.honest
    var topics: [[String]] = []
    var embeddingTokens: Int?
  }
  private let state = Mutex(State())

  public init(_ vendor: Vendor, model: String = FakeModelServer.model, refusing: Set<String> = []) {
    self.vendor = vendor
    self.model = model
    key = ["test", "key", "of", vendor.rawValue, "0123456789abcdef"].joined(separator: "-")
    refused = refusing
  }

  /// Replies to come, in order; then `always` to whatever follows.
  public func script(_ replies: [Reply], always: Reply? = nil) {
    state.withLock { state in
      state.queue = replies
      if let always { state.always = always }
    }
  }

  /// How vectors are given from now on.
  public func embeds(_ behaviour: EmbeddingBehaviour) {
    state.withLock { $0.embedding = behaviour }
  }

  /// Groups of words that mean alike: texts with words of one group lie near each other.
  public func embeds(topics: [[String]]) { state.withLock { $0.topics = topics } }

  /// Texts that are longer are refused, as the vendor does it.
  public func embeds(tokensAtMost limit: Int?) {
    state.withLock { $0.embeddingTokens = limit }
  }

  /// From now on `/tokenize` answers 503.
  public func breakTokenizer() { state.withLock { $0.tokenizerWorks = false } }

  /// Every request so far, those to count tokens included.
  public var requests: [Request] { state.withLock { $0.requests } }
  /// Requests for an answer.
  public var asked: [Request] {
    requests.filter { !$0.path.hasSuffix("tokenize") && !$0.path.hasSuffix(":countTokens") }
  }

  // MARK: Answering

  public func answer(_ request: Request) -> Answer {
    state.withLock { $0.requests.append(request) }
    if request.path == "/tokenize", vendor == .llamaCpp { return tokens(request) }
    guard request.method == "POST", let call = Call(request.path, of: vendor) else {
      return error(404, "Not found: \(request.path)", "not_found_error")
    }
    if let refusal = refusal(request) { return refusal }
    guard let body = request.json else { return error(400, "The body is not JSON.") }
    if let complaint = complaint(body, call) {
      return error(
        complaint.status, complaint.message, complaint.type, parameter: complaint.parameter)
    }
    switch call {
    case .chat: break
    case .gemini(_, "countTokens"):
      let bytes = request.turns.reduce(0) { $0 + $1.utf8.count }
      return json(200, "{\"totalTokens\":\((bytes + 2) / 3)}")
    case .embeddings, .gemini(_, "batchEmbedContents"): return embeddings(body)
    case .gemini: break
    }
    let reply = state.withLock { state in
      state.queue.isEmpty ? state.always : state.queue.removeFirst()
    }
    return answer(
      reply, to: body, streams: body["stream"] == .bool(true) || call.streamsByPath)
  }

  /// What a path asks for.
  private enum Call {
    case chat, embeddings
    case gemini(resource: String, method: String)

    init?(_ path: String, of vendor: Vendor) {
      switch (vendor, path) {
      case (.gemini, _):
        guard let call = GeminiFake.method(of: path) else { return nil }
        let streams = call.method == "streamGenerateContent"
        guard streams == path.hasSuffix("?alt=sse") else { return nil }
        self = .gemini(resource: call.resource, method: call.method)
      case (.anthropic, "/v1/messages"), (.ollama, "/api/chat"): self = .chat
      case (.ollama, "/api/embed"): self = .embeddings
      case (.anthropic, _), (.ollama, _): return nil
      case (_, "/v1/chat/completions"): self = .chat
      case (_, "/v1/embeddings"): self = .embeddings
      default: return nil
      }
    }

    var streamsByPath: Bool {
      if case .gemini(_, "streamGenerateContent") = self { true } else { false }
    }
  }

  private func complaint(_ body: JSONValue, _ call: Call) -> WireRules.Complaint? {
    switch call {
    case .gemini(let resource, let method):
      GeminiFake(model: model, refused: refused).complaint(
        body, resource: resource, method: method)
        ?? (method == "batchEmbedContents" ? embeddingFake.complaint(body) : nil)
    case .embeddings: embeddingFake.complaint(body)
    case .chat where vendor == .ollama:
      OllamaFake(model: model, refused: refused).complaint(body)
    case .chat: WireRules(vendor: vendor, model: model, refused: refused).complaint(body)
    }
  }

  /// Vectors, unless an error is scripted.
  private func embeddings(_ body: JSONValue) -> Answer {
    let scripted = state.withLock { state in
      state.queue.isEmpty ? nil : state.queue.removeFirst()
    }
    if let scripted { return answer(scripted, to: body, streams: false) }
    return json(200, embeddingFake.answer(body))
  }

  private var embeddingFake: EmbeddingFake {
    state.withLock {
      EmbeddingFake(
        vendor: vendor, model: model, behaviour: $0.embedding, topics: $0.topics,
        tokenLimit: $0.embeddingTokens)
    }
  }

  private func refusal(_ request: Request) -> Answer? {
    switch vendor {
    case .bare, .lmStudio, .ollama: return nil
    case .gemini:
      guard request.headers["x-goog-api-key"] == key else {
        return error(400, "API key not valid. Please pass a valid API key.", "INVALID_ARGUMENT")
      }
    case .anthropic:
      guard request.headers["anthropic-version"] == "2023-06-01" else {
        return error(400, "anthropic-version: header is required")
      }
      guard request.headers["x-api-key"] == key else {
        return error(401, "invalid x-api-key", "authentication_error")
      }
    default:
      guard request.headers["authorization"] == "Bearer \(key)" else {
        let sent = request.headers["authorization"]?.split(separator: " ").last ?? ""
        return error(
          401, "Incorrect API key provided: \(sent). Find yours in the console.",
          "authentication_error", code: "invalid_api_key")
      }
    }
    return nil
  }

  private func tokens(_ request: Request) -> Answer {
    guard state.withLock({ $0.tokenizerWorks }) else { return error(503, "Loading model") }
    // One token for every three bytes, begun ones too.
    let bytes = request.json?["content"]?.string?.utf8.count ?? 0
    let list = (0..<((bytes + 2) / 3)).map(String.init).joined(separator: ",")
    return json(200, "{\"tokens\":[\(list)]}")
  }

  /// An error in the vendor's own form.
  private func error(
    _ status: Int, _ message: String, _ type: String = "invalid_request_error",
    parameter: String? = nil, code: String? = nil, headers: [(String, String)] = []
  ) -> Answer {
    func quoted(_ text: String?) -> String { text.map(TestKit.quoted) ?? "null" }
    let text: String
    switch vendor {
    case .anthropic:
      text = """
        {"type":"error","error":{"type":\(quoted(type)),"message":\(quoted(message))},\
        "request_id":"req_1"}
        """
    case .mistral where status == 422:
      text = """
        {"object":"error","message":{"detail":[{"type":"extra_forbidden",\
        "loc":["body",\(quoted(parameter))],"msg":\(quoted(message)),"input":0}]},\
        "type":"invalid_request_error","param":null,"code":null}
        """
    case .mistral where status == 401: text = "{\"detail\":\(quoted(message))}"
    case .mistral:
      text = """
        {"object":"error","message":\(quoted(message)),"type":\(quoted(type)),\
        "param":\(quoted(parameter)),"code":"1500"}
        """
    case .gemini: text = GeminiFake.error(status, message, type: type)
    case .lmStudio, .ollama: text = "{\"error\":\(quoted(message))}"
    case .llamaCpp:
      text = """
        {"error":{"code":\(status),"message":\(quoted(message)),"type":\(quoted(type))}}
        """
    case .openAI, .bare:
      text = """
        {"error":{"message":\(quoted(message)),"type":\(quoted(type)),\
        "param":\(quoted(parameter)),"code":\(quoted(code))}}
        """
    }
    return json(status, text, headers)
  }

  private func json(_ status: Int, _ text: String, _ headers: [(String, String)] = []) -> Answer {
    Answer(
      status: status, headers: [("content-type", "application/json")] + headers,
      body: Array(text.utf8))
  }

  private func answer(_ reply: Reply, to body: JSONValue, streams: Bool) -> Answer {
    let type = vendor == .ollama ? "application/x-ndjson" : "text/event-stream"
    let writer = WireWriter(vendor: vendor, model: model, request: body)
    func success(_ text: String, _ finish: WireWriter.Finish) -> Answer {
      guard streams else { return json(200, writer.whole(text, finish)) }
      return Answer(
        status: 200, headers: [("content-type", type)],
        body: Array(writer.stream(text, finish).utf8))
    }
    switch reply {
    case .text(let text): return success(text, .complete)
    case .cutShort(let text): return success(text, .length)
    case .refusal(let text): return success(text, .refused)
    case .error(let status, let message, let headers):
      return error(status, message, "api_error", headers: headers)
    case .raw(let status, let text): return json(status, text)
    case .errorInside(let message):
      guard streams else {
        var answer = error(500, message, "overloaded_error")
        answer.status = 200
        return answer
      }
      let text = writer.brokenStream(message)
      return Answer(
        status: 200, headers: [("content-type", type)], body: Array(text.utf8))
    case .cut(let text, let count):
      var answer = success(text, .complete)
      answer.body = Array(answer.body.prefix(count))
      answer.ending = .cut
      return answer
    case .hang:
      var answer = success("", .complete)
      answer.body = []
      answer.ending = .hang
      return answer
    }
  }
}
