import Domain
import Foundation
import Synchronization
import Testing
import WebClient

@testable import LanguageModels

/// A model that only says which server it was made for.
private struct Echo: LanguageModel {
  var endpoint: LlamaServer.Endpoint
  var isDown: @Sendable () -> Bool
  var name: String { endpoint.model }
  let profile = ModelProfile(
    contextWindow: 512, maxOutput: 64, promptStyle: .beforeAfter, concurrency: 1)

  func reply(to request: ModelRequest) async throws(ModelError) -> ModelReply {
    if isDown() { throw ModelError(code: .unavailable, detail: "down") }
    return ModelReply(
      text: String(endpoint.port), json: nil, model: name, finish: .complete, inputTokens: 1,
      outputTokens: 1, costUSD: nil, seconds: request.deadline / .seconds(1), requests: 1)
  }

  func stream(_ request: ModelRequest) -> AsyncThrowingStream<ModelPiece, any Error> {
    AsyncThrowingStream { continuation in
      continuation.yield(.text(endpoint.key))
      continuation.finish()
    }
  }

  func countTokens(in text: String) async -> TokenCount { 42 }
}

@Suite("A local model starts its server when it is asked something")
struct LocalModelTests {
  let pretend: PretendServer
  let request = ModelRequest(
    turns: [.init(.user, "hello")], answer: .text, maxOutput: 16, deadline: .seconds(60))

  init() throws { pretend = try PretendServer() }

  @Test func theFirstRequestStartsItAndTheNextUseIt() async throws {
    let made = Mutex(0)
    let model = LocalModel(server: try pretend.server()) { endpoint in
      made.withLock { $0 += 1 }
      return Echo(endpoint: endpoint) { false }
    }
    #expect(model.name == "pretend")
    #expect(model.profile.contextWindow == 512)
    #expect(throws: (any Error).self) { try pretend.starts() }
    let first = try await model.reply(to: request)
    let second = try await model.reply(to: request)
    #expect(first.text == second.text)
    // The start counts against the caller's time.
    #expect(first.seconds < 60)
    #expect(await model.countTokens(in: "x") == 42)
    var pieces: [ModelPiece] = []
    for try await piece in model.stream(request) { pieces.append(piece) }
    #expect(pieces.count == 1)
    #expect(try pretend.starts().count == 1)
    #expect(made.withLock { $0 } == 1)
    await model.stop()
  }

  @Test func aServerThatCrashedInARequestIsReplacedAndTheRequestRepeated() async throws {
    let server = try pretend.server()
    let first = try await server.endpoint()
    let model = LocalModel(server: server) { endpoint in
      Echo(endpoint: endpoint) { endpoint == first }
    }
    _ = try? await WebClient.forTests.send(WebRequest(url: first.address + "/crash"))
    while groupLives(first.processID) { try await Task.sleep(for: .milliseconds(5)) }
    var reply: ModelReply?
    // The end is noted a moment after the process is gone; until then the old server is believed.
    while reply == nil {
      do throws(ModelError) {
        reply = try await model.reply(to: request)
      } catch {
        try #require(error.code == .unavailable)
        try await Task.sleep(for: .milliseconds(5))
      }
    }
    #expect(reply?.text != String(first.port))
    #expect(try pretend.starts().count == 2)
    await model.stop()
  }

  @Test func aModelThatIsDownWhileItsServerRunsIsNotAskedTwice() async throws {
    let asked = Mutex(0)
    let model = LocalModel(server: try pretend.server()) { endpoint in
      Echo(endpoint: endpoint) {
        asked.withLock { $0 += 1 }
        return true
      }
    }
    await #expect { try await model.reply(to: request) } throws: { error in
      (error as? ModelError)?.code == .unavailable
    }
    #expect(asked.withLock { $0 } == 1)
    await model.stop()
  }

  @Test func withoutTheFileItFailsWithTheCommandToRun() async throws {
    try FileManager.default.removeItem(atPath: pretend.folder.path + "/data/models/pretend.gguf")
    let model = LocalModel(server: try pretend.server()) { Echo(endpoint: $0) { false } }
    await #expect { try await model.reply(to: request) } throws: { error in
      guard let error = error as? ModelError else { return false }
      return error.code == .unavailable && error.detail.contains("stet model pull pretend")
    }
    await #expect(throws: ModelError.self) {
      for try await _ in model.stream(request) {}
    }
    // Counting must not fail a plan: about three bytes a token.
    #expect(await model.countTokens(in: "123456789") == 3)
  }

  @Test func timeThatTheStartUsedUpIsTimeOut() async throws {
    var hurried = request
    hurried.deadline = .milliseconds(1)
    let model = LocalModel(server: try pretend.server()) { Echo(endpoint: $0) { false } }
    let late = hurried
    await #expect { try await model.reply(to: late) } throws: { error in
      (error as? ModelError)?.code == .timedOut
    }
    await model.stop()
  }
}
