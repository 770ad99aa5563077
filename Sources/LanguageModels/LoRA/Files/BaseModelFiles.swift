public import Domain

/// The files of the model that adapters are trained upon and belong to.
public struct BaseModelFiles: Sendable, Hashable {
  /// As the catalogue or the server calls it.
  public var name: String
  /// For llama.cpp; `nil` where another server has it.
  public var gguf: String?
  /// As transformers reads it; `nil`: made from the GGUF.
  public var folder: String?
  /// Of the weights, where known.
  public var sha256: String?

  public init(name: String, gguf: String?, folder: String?, sha256: String?) {
    self.name = name
    self.gguf = gguf
    self.folder = folder
    self.sha256 = sha256
  }
}

/// Finds the files of a base model by its name.
public typealias BaseModelFinder =
  @Sendable (String) async throws(TrainingError) -> BaseModelFiles

extension ModelStore {
  /// A base out of the catalogue, which must have been pulled.
  public func baseModel(_ name: String) async throws(TrainingError) -> BaseModelFiles {
    do throws(LocalModelError) {
      let entry = try catalogue.entry(named: name)
      return BaseModelFiles(
        name: name, gguf: try await readyFile(name), folder: nil, sha256: entry.sha256)
    } catch {
      throw TrainingError(
        code: error.code == .cancelled ? .cancelled : .unavailable, detail: error.detail)
    }
  }
}
