public import Domain

extension GitWorkspace {
  /// File by file with our own patches, since git's merge asks the repository's attributes for
  /// drivers, and three-way merging needs no common history beyond the commit that the change was
  /// made on.
  public func rebase(
    _ commit: String, onto head: String
  ) async throws(WorkspaceError) -> String? {
    try checkOpen()
    guard let planned = made[commit] else {
      throw WorkspaceError(code: .failed, detail: "only a commit of this checkout is rebased.")
    }
    guard CheckoutGit.isObjectName(head) else {
      throw WorkspaceError(
        code: .notFound, detail: "a commit is named by all its hexadecimal digits.")
    }
    if head == planned.parent { return commit }
    try await hold(head)
    var changes: [SourcePath: [UInt8]?] = [:]
    for (path, new) in planned.changes {
      let base = try await entry(path, at: planned.parent)
      let theirs = try await entry(path, at: head)
      let outcome = try await merge(new, path, base: base, theirs: theirs)
      switch outcome {
      case .conflict: return nil
      case .alreadyThere: break
      case .change(let bytes): changes[path] = .some(bytes)
      }
    }
    guard !changes.isEmpty else { return nil }
    return try await self.commit(
      MadeCommit(
        parent: head, changes: changes, message: planned.message, author: planned.author))
  }

  private enum Merge {
    case change([UInt8]?)
    case alreadyThere
    case conflict
  }

  private func merge(
    _ new: [UInt8]?, _ path: SourcePath, base: TreeEntry?, theirs: TreeEntry?
  ) async throws(WorkspaceError) -> Merge {
    if let theirs, !theirs.isFile { return .conflict }
    if base?.object == theirs?.object {
      // Their folder may stand where a file of ours is to be, which `commit` refuses.
      return .change(new)
    }
    guard let theirs else { return new == nil ? .alreadyThere : .conflict }
    let other = try await content(of: theirs)
    if let new, other == new { return .alreadyThere }
    guard let new, let base else { return .conflict }
    let old = try await content(of: base)
    guard !old.contains(0), !new.contains(0), !other.contains(0),
      let diff = FileDiff.comparing(old: old, new: new, path: path)
    else { return .conflict }
    do throws(PatchConflict) {
      return .change(try diff.applied(to: other).bytes)
    } catch { return .conflict }
  }

  /// Sees to it that a commit's folders are in the store.
  private func hold(_ commit: String) async throws(WorkspaceError) {
    let known = try await store.git.run(
      store.git.local(["cat-file", "-e", "\(commit)^{tree}"]))
    if known.succeeded { return }
    guard try await store.fetch(commit: commit, withFiles: false) == commit else {
      throw WorkspaceError(code: .notFound, detail: "the commit \(commit.prefix(12)) is not there.")
    }
  }

  /// What stands at a path of any commit in the store.
  private func entry(
    _ path: SourcePath, at commit: String
  ) async throws(WorkspaceError) -> TreeEntry? {
    var tree = commit
    for (index, part) in path.parts.enumerated() {
      let found = try await store.folder(tree).first { $0.path.bytes == Array(part) }
      guard var found else { return nil }
      if index == path.parts.count - 1 {
        found.path = path
        return found
      }
      guard found.isFolder else { return nil }
      tree = found.object
    }
    return nil
  }
}
