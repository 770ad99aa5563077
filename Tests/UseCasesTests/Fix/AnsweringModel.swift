import Domain
import LanguageModels
import TestKit
import WebClient

/// A model of a vendor's protocol behind a socket, with what it is to say.
struct AnsweringModel: Sendable {
  let server = FakeModelServer(.openAI)
  let model: any LanguageModel
  private let socket: FaultServer

  init(
    _ replies: [FakeModelServer.Reply], always: FakeModelServer.Reply? = nil,
    style: ModelProfile.PromptStyle = .numberedHunks, maxOutput: TokenCount = 2_000
  ) async throws {
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
        contextWindow: 32_000, maxOutput: maxOutput, promptStyle: style, concurrency: 2),
      timing: hasty)
    model = ModelChain([asked], timing: hasty) ?? asked
  }

  /// Bodies of the requests so far, as text.
  var asked: [String] { server.asked.map { String(decoding: $0.body, as: UTF8.self) } }
}

extension FakeModelServer.Reply {
  static func fixed(_ code: String, because reason: String = "It was wrong.") -> Self {
    .text("{\"reason\":\(quoted(reason)),\"fixed_code\":\(quoted(code))}")
  }

  /// - Parameter duplicates: `nil` where the model was shown no issues to choose from.
  static func tagged(
    _ tags: [String], _ summary: String = "The page breaks.", duplicates: [String]? = nil
  ) -> Self {
    let same = duplicates.map { ",\"duplicates\":\(list($0))" } ?? ""
    return .text("{\"summary\":\(quoted(summary)),\"tags\":\(list(tags))\(same)}")
  }

  private static func list(_ texts: [String]) -> String {
    "[\(texts.map(quoted).joined(separator: ","))]"
  }

  private static func quoted(_ text: String) -> String {
    var out = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": out += "\\\""
      case "\\": out += "\\\\"
      case "\n": out += "\\n"
      case "\r": out += "\\r"
      case "\t": out += "\\t"
      case "\u{1B}": out += "\\u001b"
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out + "\""
  }
}
