/// Which model to ask, and where. Read once from the settings, then passed on.
public struct ProviderSettings: Sendable, Hashable, CustomStringConvertible {
  public var kind: ProviderKind
  public var model: String
  /// Without a slash at the end.
  public var baseURL: String
  /// A secret: it goes into one request header and nowhere else.
  public var apiKey: String?

  /// - Throws: `ProviderError` where the provider has no default for what is left out.
  public init(
    kind: ProviderKind, model: String? = nil, baseURL: String? = nil, apiKey: String? = nil
  ) throws(ProviderError) {
    let facts = kind.facts
    let key = apiKey.flatMap { $0.isEmpty ? nil : $0 }
    guard let model = Self.filled(model) ?? facts.model else { throw .missingModel(kind) }
    guard let address = Self.filled(baseURL) ?? facts.baseURL else { throw .missingAddress(kind) }
    guard !facts.needsKey || key != nil else { throw .missingKey(kind) }
    guard let url = Self.address(address, of: kind) else { throw .badAddress(kind, address) }
    self.kind = kind
    self.model = model
    self.baseURL = url
    self.apiKey = key
  }

  /// Never the key.
  public var description: String { "\(kind.rawValue) \(model) at \(baseURL)" }

  /// Settings of the provider at `place` in the list, from values such as environment variables.
  ///
  /// `LLM_MODEL` and `LLM_BASE_URL` may be lists too, matched by place; one value is for the first
  /// provider alone, since no two vendors share a model's name.
  public init(
    kind: ProviderKind, place: Int, value: (String) -> String?
  ) throws(ProviderError) {
    let facts = kind.facts
    try self.init(
      kind: kind, model: Self.item(place, of: value("LLM_MODEL")),
      baseURL: Self.item(place, of: value("LLM_BASE_URL"))
        ?? Self.first(facts.addressNames, value),
      apiKey: Self.first(facts.keyNames, value))
  }

  private static func first(_ names: [String], _ value: (String) -> String?) -> String? {
    for name in names {
      if let text = filled(value(name)) { return text }
    }
    return nil
  }

  private static func item(_ place: Int, of list: String?) -> String? {
    let items = (list ?? "").split(separator: ",", omittingEmptySubsequences: false)
    return place < items.count ? filled(String(items[place])) : nil
  }

  private static func filled(_ text: String?) -> String? {
    guard let text else { return nil }
    let trimmed = text.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace)
    return trimmed.isEmpty ? nil : String(trimmed.reversed())
  }

  /// A whole address from what users write: `OLLAMA_HOST` is often a bare host, and `0.0.0.0` in
  /// it is where Ollama listens, not where one connects.
  private static func address(_ text: String, of kind: ProviderKind) -> String? {
    var url = text
    if kind == .ollama {
      if !url.contains("://") { url = "http://" + url }
      guard let scheme = url.firstIndex(of: ":") else { return nil }
      let rest = url[url.index(scheme, offsetBy: 3)...]
      var host = rest.prefix { $0 != "/" }
      let path = rest.dropFirst(host.count)
      if host.hasPrefix("0.0.0.0") { host = "127.0.0.1" + host.dropFirst(7) }
      let port = host.last == "]" || !host.contains(":") ? ":11434" : ""
      url = url[...scheme] + "//" + host + port + path
    }
    while url.last == "/" { url.removeLast() }
    // Who wrote down the address that speaks like OpenAI's means the same server.
    for (owner, compatible) in [(ProviderKind.ollama, "/v1"), (.gemini, "/openai")]
    where kind == owner && url.hasSuffix(compatible) {
      url.removeLast(compatible.count)
    }
    let lower = url.lowercased()
    guard lower.hasPrefix("https://") || lower.hasPrefix("http://"),
      let host = url.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false).last,
      !host.isEmpty, !url.contains(where: { $0.isWhitespace || $0.isNewline })
    else { return nil }
    return url
  }
}

/// What is wrong with the settings of a provider.
public enum ProviderError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The features that need a model are done without one; worth a warning, not a failure.
  case missingKey(ProviderKind)
  case missingModel(ProviderKind)
  case missingAddress(ProviderKind)
  case badAddress(ProviderKind, String)

  public var description: String {
    switch self {
    case .missingKey(let kind):
      let names = kind.facts.keyNames.joined(separator: " or ")
      return "\(names) is not set, so \(kind.facts.name) cannot be asked; set it, or choose "
        + "another LLM_PROVIDER."
    case .missingModel(let kind):
      return "LLM_MODEL is not set; give the name of the model that \(kind.facts.name) serves."
    case .missingAddress(let kind):
      return "LLM_BASE_URL is not set; give the address of \(kind.facts.name), such as "
        + "http://127.0.0.1:8000/v1."
    case .badAddress(let kind, let text):
      // What stands before an @ may be a password.
      let shown = text.contains("@") ? "…@" + (text.split(separator: "@").last ?? "") : text[...]
      return
        "The address of \(kind.facts.name) is not an http or https URL: \"\(shown.prefix(80))\"."
    }
  }
}
