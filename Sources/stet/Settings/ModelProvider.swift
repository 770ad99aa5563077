import LanguageModels

/// Who may stand in `LLM_PROVIDER`, and what must be set for each.
enum ModelProvider: RawRepresentable, Sendable, Hashable, CaseIterable {
  /// A vendor, or a server of the user's own.
  case served(ProviderKind)
  /// Stet's own llama.cpp server.
  case local

  init?(rawValue: String) {
    if rawValue == "local" {
      self = .local
    } else if let kind = ProviderKind(rawValue: rawValue) {
      self = .served(kind)
    } else {
      return nil
    }
  }

  var rawValue: String {
    switch self {
    case .served(let kind): kind.rawValue
    case .local: "local"
    }
  }

  static let allCases = ProviderKind.allCases.map(Self.served) + [.local]
  static let names = allCases.map(\.rawValue) + ["none"]

  private var facts: ProviderKind.Facts? {
    switch self {
    case .served(let kind): kind.facts
    case .local: nil
    }
  }

  /// The setting that its key is read from, where it takes one.
  var key: String? { facts?.keyNames.first }

  /// The setting without which the provider refuses to answer.
  var neededKey: String? { facts?.needsKey == true ? key : nil }

  /// It serves whatever its owner loaded, so there is no usual model.
  var needsModel: Bool { facts.map { $0.model == nil } ?? false }

  var needsAddress: Bool { facts.map { $0.baseURL == nil } ?? false }

  /// Settings of its own that hold its address, in order of preference.
  var addresses: [String] { facts?.addressNames ?? [] }

  /// A company that sells answers, which come within seconds.
  var isVendor: Bool { neededKey != nil }
}
