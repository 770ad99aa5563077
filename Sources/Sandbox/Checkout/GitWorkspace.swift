import Dispatch
public import Domain
import Foundation
import Logging

/// One commit of a repository in a bare store of our own, without a working tree.
///
/// `git checkout` would ask the commit's attributes what to do with each file, and a working tree
/// could hold links that lead git out of it. So files are read as objects, commits are put together
/// from objects, and where a command is to run the files are written out by `TreeWriter`.
public actor GitWorkspace: Workspace {
  public nonisolated let head: String
  let store: CheckoutStore
  let place: CheckoutFolder
  let only: [SourcePath]?
  let run: SandboxFolderRun?
  let logger: Logger
  /// What was committed here, by the commit's name.
  var made: [String: MadeCommit] = [:]
  private let objects: GitObjects
  /// Of `head`: every file, link and submodule by its path.
  private let entries: [SourcePath: TreeEntry]
  /// Bytes of the contents that are here, by object.
  private var sizes: [String: Int]
  private var runs = 0
  private var isClosed = false
  /// Writing many files blocks, and the cooperative pool has a thread per core only.
  let queue = DispatchQueue(label: "stet.checkout")

  struct MadeCommit: Sendable {
    var parent: String
    var changes: [SourcePath: [UInt8]?]
    var message: String
    var author: CommitAuthor
  }

  init(
    head: String, store: CheckoutStore, place: CheckoutFolder, only: [SourcePath]?,
    run: SandboxFolderRun?, logger: Logger
  ) async throws(WorkspaceError) {
    let listed = try await store.listing(of: head)
    let wanted = only.map { roots in listed.filter { $0.path.isWithin(roots) } } ?? listed
    var sizes = try await store.sizes()
    if only != nil {
      let missing = Set(
        wanted.filter { $0.type == "blob" && sizes[$0.object] == nil }.map(\.object))
      try await store.fetch(objects: missing.sorted())
      sizes = try await store.sizes()
    }
    // A pack of some kilobytes can hold files of gigabytes.
    let total = wanted.reduce(0) { sum, entry in
      let (next, isOver) = sum.addingReportingOverflow(sizes[entry.object] ?? 0)
      return isOver ? Int.max / 2 : next
    }
    guard total <= store.limits.tree.value else {
      throw WorkspaceError(
        code: .tooLarge,
        detail: "the commit's files are \(total >> 20) MiB, over the limit of "
          + "\(store.limits.tree.value >> 20) MiB: name the paths that are needed.")
    }
    self.head = head
    self.store = store
    self.place = place
    self.only = only
    self.run = run
    self.logger = logger
    self.sizes = sizes
    entries = Dictionary(listed.map { ($0.path, $0) }) { first, _ in first }
    objects = GitObjects(
      store.git.local(["cat-file", "--batch"]), folder: "the checkout")
  }

  public func file(_ path: SourcePath) async throws(WorkspaceError) -> [UInt8]? {
    try checkOpen()
    guard path.isSafe, let entry = entries[path], entry.isFile else { return nil }
    let bytes = try await content(of: entry)
    return Self.isLFSPointer(bytes) ? nil : bytes
  }

  /// Reads a file's content, fetching it where a filter has left it out.
  func content(of entry: TreeEntry) async throws(WorkspaceError) -> [UInt8] {
    if sizes[entry.object] == nil {
      // Of the whole commit only what is over the limit was left out.
      if only == nil, entries[entry.path]?.object == entry.object {
        throw WorkspaceError(
          code: .tooLarge,
          detail: "\(Self.shown(entry.path)) is over the limit of "
            + "\(store.limits.file.value) bytes.")
      }
      try await store.fetch(objects: [entry.object])
      sizes = try await store.sizes()
    }
    guard let size = sizes[entry.object] else {
      throw WorkspaceError(
        code: .notFound, detail: "the server did not send the content of \(Self.shown(entry.path))."
      )
    }
    guard size <= store.limits.file.value else {
      throw WorkspaceError(
        code: .tooLarge,
        detail: "\(Self.shown(entry.path)) has \(size) bytes, over the limit of "
          + "\(store.limits.file.value).")
    }
    do throws(GitError) {
      guard let bytes = try await objects.read(Array(entry.object.utf8), limit: size) else {
        throw GitError(code: .failed, detail: "it is no file")
      }
      return bytes
    } catch {
      throw WorkspaceError(
        code: .failed, detail: "\(Self.shown(entry.path)) could not be read: \(error.detail)")
    }
  }

  /// Git LFS keeps such a text in the place of the file.
  /// Source: git-lfs/docs/spec.md, "The Pointer".
  static func isLFSPointer(_ bytes: [UInt8]) -> Bool {
    bytes.count < 1_024
      && (bytes.starts(with: "version https://git-lfs.github.com/spec/".utf8)
        || bytes.starts(with: "version https://hawser.github.com/spec/".utf8))
  }

  /// A path in a sentence: of a hostile repository, so without control characters and not endless.
  static func shown(_ path: SourcePath) -> String { GitError.firstLine(path.description) }

  public func close() async {
    isClosed = true
    await place.remove()
  }

  func checkOpen() throws(WorkspaceError) {
    if isClosed { throw WorkspaceError(code: .failed, detail: "the checkout was closed.") }
  }

  // MARK: for the parts of it in other files

  /// What a command's copy holds: files and links of `head`, those of `only` where it is given.
  var copied: [TreeEntry] {
    let all = entries.values.filter { only.map($0.path.isWithin) ?? true }
    return all.sorted { $0.path < $1.path }
  }

  func entry(_ path: SourcePath) -> TreeEntry? { entries[path] }
  func noteSize(_ size: Int, of object: String) { sizes[object] = size }
  func size(of entry: TreeEntry) -> Int? { sizes[entry.object] }

  func nextRun() -> String {
    runs += 1
    return "\(place.path)/run-\(runs)"
  }
}
