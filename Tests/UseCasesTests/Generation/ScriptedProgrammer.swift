import Domain
import Foundation
import LanguageModels
import Logging
import Sandbox
import TestKit
import Testing
import WebClient

@testable import UseCases

/// A model of a vendor's protocol behind a socket, which answers one request at a time with programs.
struct ScriptedProgrammer: Sendable {
  let server = FakeModelServer(.openAI)
  let model: any LanguageModel
  let style: ModelProfile.PromptStyle
  private let socket: FaultServer

  init(
    _ replies: [FakeModelServer.Reply] = [], always: FakeModelServer.Reply? = nil,
    style: ModelProfile.PromptStyle = .numberedHunks
  ) async throws {
    self.style = style
    server.script(replies, always: always)
    socket = try await server.listen()
    let settings = try ProviderSettings(
      kind: .openai, model: FakeModelServer.model, baseURL: socket.url + "/v1", apiKey: server.key)
    // Waits are a tenth as long, deadlines too.
    let hasty = Timing(
      now: { ContinuousClock.now }, sleep: { try await Task.sleep(for: $0 / 10) },
      random: { 0.5 })
    let asked = settings.model(
      client: WebClient(configuration: WebClientConfiguration(userAgent: "stet/test")),
      profile: ModelProfile(
        contextWindow: 64_000, maxOutput: 4_000, promptStyle: style, concurrency: 1),
      timing: hasty)
    model = ModelChain([asked], timing: hasty) ?? asked
  }

  /// Bodies of the requests so far, as text.
  var asked: [String] { server.asked.map { String(decoding: $0.body, as: UTF8.self) } }

  func stop() async { await socket.stop() }
}

extension FakeModelServer.Reply {
  /// A program as larger models give it, under the schema.
  static func program(_ code: String) -> Self { .text(json(["plan": "As asked.", "code": code])) }
  static func tests(_ code: String) -> Self { .text(json(["code": code])) }

  private static func json(_ members: [String: String]) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return (try? encoder.encode(members)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
  }
}

/// The real sandbox, one for all tests of this process.
enum GenerationSandbox {
  static let shared = IsolatedSandbox(
    images: ImageStore(
      folder: ProcessInfo.processInfo.environment["STET_TEST_IMAGES"] ?? "/nowhere"),
    environment: ["PATH": "/usr/bin:/bin"], logger: Logger(label: "test"))

  /// Judged by its tests alone: what linters say is another suite's.
  static func ports(
    _ model: (any LanguageModel)?, runs: (any RunStore)? = nil,
    sandbox: any CodeSandbox = GenerationSandbox.shared
  ) -> GenerateCode.Ports {
    GenerateCode.Ports(
      model: model,
      evaluation: EvaluateCode.Ports(sandbox: sandbox, evaluators: [CorrectnessEvaluator()]),
      runs: runs, callDeadline: .seconds(300), testLimit: .seconds(1))
  }
}
