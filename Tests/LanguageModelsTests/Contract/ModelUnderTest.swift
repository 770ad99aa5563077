import Domain
import TestKit
import WebClient

@testable import LanguageModels

/// A model and the fake server that it talks to over a socket; the server stops with the last copy.
struct ServedModel: LanguageModel {
  let model: any LanguageModel
  let settings: ProviderSettings
  let http: FaultServer

  var name: String { model.name }
  var profile: ModelProfile { model.profile }

  /// What the failure budget counts this model by.
  var budgetKey: String { settings.model + " " + settings.baseURL }

  func reply(to request: ModelRequest) async throws(ModelError) -> ModelReply {
    try await model.reply(to: request)
  }

  func stream(_ request: ModelRequest) -> AsyncThrowingStream<ModelPiece, any Error> {
    let pieces = model.stream(request)
    return AsyncThrowingStream { continuation in
      let task = Task {
        do {
          for try await piece in pieces { continuation.yield(piece) }
          continuation.finish()
        } catch {
          continuation.finish(throwing: error)
        }
        // The server lives as long as its stream.
        withExtendedLifetime(http) {}
      }
      continuation.onTermination = { _ in task.cancel() }
    }
  }

  func countTokens(in text: String) async -> TokenCount { await model.countTokens(in: text) }

  /// The error of a call that should fail.
  func failure(_ request: ModelRequest) async -> ModelError? {
    do throws(ModelError) {
      _ = try await model.reply(to: request)
      return nil
    } catch {
      return error
    }
  }
}

let testClient = WebClient(configuration: WebClientConfiguration(userAgent: "stet-tests"))

extension FakeModelServer {
  var kind: ProviderKind {
    switch vendor {
    case .openAI: .openai
    case .mistral: .mistral
    case .llamaCpp: .llamacpp
    case .lmStudio: .lmstudio
    case .anthropic: .anthropic
    case .gemini: .gemini
    case .ollama: .ollama
    case .bare: .openAICompatible
    }
  }

  /// Where the API begins on this server.
  var root: String {
    switch vendor {
    case .anthropic, .ollama: ""
    case .gemini: "/v1beta"
    case .openAI, .mistral, .llamaCpp, .lmStudio, .bare: "/v1"
    }
  }

  /// A model that talks to this server.
  /// - Parameters:
  ///   - asking: the model's name, where it is not the one that is served.
  ///   - chunk: the server sends its bodies in pieces of so many bytes.
  func connected(
    key: String? = nil, asking: String? = nil, chunk: Int? = nil, concurrency: Int? = nil,
    timing: Timing = .impatient
  ) async throws -> ServedModel {
    let http = try await listen(chunk: chunk)
    let settings = try ProviderSettings(
      kind: kind, model: asking ?? model, baseURL: http.url + root,
      apiKey: key ?? self.key)
    var profile = ModelProfile.of(settings.model, servedBy: kind)
    if let concurrency { profile.concurrency = concurrency }
    return ServedModel(
      model: settings.model(client: testClient, profile: profile, timing: timing),
      settings: settings, http: http)
  }
}

extension ModelRequest {
  static func text(
    _ question: String = "Say hello.", deadline: Duration = .seconds(20), seed: Int? = nil,
    budget: FailureBudget = FailureBudget()
  ) -> ModelRequest {
    ModelRequest(
      turns: [.init(.system, "You are brief."), .init(.user, question)], answer: .text,
      maxOutput: 64, seed: seed, deadline: deadline, budget: budget)
  }

  static func json(
    _ question: String = "Review it.", deadline: Duration = .seconds(20),
    budget: FailureBudget = FailureBudget()
  ) -> ModelRequest {
    ModelRequest(
      turns: [.init(.system, "You review."), .init(.user, question)],
      answer: .json(name: "review", findingsSchema), maxOutput: 256, deadline: deadline,
      budget: budget)
  }
}

/// An answer that satisfies `findingsSchema`.
let goodAnswer = """
  {"findings": [{"line": 3, "severity": "note", "message": "naïve 😀", "suggestion": null, \
  "confidence": 0.5}], "done": true}
  """
