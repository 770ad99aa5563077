import Domain
import TestKit
import Testing

@testable import LanguageModels

@Suite struct StreamingTests {
  typealias Vendor = FakeModelServer.Vendor

  /// Chunks end within characters, within lines and between CR and LF.
  @Test(arguments: [Vendor.openAI, .anthropic, .gemini, .ollama], [1, 2, 3, 7, 64, 1000])
  func survivesAnyChunking(vendor: Vendor, chunk: Int) async throws {
    let server = FakeModelServer(vendor)
    let text = "naïve 😀 → \u{2028}end \"quoted\" \\ back"
    server.script([], always: .text(text))
    var read = ""
    for try await piece in try await server.connected(chunk: chunk).stream(.text()) {
      if case .text(let piece) = piece { read += piece }
    }
    #expect(read == text)
  }

  @Test(arguments: Vendor.allCases)
  func endingTheIterationClosesTheConnection(vendor: Vendor) async throws {
    let http = try await FaultServer { _ in
      let piece =
        switch vendor {
        case .anthropic:
          "{\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"x\"}}"
        case .gemini: "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"x\"}]}}]}"
        case .ollama: "{\"message\":{\"content\":\"x\"},\"done\":false}"
        default: "{\"choices\":[{\"delta\":{\"content\":\"x\"}}]}"
        }
      let prefix = vendor == .ollama ? "" : "data: "
      return FaultReply(
        headers: [("content-type", "text/event-stream")],
        parts: [.forever(Array("\(prefix)\(piece)\n\n".utf8), every: .milliseconds(1))],
        framing: .chunked)
    }
    let settings = try ProviderSettings(
      kind: FakeModelServer(vendor).kind, model: "m", baseURL: http.url, apiKey: "k")
    let model = settings.model(client: testClient, timing: .impatient)
    var pieces = 0
    for try await _ in model.stream(.text(deadline: .seconds(60))) {
      pieces += 1
      if pieces == 5 { break }
    }
    await http.waitUntilOpen(atMost: 0)
    #expect(pieces == 5)
    await http.stop()
  }

  /// A body without end is cut off by its size, whatever the deadline.
  @Test func anEndlessAnswerIsBounded() async throws {
    let http = try await FaultServer { _ in
      FaultReply(
        parts: [.forever([UInt8](repeating: 0x20, count: 1 << 20), every: .zero)],
        framing: .chunked)
    }
    let settings = try ProviderSettings(
      kind: .openai, model: "m", baseURL: http.url, apiKey: "k")
    let model = settings.model(client: testClient, timing: .impatient)
    await #expect {
      _ = try await model.reply(to: .text(deadline: .seconds(60)))
    } throws: {
      ($0 as? ModelError)?.code == .unavailable && ($0 as? ModelError)?.requests == 1
    }
    await http.stop()
  }

  @Test func aClosedPortIsUnavailable() async throws {
    let http = try await FaultServer { _ in .text("") }
    let url = http.url
    await http.stop()
    let settings = try ProviderSettings(
      kind: .openai, model: "m", baseURL: url, apiKey: "k")
    let model = settings.model(client: testClient, timing: .impatient)
    await #expect {
      _ = try await model.reply(to: .text())
    } throws: {
      ($0 as? ModelError)?.code == .unavailable && ($0 as? ModelError)?.requests == 3
    }
  }

  /// The key must not follow a redirect.
  @Test(arguments: [Vendor.openAI, .anthropic, .gemini])
  func aRedirectIsNotFollowed(vendor: Vendor) async throws {
    let thief = try await FaultServer { _ in .json("{}") }
    let target = thief.url
    let http = try await FaultServer { _ in
      FaultReply(status: 307, headers: [("location", target + "/v1/chat/completions")])
    }
    let settings = try ProviderSettings(
      kind: FakeModelServer(vendor).kind, model: "m", baseURL: http.url, apiKey: "k")
    let model = settings.model(client: testClient, timing: .impatient)
    await #expect {
      _ = try await model.reply(to: .text())
    } throws: {
      ($0 as? ModelError)?.code == .rejected
    }
    #expect(thief.requests.isEmpty)
    await http.stop()
    await thief.stop()
  }

  @Test(arguments: [
    ("retry-after-ms", "1500", Duration.milliseconds(1500)), ("retry-after", "7", .seconds(7)),
    ("Retry-After", "Thu, 01 Jan 1970 00:00:00 GMT", .zero),
  ])
  func heedsEachFormOfRetryAfter(name: String, value: String, wait: Duration) async throws {
    let server = FakeModelServer(.openAI)
    let clock = ManualClock()
    server.script([
      .error(status: 429, message: "Slow down.", headers: [(name, value)]), .text("Now."),
    ])
    let start = clock.timing.now()
    let reply = try await server.connected(timing: clock.timing).reply(to: .text())
    #expect(reply.requests == 2)
    #expect(start.duration(to: clock.timing.now()) == wait)
  }
}
