import Domain

/// How an answer is held to a schema, from the strictest means to none.
enum StructuredMode: String, Sendable, Hashable {
  /// The vendor's own structured answers, under the schema itself.
  case schema
  /// A tool that the model must call, whose input is the answer.
  case tool
  /// Any JSON; the schema stands in the prompt.
  case object
  /// Free text; the schema stands in the prompt and the JSON is looked for.
  case plain

  /// Whether the model sees the schema only if we write it into the prompt.
  var showsSchemaInPrompt: Bool { self == .object || self == .plain }
}

/// A part of a request that some servers refuse; once refused it is left out.
enum OptionalField: String, Sendable, Hashable, CaseIterable {
  case temperature, seed
  case streamOptions = "stream_options"
  case maxCompletionTokens = "max_completion_tokens"
  case maxTokens = "max_tokens"
}

/// One request to a model, in words that every vendor has.
struct WireCall: Sendable {
  var prompt: Prompt
  var answer: ModelRequest.AnswerFormat
  var mode: StructuredMode
  var maxOutput: TokenCount
  var temperature: Double?
  var seed: Int?
  var streams: Bool
  var omitted: Set<OptionalField>
}

/// Turns in the shape that every vendor takes: the system's words apart, then user and assistant in
/// turn, the user first and last.
struct Prompt: Sendable, Hashable {
  var system: String
  var turns: [ModelRequest.Turn]

  init(_ turns: [ModelRequest.Turn]) {
    system = turns.filter { $0.role == .system }.map(\.text).joined(separator: "\n\n")
    self.turns = []
    for turn in turns where turn.role != .system { append(turn) }
    if self.turns.isEmpty { self.turns = [.init(.user, system)] }
    if self.turns[0].role != .user { self.turns.insert(.init(.user, "Begin."), at: 0) }
    if self.turns[self.turns.count - 1].role != .user { append(.init(.user, "Go on.")) }
  }

  /// Adds a turn; two in a row of one role become one.
  mutating func append(_ turn: ModelRequest.Turn) {
    if let last = turns.last, last.role == turn.role {
      turns[turns.count - 1].text = last.text + "\n\n" + turn.text
    } else {
      turns.append(turn)
    }
  }

  var question: String { turns.last?.text ?? "" }

  var byteCount: Int { turns.reduce(system.utf8.count) { $0 + $1.text.utf8.count } }
}

struct WireRequest: Sendable {
  var url: String
  var headers: [(name: String, value: String)]
  var body: [UInt8]
  /// How a streamed answer comes.
  var framing = Framing.events

  enum Framing: Sendable {
    /// Server-sent events.
    case events
    /// One JSON value a line.
    case lines
  }
}

struct WireUsage: Sendable, Equatable {
  /// All input tokens, those from the vendor's cache included.
  var input: TokenCount = 0
  var cached: TokenCount = 0
  var written: TokenCount = 0
  var output: TokenCount = 0
}

struct WireAnswer: Sendable, Equatable {
  var text = ""
  var finish = ModelReply.Finish.complete
  /// `nil` where the server did not say.
  var usage: WireUsage?
}

/// Why one request failed, with what the loop around it needs to know.
struct WireFault: Error, Equatable {
  var code: ModelError.Code
  var detail: String
  var retryAfter: Duration?
  /// Sending the same again may help.
  var retryable = false
  /// The server does not know this way of asking for JSON.
  var refusesMode = false
  var refuses: OptionalField?
}

/// A vendor's wire format: how a call is written and how answers are read. No I/O.
protocol Wire: Sendable {
  /// The means for structured answers that this server may have, best first.
  var ladder: [StructuredMode] { get }
  /// Whether the first of them is known to work, so that calls need not wait for the first answer.
  var knownToWork: Bool { get }
  func request(_ call: WireCall) -> WireRequest
  /// Reads the body of a 200.
  func answer(from body: [UInt8]) throws(WireFault) -> WireAnswer
  func streamReader() -> any WireStreamReader
  var tokenizer: TokenizerEndpoint? { get }
}

/// Reads one streamed answer, event by event.
protocol WireStreamReader {
  /// - Returns: the text that this event adds.
  mutating func read(event: String?, data: String) throws(WireFault) -> String
  /// Called at the end of the body.
  /// - Throws: where the stream ended before the answer did.
  func finished() throws(WireFault) -> WireAnswer
}

/// Where a server counts tokens.
struct TokenizerEndpoint: Sendable {
  var url: String
  var headers: [(name: String, value: String)]
  var body: @Sendable (String) -> OrderedJSON
  var count: @Sendable (JSONValue) -> Int?
}
