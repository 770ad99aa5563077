import Domain

/// One line that a training program writes on its standard output. The contract is in
/// docs/adapters.md; lines that are none of these are passed over.
enum TrainerEvent: Sendable, Equatable {
  case progress(LoRAProgress)
  case done(losses: [Double], seconds: Double)
  case error(TrainingError)

  static let version = 1
  /// A list of losses may be long; a line that is longer than this is none of ours.
  static let longestLine = 4 << 20

  init?(line: some Collection<UInt8>) {
    guard line.first == UInt8(ascii: "{"),
      let value = try? JSONParser.value(of: Array(line))
    else { return nil }
    switch value["event"]?.string {
    case "progress":
      guard let step = value["step"]?.integer, let steps = value["steps"]?.integer, step >= 0,
        steps >= step
      else { return nil }
      self = .progress(.init(step: step, steps: steps, loss: Self.finite(value["loss"])))
    case "done":
      self = .done(
        losses: (value["losses"]?.array ?? []).compactMap { Self.finite($0) },
        seconds: Self.finite(value["seconds"]) ?? 0)
    case "error":
      let code = value["code"]?.string.flatMap(TrainingError.Code.init(rawValue:)) ?? .failed
      self = .error(
        TrainingError(code: code, detail: Self.shown(value["detail"]?.string ?? "no reason given")))
    default: return nil
    }
  }

  /// What an exit status says that came without a line.
  static func code(of status: Int) -> TrainingError.Code {
    switch status {
    case 2: .invalidData
    case 3: .unavailable
    case 4: .outOfMemory
    case 5: .outOfTime
    case 6: .cancelled
    default: .failed
    }
  }

  private static func finite(_ value: JSONValue?) -> Double? {
    value?.number.flatMap { $0.isFinite ? $0 : nil }
  }

  /// On one line, without control characters and without secrets.
  static func shown(_ text: String) -> String {
    let clean = text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7f ? " " : $0 }
    return SecretMask.masked(String(String(String.UnicodeScalarView(clean)).prefix(600))).text
  }
}

/// What a training program is told, as `task.json`.
struct TrainerTask {
  var task: LoRATask
  var base: BaseModelFiles
  /// Where the adapter is to lie.
  var output: String
  /// For what is made once for each base model.
  var cache: String
  var maxTokens: Int
  var batch: Int
  var threads: Int

  var path: String { task.folder + "/task.json" }

  var json: OrderedJSON {
    func text(_ value: String?) -> OrderedJSON { value.map(OrderedJSON.string) ?? .null }
    return .object([
      ("version", .integer(TrainerEvent.version)), ("base", .string(base.name)),
      ("base_gguf", text(base.gguf)), ("base_folder", text(base.folder)),
      ("base_sha256", text(base.sha256)), ("cache", .string(cache)),
      ("train", .string("train.jsonl")), ("output", .string(output)), ("work", .string("work")),
      ("scratch", .string("scratch")),
      ("rank", .integer(task.rank)), ("alpha", .integer(2 * task.rank)),
      ("steps", .integer(task.steps)), ("batch", .integer(batch)),
      ("learning_rate", .number(task.learningRate)), ("seed", .integer(task.seed)),
      ("max_tokens", .integer(maxTokens)), ("threads", .integer(threads)),
      ("seconds", .number(max(1, task.time.inSeconds))),
      ("memory_bytes", .integer(task.memory.value)), ("resume", .bool(task.resumes)),
    ])
  }
}
