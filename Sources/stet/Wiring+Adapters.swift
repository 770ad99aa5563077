import Domain
import LanguageModels
import WebClient

extension Wiring {
  /// How adapters are trained and served; the settings were found right.
  var adapterSettings: AdapterSettings? { try? AdapterSettings.read { settings.value($0) } }

  /// Who trains adapters of learned reviewers; `nil`: nobody, and they speak by examples.
  var loraTrainer: (any LoRATrainer)? {
    guard let read = adapterSettings else { return nil }
    let store = modelStore
    let place = TrainerPlace(
      dataFolder: settings.dataFolder, environment: settings.networkEnvironment,
      python: read.python, settings: read.training,
      findBase: { name async throws(TrainingError) in
        guard let folder = read.baseFolder else { return try await store.baseModel(name) }
        let known = store.catalogue.entries.contains { $0.name == name }
        var base = BaseModelFiles(name: name, gguf: nil, folder: folder, sha256: nil)
        if read.server == .llamacpp, known {
          let file = try await store.baseModel(name)
          (base.gguf, base.sha256) = (file.gguf, file.sha256)
        }
        return base
      }, logger: logger)
    switch read.trainer {
    case .none: return nil
    case .peft: return PeftTrainer(place)
    case .mlx: return MLXTrainer(place)
    case .torchtune: return TorchtuneTrainer(place)
    case .command: return CommandTrainer(command: read.command, place)
    }
  }

  /// Who serves adapters. Nothing is started before one is asked for.
  static func adapterServer(
    _ settings: Settings, web: WebClient
  ) -> (server: any AdapterServer, stop: @Sendable () async -> Void)? {
    guard let read = try? AdapterSettings.read({ settings.value($0) }), read.trainer != .none else {
      return nil
    }
    let dataFolder = settings.dataFolder
    switch (read.server, read.provider) {
    case (.vllm, let provider?):
      let server = VLLMAdapterServer(
        provider, base: read.base, dataFolder: dataFolder, folderThere: read.folderThere,
        client: web)
      return (server, {})
    case (.named, let provider?):
      let server = NamedAdapterServer(
        provider, base: read.base, dataFolder: dataFolder, client: web)
      return (server, {})
    default:
      let store = ModelStore(
        dataFolder: dataFolder, environment: settings.networkEnvironment, web: web)
      guard
        let server = try? LlamaAdapterServer(
          base: read.base, store: store, environment: settings.networkEnvironment,
          logger: .notes(label: "stet.adapters"), client: web)
      else { return nil }
      return (server, { await server.stop() })
    }
  }
}
