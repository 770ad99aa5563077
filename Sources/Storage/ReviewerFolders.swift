public import Domain
import Foundation

/// What a training needs on disk: a folder for each learned reviewer, for its owner alone. Its data
/// stands there in the clear while it trains; checkpoints and adapters stay.
public struct ReviewerFolders: TrainingFolders {
  private let root: String

  /// - Parameter root: of all of them; made where it is needed.
  public init(root: String) { self.root = root }

  /// - Parameter reviewer: its id, of letters, digits and dashes.
  public func path(of reviewer: String) -> String { root + "/" + reviewer }

  public func make(for reviewer: String) throws(StoreError) -> String {
    let folder = path(of: reviewer)
    do {
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
      return folder
    } catch {
      throw StoreError(
        code: .unwritable, detail: "\(folder) cannot be made: check its permissions and space.")
    }
  }

  public func remove(adapter: AdapterName, at folder: String) throws(StoreError) {
    // A path that a database gives is not a leave to remove whatever lies there.
    guard URL(filePath: folder).lastPathComponent == adapter.hash else { return }
    try remove(folder)
  }

  /// Takes all of it away; a folder that is not there is as good as removed.
  public func removeAll(of reviewer: String) throws(StoreError) {
    try remove(path(of: reviewer))
  }

  private func remove(_ folder: String) throws(StoreError) {
    guard FileManager.default.fileExists(atPath: folder) else { return }
    do { try FileManager.default.removeItem(atPath: folder) } catch {
      throw StoreError(
        code: .unwritable, detail: "\(folder) cannot be removed: check its permissions.")
    }
  }
}
