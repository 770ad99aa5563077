public import Domain
public import WebClient

/// A model of vectors behind a vendor's address.
public struct RemoteEmbedder: Embedder {
  public let name: String
  private let wire: any EmbeddingWire
  private let transport: ModelTransport
  private let timing: Timing
  private let mask: KeyMask
  private let isFree: Bool

  /// Bytes of text in one request at most: vendors limit its tokens.
  private static let batchBytes = 200_000

  /// - Parameter model: `nil`: the provider's usual one.
  /// - Returns: `nil` for a provider that embeds nothing, or that needs a model's name and has none.
  public init?(
    _ settings: ProviderSettings, model: String? = nil, client: WebClient,
    timing: Timing = .system
  ) {
    guard let model = model ?? settings.kind.embeddingModel else { return nil }
    let key = settings.apiKey
    switch settings.kind {
    case .anthropic: return nil
    case .gemini:
      wire = GeminiEmbeddingWire(baseURL: settings.baseURL, model: model, apiKey: key)
    case .ollama:
      wire = OllamaEmbeddingWire(baseURL: settings.baseURL, model: model, apiKey: key)
    case .openai, .mistral, .lmstudio, .vllm, .llamacpp, .openAICompatible:
      wire = OpenAIEmbeddingWire(baseURL: settings.baseURL, model: model, apiKey: key)
    }
    name = model
    transport = .web(client, secret: key != nil)
    self.timing = timing
    mask = KeyMask(key)
    isFree = settings.kind.facts.servesLocally
  }

  public func embed(
    _ texts: [String], deadline: Duration
  ) async throws(ModelError) -> Embeddings {
    var work = Work(end: timing.now() + deadline)
    do throws(WireFault) {
      for batch in batches(texts) { try await embed(batch, &work) }
    } catch {
      throw ModelError(
        code: error.code, detail: mask.masked("\(name): \(error.detail)"),
        retryAfter: error.retryAfter, requests: work.requests)
    }
    return Embeddings(
      vectors: work.vectors, dimension: work.vectors.first?.count ?? 0, model: name,
      inputTokens: TokenCount(work.tokens), requests: work.requests,
      costUSD: isFree ? USD(0) : nil)
  }

  private struct Work {
    let end: ContinuousClock.Instant
    let allowance = RetryAllowance.current ?? RetryAllowance()
    var vectors: [[Float]] = []
    var tokens = 0
    var requests = 0
  }

  private func batches(_ texts: [String]) -> [[String]] {
    var batches: [[String]] = []
    var bytes = 0
    for text in texts {
      // Servers refuse an empty text, and a blank one means as little.
      let text = text.isEmpty ? " " : text
      if let last = batches.last, last.count < wire.batchLimit,
        bytes + text.utf8.count <= Self.batchBytes
      {
        batches[batches.count - 1].append(text)
        bytes += text.utf8.count
      } else {
        batches.append([text])
        bytes = text.utf8.count
      }
    }
    return batches
  }

  private func embed(_ batch: [String], _ work: inout Work) async throws(WireFault) {
    let request = wire.request(batch)
    var attempt = 0
    while true {
      if Task.isCancelled { throw .cancelled }
      let left = timing.now().duration(to: work.end)
      guard left > .zero else { throw .late }
      do throws(WireFault) {
        work.requests += 1
        let response = try await transport.send(request, left)
        let answer = try read(response)
        work.vectors += try checked(answer.vectors, count: batch.count, against: work.vectors.first)
        work.tokens += answer.tokens
        return
      } catch {
        guard error.retryable, work.allowance.take() else { throw error }
        let pause =
          error.retryAfter ?? RetryAllowance.delay(after: attempt, random: timing.random())
        guard timing.now() + pause < work.end else { throw error }
        do { try await timing.sleep(pause) } catch { throw .cancelled }
        attempt += 1
      }
    }
  }

  private func read(
    _ response: ModelTransport.Response
  ) throws(WireFault) -> (vectors: [[JSONValue]], tokens: Int) {
    guard response.status == 200 else {
      let complaint = ServerComplaint(body: response.body)
      var fault = complaint.fault(
        status: response.status, retryAfter: response.retryAfter ?? complaint.retryAfter,
        mode: nil)
      if !complaint.message.isEmpty { fault.detail += " (status \(response.status))" }
      throw fault
    }
    guard let value = try? JSONParser.value(of: response.body) else {
      throw WireFault(
        code: .unavailable, detail: "the server's answer is not JSON", retryable: true)
    }
    if let complaint = ServerComplaint.inside(value) {
      throw complaint.fault(
        status: complaint.impliedStatus, retryAfter: complaint.retryAfter, mode: nil)
    }
    return try wire.vectors(from: value)
  }

  /// One wrong vector would spoil every comparison with it, and silently.
  private func checked(
    _ vectors: [[JSONValue]], count: Int, against known: [Float]?
  ) throws(WireFault) -> [[Float]] {
    func fault(_ words: String) -> WireFault { WireFault(code: .malformedAnswer, detail: words) }
    guard vectors.count == count else {
      throw fault("the server gave \(vectors.count) vectors for \(count) texts")
    }
    let dimension = known?.count ?? vectors.first?.count ?? 0
    guard dimension > 0 else { throw fault("the server gave empty vectors") }
    var checked: [[Float]] = []
    for vector in vectors {
      guard vector.count == dimension else {
        throw fault("the server gave vectors of \(dimension) and of \(vector.count) numbers")
      }
      let numbers = vector.compactMap { $0.number.map(Float.init) }
      guard numbers.count == dimension, numbers.allSatisfy(\.isFinite) else {
        throw fault("the server gave a vector with a value that is no finite number")
      }
      guard let unit = Self.unit(numbers) else {
        throw fault("the server gave a vector without a direction: zeros alone")
      }
      checked.append(unit)
    }
    return checked
  }

  /// The same direction, of length 1; `nil` where there is none.
  private static func unit(_ vector: [Float]) -> [Float]? {
    let length = vector.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
    guard length > 1e-12, length.isFinite else { return nil }
    return vector.map { Float(Double($0) / length) }
  }
}

extension ProviderKind {
  /// The model that embeds where none is named. Source: the vendors' model pages, November 2026.
  public var embeddingModel: String? {
    switch self {
    case .openai: "text-embedding-3-small"
    case .gemini: "gemini-embedding-001"
    case .mistral: "mistral-embed"
    case .ollama: "nomic-embed-text"
    case .llamacpp: "default"
    case .anthropic, .lmstudio, .vllm, .openAICompatible: nil
    }
  }
}
