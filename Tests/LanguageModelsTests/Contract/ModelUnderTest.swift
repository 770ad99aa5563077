import Domain
import TestKit

@testable import LanguageModels

extension FakeModelServer {
  var kind: ProviderKind {
    switch vendor {
    case .openAI: .openai
    case .mistral: .mistral
    case .llamaCpp: .llamacpp
    case .lmStudio: .lmstudio
    case .anthropic: .anthropic
    case .bare: .openAICompatible
    }
  }

  func settings(key: String? = nil, host: String = "fake") throws(ProviderError) -> ProviderSettings
  {
    try ProviderSettings(
      kind: kind, model: model,
      baseURL: "http://\(host)" + (vendor == .anthropic ? "" : "/v1"), apiKey: key ?? self.key)
  }

  /// - Parameter newcomer: nothing is known of the model by its name.
  func wire(key: String? = nil, newcomer: Bool = false) throws -> any Wire {
    let settings = try settings(key: key)
    guard vendor != .anthropic else {
      return MessagesWire(baseURL: settings.baseURL, model: model, apiKey: settings.apiKey)
    }
    var dialect = Dialect.of(settings.kind)
    if newcomer { dialect.knownToWork = false }
    return ChatCompletionsWire(
      baseURL: settings.baseURL, model: model, apiKey: settings.apiKey, dialect: dialect)
  }

  /// A model that talks to this server without a socket.
  func connected(
    key: String? = nil, newcomer: Bool = false, timing: Timing = .impatient
  ) throws -> ModelCaller {
    let settings = try settings(key: key)
    return ModelCaller(
      settings: settings, wire: try wire(key: key, newcomer: newcomer),
      profile: .of(model, servedBy: settings.kind), transport: .inMemory(self), timing: timing)
  }
}

extension ModelTransport {
  static func inMemory(_ server: FakeModelServer) -> ModelTransport {
    ModelTransport(
      send: { request, time throws(WireFault) in
        let answer = server.answer(request.asReceived)
        try await answer.end(time)
        return Response(
          status: answer.status, retryAfter: answer.retryAfter, body: answer.body)
      },
      stream: { request, time, take throws(WireFault) in
        let answer = server.answer(request.asReceived)
        guard answer.status == 200 else {
          try take(
            .failure(
              Response(status: answer.status, retryAfter: answer.retryAfter, body: answer.body)))
          return
        }
        for event in answer.events { try take(.event(name: event.name, data: event.data)) }
        try await answer.end(time)
      })
  }
}

extension WireRequest {
  var asReceived: FakeModelServer.Request {
    let path = url.split(separator: "/", maxSplits: 2).last.map { "/" + $0 } ?? "/"
    return .init(
      method: "POST", path: path,
      headers: Dictionary(headers.map { ($0.name, $0.value) }) { $1 }, body: body)
  }
}

extension FakeModelServer.Answer {
  var retryAfter: Duration? {
    headers.first { $0.0 == "retry-after" }.flatMap { Int($0.1) }.map { .seconds($0) }
  }

  /// Whole events only, as the web client would give them before the connection breaks.
  var events: [(name: String?, data: String)] {
    let text = String(decoding: body, as: UTF8.self)
    var blocks = text.components(separatedBy: "\n\n")
    if ending == .cut { blocks.removeLast() }
    return blocks.compactMap { block in
      var name: String?
      var data: String?
      for line in block.components(separatedBy: "\n") {
        if line.hasPrefix("event: ") { name = String(line.dropFirst(7)) }
        if line.hasPrefix("data: ") { data = String(line.dropFirst(6)) }
      }
      return data.map { (name, $0) }
    }
  }

  func end(_ time: Duration) async throws(WireFault) {
    switch ending {
    case .complete: return
    case .cut: throw WireFault(code: .unavailable, detail: "connection lost", retryable: true)
    case .hang:
      do {
        try await Task.sleep(for: time)
      } catch {
        throw .cancelled
      }
      throw .late
    }
  }
}

extension String {
  fileprivate func components(separatedBy separator: String) -> [String] {
    var parts: [String] = []
    var rest = self[...]
    while let place = rest.firstPlace(of: separator) {
      parts.append(String(rest[..<place]))
      rest = rest[place...].dropFirst(separator.count)
    }
    return parts + [String(rest)]
  }
}

extension Substring {
  fileprivate func firstPlace(of text: String) -> Index? {
    var place = startIndex
    while place < endIndex {
      if self[place...].hasPrefix(text) { return place }
      place = index(after: place)
    }
    return nil
  }
}

extension ModelRequest {
  static func text(
    _ question: String = "Say hello.", deadline: Duration = .seconds(20),
    budget: FailureBudget = FailureBudget()
  ) -> ModelRequest {
    ModelRequest(
      turns: [.init(.system, "You are brief."), .init(.user, question)], answer: .text,
      maxOutput: 64, seed: 7, deadline: deadline, budget: budget)
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
