import Domain
import LanguageModels

/// Who trains adapters of learned reviewers and who serves them: `STET_TRAINER…`, `STET_ADAPTER_…`.
struct AdapterSettings {
  enum Trainer: String, CaseIterable { case none, peft, mlx, torchtune, command }
  enum Server: String, CaseIterable { case llamacpp, vllm, named }

  var trainer: Trainer
  var server: Server
  /// As the catalogue or the server calls it.
  var base: String
  /// As transformers reads it; `nil`: made from the catalogue's file.
  var baseFolder: String?
  var python: String?
  var command: [String]
  var training: TrainerSettings
  var steps: Int
  var time: Duration
  var memory: ByteCount
  /// Where the server answers; `nil` for llama.cpp, which Stet starts.
  var provider: ProviderSettings?
  /// Where the server sees the folder of adapters.
  var folderThere: String?

  struct Problem: Error {
    var setting: String
    var why: String
  }

  /// - Parameter value: of a setting; `nil` where it is not set.
  static func read(_ value: (String) -> String?) throws(Problem) -> AdapterSettings {
    func number(_ name: String, _ usual: Int) -> Int { value(name).flatMap { Int($0) } ?? usual }
    // Words that are none of these were refused by their form.
    let trainer = value("STET_TRAINER").flatMap { Trainer(rawValue: $0.lowercased()) } ?? .none
    let server =
      value("STET_ADAPTER_SERVER").flatMap { Server(rawValue: $0.lowercased()) } ?? .llamacpp
    let catalogue = ModelCatalogue.standard
    let named = value("STET_ADAPTER_BASE")
    var provider: ProviderSettings?
    if server != .llamacpp {
      guard let named else {
        throw Problem(
          setting: "STET_ADAPTER_BASE",
          why: "it is not set; give the base model's name as the server calls it.")
      }
      guard let address = value("STET_ADAPTER_URL") else {
        throw Problem(
          setting: "STET_ADAPTER_URL",
          why: "it is not set; give the server's address, such as http://127.0.0.1:8000/v1.")
      }
      do throws(ProviderError) {
        provider = try ProviderSettings(
          kind: server == .vllm ? .vllm : .openAICompatible, model: named, baseURL: address,
          apiKey: value("STET_ADAPTER_KEY"))
      } catch {
        throw Problem(setting: "STET_ADAPTER_URL", why: "\(error)")
      }
    }
    let base = named ?? catalogue.defaultName
    let known = catalogue.entries.map(\.name)
    if server == .llamacpp, !known.contains(base) {
      throw Problem(
        setting: "STET_ADAPTER_BASE",
        why: "Stet's own llama.cpp serves \(known.joined(separator: ", ")); for another model set "
          + "STET_ADAPTER_SERVER.")
    }
    let folder = value("STET_ADAPTER_BASE_FOLDER")
    if trainer != .none, folder == nil, !known.contains(base) {
      throw Problem(
        setting: "STET_ADAPTER_BASE_FOLDER",
        why: "it is not set; give the folder of \(base) as Hugging Face has it, to train upon.")
    }
    let command = (value("STET_TRAINER_COMMAND") ?? "").split(separator: " ").map(String.init)
    if trainer == .command, command.isEmpty {
      throw Problem(
        setting: "STET_TRAINER_COMMAND", why: "it is not set; give the program that trains.")
    }
    return AdapterSettings(
      trainer: trainer, server: server, base: base, baseFolder: folder,
      python: value("STET_TRAINER_PYTHON"), command: command,
      training: TrainerSettings(
        maxTokens: number("STET_TRAINER_TOKENS", 1024), batch: number("STET_TRAINER_BATCH", 1),
        threads: number("STET_TRAINER_THREADS", 0)),
      steps: number("STET_TRAINER_STEPS", 200),
      time: .seconds(60 * number("STET_TRAINER_MINUTES", 240)),
      memory: .mebibytes(number("STET_TRAINER_MEMORY", 8192)), provider: provider,
      folderThere: value("STET_ADAPTER_FOLDER"))
  }

  static let definitions: [SettingDefinition] = [
    .init(
      name: "STET_TRAINER", form: .choice(Trainer.allCases.map(\.rawValue)), defaultValue: "none",
      meaning: "who trains adapters of learned reviewers: peft (Stet's recipe), mlx, torchtune, a "
        + "command, or none, where likenesses speak by examples; see adapters.md"),
    .init(
      name: "STET_TRAINER_PYTHON", form: .text, defaultValue: "one that Stet makes",
      meaning: "whole path of a Python that has what the trainer needs; only peft does without"),
    .init(
      name: "STET_TRAINER_COMMAND", form: .text, defaultValue: "unset",
      meaning: "for command: the program and its first arguments, separated by spaces"),
    .init(
      name: "STET_TRAINER_STEPS", form: .number(1...1_000_000), defaultValue: "200",
      meaning: "steps of one training"),
    .init(
      name: "STET_TRAINER_MINUTES", form: .number(1...10_080), defaultValue: "240",
      meaning: "minutes that one training may take; what it had learned by then is kept"),
    .init(
      name: "STET_TRAINER_MEMORY", form: .number(64...1_048_576), defaultValue: "8192",
      meaning: "MiB that one training may hold"),
    .init(
      name: "STET_TRAINER_TOKENS", form: .number(32...131_072), defaultValue: "1024",
      meaning: "tokens of one example at most; the middle of longer hunks is left out"),
    .init(
      name: "STET_TRAINER_BATCH", form: .number(1...1024), defaultValue: "1",
      meaning: "examples of one step"),
    .init(
      name: "STET_TRAINER_THREADS", form: .number(0...4096), defaultValue: "0",
      meaning: "threads of the processor that a training uses; 0: as many as there are"),
    .init(
      name: "STET_ADAPTER_SERVER", form: .choice(Server.allCases.map(\.rawValue)),
      defaultValue: "llamacpp",
      meaning:
        "who serves adapters: llamacpp, which Stet starts itself; vllm; or named, any server "
        + "that has each under its name"),
    .init(
      name: "STET_ADAPTER_BASE", form: .text, defaultValue: ModelCatalogue.standard.defaultName,
      meaning: "the model that adapters belong to: of `stet model list` for llamacpp, else as the "
        + "server calls it"),
    .init(
      name: "STET_ADAPTER_BASE_FOLDER", form: .text, defaultValue: "made from the model's file",
      meaning: "folder of that model as Hugging Face has it, for training"),
    .init(
      name: "STET_ADAPTER_URL", form: .address, defaultValue: "unset",
      meaning: "root of that server's API, up to and with /v1"),
    .init(
      name: "STET_ADAPTER_KEY", form: .secret, defaultValue: "unset", meaning: "key for it"),
    .init(
      name: "STET_ADAPTER_FOLDER", form: .text, defaultValue: "as this machine sees it",
      meaning: "where a vLLM on another machine or in a container sees the folder adapters of the "
        + "data folder"),
  ]
}
