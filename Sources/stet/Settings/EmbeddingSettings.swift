import LanguageModels

/// Who turns texts into vectors: `STET_EMBEDDING_…`, apart from who answers, since many that answer
/// have no vectors.
struct EmbeddingSettings {
  var provider: ProviderSettings
  var model: String

  enum Answer {
    case off
    case on(EmbeddingSettings)
    /// Duplicates are found by their words alone.
    case without(warning: String)
    case wrong(setting: String, why: String)
  }

  static let names = ProviderKind.allCases.filter { $0 != .anthropic }.map(\.rawValue) + ["none"]

  /// - Parameter value: of a setting; `nil` where it is not set.
  static func read(_ value: (String) -> String?) -> Answer {
    let name = value("STET_EMBEDDING_PROVIDER")?.lowercased()
    let address = value("STET_EMBEDDING_URL")
    let model = value("STET_EMBEDDING_MODEL")
    if name == "none" { return .off }
    guard name != nil || address != nil else {
      return model == nil
        ? .off
        : .without(
          warning: "STET_EMBEDDING_MODEL is not used: set STET_EMBEDDING_PROVIDER or "
            + "STET_EMBEDDING_URL beside it.")
    }
    guard let kind = ProviderKind(rawValue: name ?? ProviderKind.openAICompatible.rawValue) else {
      // Refused by its form.
      return .off
    }
    let facts = kind.facts
    guard let model = model ?? kind.embeddingModel else {
      return .wrong(
        setting: "STET_EMBEDDING_MODEL",
        why: "it is not set; give the name of the model of vectors that \(facts.name) serves.")
    }
    let usual = facts.addressNames.compactMap(value).first ?? facts.baseURL
    guard let address = address ?? usual else {
      return .wrong(
        setting: "STET_EMBEDDING_URL",
        why: "it is not set; give the address of \(facts.name), such as http://127.0.0.1:8081/v1.")
    }
    // The key of another server is not shown to this one.
    let own = facts.needsKey ? facts.keyNames.compactMap(value).first : nil
    do throws(ProviderError) {
      return .on(
        EmbeddingSettings(
          provider: try ProviderSettings(
            kind: kind, model: model, baseURL: address,
            apiKey: value("STET_EMBEDDING_KEY") ?? own),
          model: model))
    } catch {
      switch error {
      case .missingKey:
        return .without(
          warning: "Duplicates are found by their words alone: STET_EMBEDDING_KEY or "
            + "\(facts.keyNames.first ?? "a key") is not set, so \(facts.name) cannot be asked.")
      case .missingModel, .missingAddress, .badAddress:
        return .wrong(setting: "STET_EMBEDDING_URL", why: "\(error)")
      }
    }
  }
}
