public import Domain
import Foundation

/// Commits are put together from objects, folder by folder along the changed paths. All other
/// entries of the commit stay as they are, hostile ones too: they are never written anywhere.
extension GitWorkspace {
  public func commit(
    _ changes: [SourcePath: [UInt8]?], message: String, author: CommitAuthor
  ) async throws(WorkspaceError) -> String {
    try checkOpen()
    return try await commit(
      MadeCommit(parent: head, changes: changes, message: message, author: author))
  }

  func commit(_ planned: MadeCommit) async throws(WorkspaceError) -> String {
    guard !planned.changes.isEmpty else { throw Self.refused("there is nothing to commit") }
    for path in planned.changes.keys where !path.isSafe {
      throw Self.refused("\(Self.shown(path)) is no path of a repository")
    }
    let before = try await store.git.name(
      ["rev-parse", "--verify", "\(planned.parent)^{tree}"], doing: "reading the commit")
    var root = ChangedFolder()
    for (path, bytes) in planned.changes { root.add(path.parts[...], bytes) }
    guard let tree = try await write(root, over: before, path: []), tree != before else {
      throw Self.refused("the files stand so already")
    }
    let commit = try await store.git.name(
      try commitArguments(planned, tree: tree), input: Self.text(of: planned.message),
      doing: "making the commit", environment: Self.identity(planned.author))
    made[commit] = planned
    return commit
  }

  private func commitArguments(
    _ planned: MadeCommit, tree: String
  ) throws(WorkspaceError) -> [String] {
    for text in [planned.author.name, planned.author.email] {
      let isPlain = text.unicodeScalars.allSatisfy {
        $0.properties.generalCategory != .control && $0 != "<" && $0 != ">"
      }
      guard isPlain, text.contains(where: { $0.isLetter || $0.isNumber }) else {
        throw Self.refused("the author's name or address is empty or holds what git does not take")
      }
    }
    guard planned.message.contains(where: { !$0.isWhitespace }) else {
      throw Self.refused("the message is empty")
    }
    return ["commit-tree", "--no-gpg-sign", tree, "-p", planned.parent, "-F", "-"]
  }

  private static func text(of message: String) -> [UInt8] {
    var bytes = Array(message.utf8).filter { $0 != 0 }
    if bytes.last != UInt8(ascii: "\n") { bytes.append(UInt8(ascii: "\n")) }
    return bytes
  }

  private static func identity(_ author: CommitAuthor) -> [String: String] {
    var all: [String: String] = [:]
    for role in ["AUTHOR", "COMMITTER"] {
      all["GIT_\(role)_NAME"] = author.name
      all["GIT_\(role)_EMAIL"] = author.email
    }
    return all
  }

  /// Changed files beneath one folder.
  private struct ChangedFolder {
    var files: [[UInt8]: [UInt8]?] = [:]
    var folders: [[UInt8]: ChangedFolder] = [:]

    mutating func add(_ parts: ArraySlice<ArraySlice<UInt8>>, _ bytes: [UInt8]?) {
      guard let first = parts.first else { return }
      if parts.count == 1 {
        files[Array(first)] = .some(bytes)
      } else {
        folders[Array(first), default: ChangedFolder()].add(parts.dropFirst(), bytes)
      }
    }
  }

  /// - Parameter tree: what stands there now; `nil` where nothing does.
  /// - Returns: the new tree; `nil` where it would be empty.
  private func write(
    _ changed: ChangedFolder, over tree: String?, path: [UInt8]
  ) async throws(WorkspaceError) -> String? {
    var entries: [TreeEntry] = []
    if let tree { entries = try await store.folder(tree) }
    func whole(_ name: [UInt8]) -> SourcePath { SourcePath(bytes: path + name) }
    for (name, bytes) in changed.files.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
      let index = entries.firstIndex { $0.path.bytes == name }
      if let index, !entries[index].isFile {
        throw Self.refused("\(Self.shown(whole(name))) is no regular file in the commit")
      }
      guard let bytes else {
        if let index { entries.remove(at: index) }
        continue
      }
      if let index, !Self.isLFSPointer(bytes),
        try await isLFSPointer(entries[index], at: whole(name))
      {
        throw Self.refused("\(Self.shown(whole(name))) is kept by Git LFS")
      }
      let object = try await store.git.name(
        ["hash-object", "-w", "--no-filters", "--stdin"], input: bytes, doing: "storing a file")
      noteSize(bytes.count, of: object)
      if let index {
        entries[index].object = object
      } else {
        try Self.checkNew(name, among: entries, whole(name))
        entries.append(
          TreeEntry(
            mode: .regular, type: "blob", object: object, path: SourcePath(bytes: name)))
      }
    }
    for (name, inner) in changed.folders {
      let index = entries.firstIndex { $0.path.bytes == name }
      if let index, !entries[index].isFolder {
        throw Self.refused("\(Self.shown(whole(name))) is no folder in the commit")
      }
      if index == nil { try Self.checkNew(name, among: entries, whole(name)) }
      let below = try await write(
        inner, over: index.map { entries[$0].object }, path: path + name + [UInt8(ascii: "/")])
      switch (index, below) {
      case (let index?, let below?): entries[index].object = below
      case (let index?, nil): entries.remove(at: index)
      case (nil, let below?):
        entries.append(
          TreeEntry(
            mode: FileMode(raw: 0o040000), type: "tree", object: below,
            path: SourcePath(bytes: name)))
      case (nil, nil): break
      }
    }
    guard !entries.isEmpty || path.isEmpty else { return nil }
    var lines: [UInt8] = []
    for entry in entries {
      lines += Array("\(entry.mode) \(entry.type) \(entry.object)\t".utf8)
      lines += entry.path.bytes + [0]
    }
    return try await store.git.name(
      ["mktree", "-z", "--missing"], input: lines, doing: "storing a folder")
  }

  private func isLFSPointer(
    _ entry: TreeEntry, at path: SourcePath
  ) async throws(WorkspaceError) -> Bool {
    var entry = entry
    entry.path = path
    do throws(WorkspaceError) {
      return Self.isLFSPointer(try await content(of: entry))
    } catch {
      if error.code == .tooLarge { return false }
      throw error
    }
  }

  /// On a file system that does not tell cases apart one of the two would hide the other.
  private static func checkNew(
    _ name: [UInt8], among entries: [TreeEntry], _ path: SourcePath
  ) throws(WorkspaceError) {
    let folded = SourcePath(bytes: name).folded
    if entries.contains(where: { $0.path.folded == folded }) {
      throw refused("\(shown(path)) differs from another name in upper and lower case alone")
    }
  }

  static func refused(_ why: String) -> WorkspaceError {
    WorkspaceError(code: .failed, detail: "the commit was not made: \(why).")
  }
}
