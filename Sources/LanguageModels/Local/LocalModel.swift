public import Domain
import Synchronization
public import WebClient

/// A model that Stet serves itself. The server is started by the first request and is stopped by
/// `stop`; what speaks to it is whatever `connect` makes.
public final class LocalModel: LanguageModel {
  /// Makes the adapter that speaks to a running server.
  public typealias Connect =
    @Sendable (LlamaServer.Endpoint) throws(ModelError) -> any LanguageModel

  public let name: String
  public let profile: ModelProfile
  private let server: LlamaServer
  private let connect: Connect
  /// The adapter for the server as it runs now; it remembers what it learnt of token counts.
  private let current = Mutex<(endpoint: LlamaServer.Endpoint, model: any LanguageModel)?>(nil)

  public init(server: LlamaServer, connect: @escaping Connect) {
    self.server = server
    self.connect = connect
    name = server.entry.name
    profile = server.entry.profile
  }

  /// Speaks to the server as to any other of llama.cpp.
  public convenience init(server: LlamaServer, client: WebClient) {
    let entry = server.entry
    self.init(server: server) { (endpoint) throws(ModelError) in
      do {
        return OpenAICompatibleModel(
          try ProviderSettings(
            kind: .llamacpp, model: entry.name, baseURL: endpoint.address + "/v1",
            apiKey: endpoint.key),
          client: client, profile: entry.profile)
      } catch {
        throw ModelError(code: .rejected, detail: "The local model cannot be asked: \(error).")
      }
    }
  }

  /// Starts the server now, so that a caller can say so and fail early.
  public func prepare() async throws(LocalModelError) { _ = try await server.endpoint() }

  /// Ends the server, if this started one.
  public func stop() async { await server.stop() }

  public func reply(to request: ModelRequest) async throws(ModelError) -> ModelReply {
    let began = ContinuousClock.now
    var endpoint = try await running(within: request.deadline)
    do throws(ModelError) {
      return try await model(at: endpoint).reply(to: remaining(of: request, since: began))
    } catch {
      guard error.code == .unavailable else { throw error }
      await server.doubt(endpoint)
      let next = try await running(within: remaining(of: request, since: began).deadline)
      // The same server is still there: it is not the process that fails.
      guard next != endpoint else { throw error }
      endpoint = next
      return try await model(at: endpoint).reply(to: remaining(of: request, since: began))
    }
  }

  public func stream(_ request: ModelRequest) -> AsyncThrowingStream<ModelPiece, any Error> {
    let (pieces, continuation) = AsyncThrowingStream<ModelPiece, any Error>.makeStream()
    let work = Task {
      do {
        let began = ContinuousClock.now
        let endpoint = try await running(within: request.deadline)
        let rest = try remaining(of: request, since: began)
        for try await piece in try model(at: endpoint).stream(rest) { continuation.yield(piece) }
        continuation.finish()
      } catch {
        continuation.finish(throwing: error)
      }
    }
    continuation.onTermination = { _ in work.cancel() }
    return pieces
  }

  public func countTokens(in text: String) async -> TokenCount {
    guard let endpoint = try? await server.endpoint(), let model = try? model(at: endpoint) else {
      // Code takes about three bytes a token; the call itself will tell why there is no server.
      return TokenCount((text.utf8.count + 2) / 3)
    }
    return await model.countTokens(in: text)
  }

  public func price(input: TokenCount, output: TokenCount) -> USD? { USD(0) }

  private func model(
    at endpoint: LlamaServer.Endpoint
  ) throws(ModelError) -> any LanguageModel {
    try current.withLock { (current) throws(ModelError) in
      if let current, current.endpoint == endpoint { return current.model }
      let model = try connect(endpoint)
      current = (endpoint, model)
      return model
    }
  }

  /// Starting is part of the call: a server that hangs leaves time for the next in a chain.
  private func running(within limit: Duration) async throws(ModelError) -> LlamaServer.Endpoint {
    let late = ModelError(
      code: .timedOut, detail: "\(name): the local server was not ready in time.")
    do {
      return try await LanguageModels.within(limit, else: late) { [server] in
        try await server.endpoint()
      }
    } catch let error as LocalModelError {
      throw error.asModelError
    } catch let error as ModelError {
      throw error
    } catch {
      throw ModelError(code: .cancelled, detail: "\(name): cancelled while the server started.")
    }
  }

  /// What is left of the caller's time after the server was started.
  private func remaining(
    of request: ModelRequest, since began: ContinuousClock.Instant
  ) throws(ModelError) -> ModelRequest {
    var request = request
    request.deadline -= ContinuousClock.now - began
    if request.deadline <= .zero {
      throw ModelError(
        code: .timedOut, detail: "The time was up before the local model server was ready.")
    }
    return request
  }
}
