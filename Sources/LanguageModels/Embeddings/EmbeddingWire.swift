import Domain

/// How texts are sent to be embedded, and how the vectors are read.
protocol EmbeddingWire: Sendable {
  /// Texts in one request at most.
  var batchLimit: Int { get }
  func request(_ texts: [String]) -> WireRequest
  /// Reads the body of a 200: numbers by place of their text, and tokens where the server says.
  func vectors(from value: JSONValue) throws(WireFault) -> (vectors: [[JSONValue]], tokens: Int)
}

extension WireFault {
  fileprivate static func strange(_ words: String) -> WireFault {
    WireFault(code: .malformedAnswer, detail: "the server's answer \(words)")
  }
}

/// `POST /v1/embeddings`: OpenAI, Mistral, vLLM, LM Studio, llama.cpp and others.
/// Source: OpenAI API reference, "Create embeddings".
struct OpenAIEmbeddingWire: EmbeddingWire {
  var baseURL: String
  var model: String
  var apiKey: String?
  let batchLimit = 128

  func request(_ texts: [String]) -> WireRequest {
    WireRequest(
      url: baseURL + "/embeddings",
      headers: apiKey.map { [("authorization", "Bearer \($0)")] } ?? [],
      body: OrderedJSON.object([
        ("model", .string(model)), ("input", .array(texts.map { .string($0) })),
        ("encoding_format", .string("float")),
      ]).bytes)
  }

  func vectors(from value: JSONValue) throws(WireFault) -> (vectors: [[JSONValue]], tokens: Int) {
    guard let data = value["data"]?.array else { throw .strange("holds no list of vectors") }
    var vectors = [[JSONValue]?](repeating: nil, count: data.count)
    for (place, item) in data.enumerated() {
      let index = item["index"]?.integer ?? place
      guard vectors.indices.contains(index), vectors[index] == nil,
        let numbers = item["embedding"]?.array
      else { throw .strange("gives vectors that belong to no text") }
      vectors[index] = numbers
    }
    return (vectors.compactMap { $0 }, value["usage"]?["prompt_tokens"]?.tokens ?? 0)
  }
}

/// `POST /api/embed`. Source: Ollama's API documentation, "Generate embeddings".
struct OllamaEmbeddingWire: EmbeddingWire {
  var baseURL: String
  var model: String
  var apiKey: String?
  let batchLimit = 64

  func request(_ texts: [String]) -> WireRequest {
    WireRequest(
      url: baseURL + "/api/embed", headers: OllamaChatWire.headers(apiKey),
      body: OrderedJSON.object([
        ("model", .string(model)), ("input", .array(texts.map { .string($0) })),
        // What is too long is said, as by the other servers, not cut in silence.
        ("truncate", .bool(false)), ("keep_alive", .string(OllamaChatWire.keepAlive)),
      ]).bytes)
  }

  func vectors(from value: JSONValue) throws(WireFault) -> (vectors: [[JSONValue]], tokens: Int) {
    guard let list = value["embeddings"]?.array else { throw .strange("holds no list of vectors") }
    return (list.map { $0.array ?? [] }, value["prompt_eval_count"]?.tokens ?? 0)
  }
}

/// `POST models/NAME:batchEmbedContents`. Source: Gemini API reference, "Embeddings".
struct GeminiEmbeddingWire: EmbeddingWire {
  var baseURL: String
  var model: String
  var apiKey: String?
  /// The API's own limit.
  let batchLimit = 100

  func request(_ texts: [String]) -> WireRequest {
    let resource = GenerateContentWire.resource(model)
    let requests = texts.map { text in
      OrderedJSON.object([
        ("model", .string(resource)),
        ("content", .object([GenerateContentWire.parts(text)])),
        ("taskType", .string("SEMANTIC_SIMILARITY")),
      ])
    }
    return WireRequest(
      url: "\(baseURL)/\(resource):batchEmbedContents",
      headers: GenerateContentWire.headers(apiKey),
      body: OrderedJSON.object([("requests", .array(requests))]).bytes)
  }

  func vectors(from value: JSONValue) throws(WireFault) -> (vectors: [[JSONValue]], tokens: Int) {
    guard let list = value["embeddings"]?.array else { throw .strange("holds no list of vectors") }
    return (
      list.map { $0["values"]?.array ?? [] },
      value["usageMetadata"]?["promptTokenCount"]?.tokens ?? 0
    )
  }
}
