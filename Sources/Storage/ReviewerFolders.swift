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

  /// Writes the data of a training, in place of an earlier one's. - Returns: the folder.
  public func write(
    _ files: [String: String], for reviewer: String
  ) throws(StoreError) -> String {
    let folder = path(of: reviewer)
    do {
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
      for (name, text) in files {
        let file = folder + "/" + name
        try? FileManager.default.removeItem(atPath: file)
        guard
          FileManager.default.createFile(
            atPath: file, contents: Data(text.utf8), attributes: [.posixPermissions: 0o600])
        else {
          throw StoreError(code: .unwritable, detail: "\(file) cannot be written.")
        }
      }
      return folder
    } catch let error as StoreError {
      throw error
    } catch {
      throw StoreError(
        code: .unwritable, detail: "\(folder) cannot be made: check its permissions and space.")
    }
  }

  /// Takes the data away again; what the training made stays.
  public func remove(_ names: [String], of reviewer: String) {
    for name in names {
      try? FileManager.default.removeItem(atPath: path(of: reviewer) + "/" + name)
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
