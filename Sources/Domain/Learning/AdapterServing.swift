/// A server that answers with a base model or with an adapter upon it.
public protocol AdapterServer: Sendable {
  /// Makes the adapter ready. One that is ready already costs a look.
  /// - Throws: `.unsupported` where the server knows no adapters, or this one is for another base.
  func load(_ adapter: StoredAdapter) async throws(AdapterError)
  /// Takes it away, from the server and from this machine's disk; one that is not there is as good
  /// as taken away.
  func unload(_ name: AdapterName) async throws(AdapterError)
  /// Answers with the adapter, or with the base model for `nil`, and with no other, whatever others
  /// ask for at the same time.
  func model(with adapter: AdapterName?) async throws(AdapterError) -> any LanguageModel
  /// Mean log-probability that the model gives the tokens of the last turn.
  func logProbability(
    of turns: [ModelRequest.Turn], with adapter: AdapterName?
  ) async throws(AdapterError) -> Double
}

/// An adapter on this machine's disk.
public struct StoredAdapter: Sendable, Hashable {
  public var name: AdapterName
  public var base: String
  /// In the form of PEFT.
  public var folder: String
  /// For llama.cpp.
  public var gguf: String?

  public init(name: AdapterName, base: String, folder: String, gguf: String?) {
    self.name = name
    self.base = base
    self.folder = folder
    self.gguf = gguf
  }
}

public struct AdapterError: Error, Sendable, Equatable {
  public enum Code: String, Sendable, CaseIterable {
    case unsupported, unreachable, notLoaded = "not_loaded", corrupt, cancelled
    /// The canary: what it gives is what the base model gives.
    case withoutEffect = "without_effect"
    /// The canary: a request for one adapter was answered with another, or with none.
    case mixedUp = "mixed_up"
  }

  public var code: Code
  public var detail: String

  public init(code: Code, detail: String) {
    self.code = code
    self.detail = detail
  }
}
