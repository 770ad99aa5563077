public import Domain

/// The adapters on this machine, each in a folder called by its hash. What lies there was checked.
public struct AdapterFiles: Sendable {
  /// Absolute.
  public let folder: String

  public init(dataFolder: String) { folder = dataFolder + "/adapters" }

  /// A folder that a training may fill; it becomes an adapter by `keep`.
  func freshFolder() throws(LocalModelError) -> String {
    try StoredFile.makeFolder(folder)
    let number = UInt64.random(in: .min ... .max)
    return "\(folder)/new-\(String(number, radix: 36))"
  }

  /// For who knows that nobody is training.
  func removeUnfinished() {
    for name in StoredFile.names(in: folder) where name.hasPrefix("new-") {
      StoredFile.removeFolder("\(folder)/\(name)")
    }
  }

  /// Checks what a training left and gives it its name; the same adapter is kept once.
  func keep(
    _ fresh: String, base: BaseModelFiles
  ) async throws(AdapterFault) -> StoredAdapter {
    let name = try await AdapterCheck.checked(fresh, base: base)
    // Servers may read what the name does not stand for.
    let known = [AdapterCheck.weights, AdapterCheck.gguf, AdapterCheck.configuration]
    for file in StoredFile.names(in: fresh) where !known.contains(file) {
      StoredFile.remove("\(fresh)/\(file)")
      StoredFile.removeFolder("\(fresh)/\(file)")
    }
    let place = path(of: name)
    if StoredFile.exists(place) { StoredFile.removeFolder(place) }
    do throws(LocalModelError) {
      try StoredFile.replace("\(fresh)/base", with: Array(base.name.utf8))
      try StoredFile.rename(fresh, to: place)
    } catch {
      throw AdapterFault(.corrupt, error.detail)
    }
    for file in StoredFile.names(in: place) { await StoredFile.synchronize("\(place)/\(file)") }
    guard let stored = stored(name) else { throw AdapterFault(.corrupt, "\(place) is gone") }
    return stored
  }

  /// - Returns: `nil` where there is none of that name.
  public func stored(_ name: AdapterName) -> StoredAdapter? {
    let place = path(of: name)
    guard StoredFile.exists("\(place)/\(AdapterCheck.weights)"),
      let base = StoredFile.read("\(place)/base")
    else { return nil }
    let gguf = "\(place)/\(AdapterCheck.gguf)"
    return StoredAdapter(
      name: name, base: String(decoding: base, as: UTF8.self), folder: place,
      gguf: StoredFile.exists(gguf) ? gguf : nil)
  }

  public var names: [AdapterName] {
    StoredFile.names(in: folder).compactMap { AdapterName($0) }
  }

  /// Removes its files; one that is not there is removed already.
  public func remove(_ name: AdapterName) { StoredFile.removeFolder(path(of: name)) }

  func path(of name: AdapterName) -> String { "\(folder)/\(name.hash)" }

  /// Whether the files are still those that gave the name.
  static func isSound(_ adapter: StoredAdapter) async -> Bool {
    (try? await AdapterCheck.name(of: adapter.folder)) == adapter.name
  }
}
