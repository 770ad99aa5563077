import Dispatch
import Domain
import Foundation

/// The objects that were fetched of one repository, bare and without its history.
struct CheckoutStore: Sendable {
  let git: CheckoutGit
  let branch: String
  let limits: CheckoutLimits

  /// Where the branch was when it was last fetched.
  static let branchReference = "refs/stet/branch"
  private static let commitReference = "refs/stet/commit"

  func begin(sha256: Bool) async throws(WorkspaceError) {
    var arguments = ["init", "--quiet", "--bare", "--template="]
    if sha256 { arguments.append("--object-format=sha256") }
    _ = try await git.output(arguments + [git.store], doing: "making its store")
  }

  /// Fetches one commit without what it stands on.
  /// - Parameters:
  ///   - commit: `nil`: where the branch stands.
  ///   - withFiles: the contents too, but for files over the limit.
  /// - Returns: its name; `nil` where there is no such branch.
  func fetch(commit: String? = nil, withFiles: Bool) async throws(WorkspaceError) -> String? {
    let reference = commit == nil ? Self.branchReference : Self.commitReference
    let source = commit ?? "refs/heads/\(branch)"
    let filter = withFiles ? "blob:limit=\(limits.file.value)" : "blob:none"
    let result = try await bounded([
      "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance",
      "--recurse-submodules=no", "--depth=1", "--force", "--filter=\(filter)",
      CheckoutGit.remoteName, "+\(source):\(reference)",
    ])
    guard result.succeeded else {
      if commit == nil, result.errorText.lowercased().contains("couldn't find remote ref") {
        try await checkThatBranchesAreListed()
        return nil
      }
      throw WorkspaceError(result, doing: "fetching \(commit ?? branch)")
    }
    return try await git.name(
      ["rev-parse", "--verify", "\(reference)^{commit}"], doing: "reading what was fetched")
  }

  /// git takes some pages in HTML for a listing without branches, and a branch that is not seen for
  /// that reason was not deleted.
  private func checkThatBranchesAreListed() async throws(WorkspaceError) {
    let result = try await git.run(
      git.remote(["ls-remote", "--heads", CheckoutGit.remoteName], time: limits.time))
    guard result.succeeded else {
      throw WorkspaceError(result, doing: "listing the branches")
    }
    guard !result.output.isEmpty else {
      throw WorkspaceError(
        code: .notFound,
        detail: "no branch at all is listed there: the repository is empty, or the address is not "
          + "that of a git server.")
    }
  }

  /// Fetches contents that are not here. - Parameter objects: without doubles.
  func fetch(objects: [String]) async throws(WorkspaceError) {
    guard !objects.isEmpty else { return }
    let result = try await bounded(
      [
        "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance",
        "--recurse-submodules=no", "--filter=blob:none", "--stdin", CheckoutGit.remoteName,
      ], input: Array((objects.joined(separator: "\n") + "\n").utf8))
    guard result.succeeded else {
      throw WorkspaceError(result, doing: "fetching \(objects.count) files")
    }
  }

  /// A fetch that is ended when the store has grown over its limit.
  private func bounded(
    _ arguments: [String], input: [UInt8] = []
  ) async throws(WorkspaceError) -> CommandResult {
    let command = git.remote(arguments, input: input, time: limits.time)
    let before = Self.size(of: git.store)
    let outcome = await withTaskGroup(of: Result<CommandResult, WorkspaceError>?.self) { group in
      group.addTask {
        do throws(WorkspaceError) { return .success(try await git.run(command)) } catch {
          return .failure(error)
        }
      }
      group.addTask {
        while !Task.isCancelled {
          try? await Task.sleep(for: .milliseconds(100))
          if Self.size(of: git.store) > limits.download.value { return .failure(tooLarge) }
        }
        return nil
      }
      var first: Result<CommandResult, WorkspaceError>?
      while let next = await group.next() {
        if first == nil { first = next }
        group.cancelAll()
      }
      return first
    }
    let size = Self.size(of: git.store)
    if size > limits.download.value { throw tooLarge }
    do throws(WorkspaceError) {
      guard let outcome else {
        throw WorkspaceError(code: .cancelled, detail: "the fetch was cancelled.")
      }
      return try outcome.get()
    } catch {
      // It was not silent, only larger than the time allows.
      if error.code == .unreachable, size - before > 1 << 20 {
        throw WorkspaceError(
          code: .tooLarge,
          detail: "the repository could not be fetched within \(limits.time): "
            + "\((size - before) >> 20) MiB came in that time.")
      }
      throw error
    }
  }

  private var tooLarge: WorkspaceError {
    WorkspaceError(
      code: .tooLarge,
      detail: "the commit's files are over the limit of \(limits.download.value >> 20) MiB: name "
        + "the paths that are needed.")
  }

  /// Bytes of the files beneath a folder that git fills: few, and none of them the repository's.
  private static func size(of folder: String) -> Int {
    guard
      let found = FileManager.default.enumerator(
        at: URL(fileURLWithPath: folder), includingPropertiesForKeys: [.fileSizeKey])
    else { return 0 }
    var sum = 0
    for case let file as URL in found {
      sum += (try? file.resourceValues(forKeys: [.fileSizeKey]).fileSize) ?? 0
    }
    return sum
  }

  // MARK: what is there

  /// Every file of a commit, however deep.
  func listing(of commit: String) async throws(WorkspaceError) -> [TreeEntry] {
    let output = try await git.output(
      ["ls-tree", "-r", "-z", "--full-tree", commit], outputLimit: .mebibytes(128),
      doing: "listing the commit's files")
    let entries = try TreeEntry.parse(output)
    guard entries.count <= limits.files else {
      throw WorkspaceError(
        code: .tooLarge,
        detail: "the commit has \(entries.count) files, over the limit of \(limits.files).")
    }
    return entries
  }

  /// What stands in one folder; the whole commit's top where `tree` is a commit.
  func folder(_ tree: String) async throws(WorkspaceError) -> [TreeEntry] {
    try TreeEntry.parse(
      try await git.output(
        ["ls-tree", "-z", "--full-tree", tree], doing: "listing a folder of the commit"))
  }

  /// Bytes of each file's content that is here, by object.
  func sizes() async throws(WorkspaceError) -> [String: Int] {
    let output = try await git.output(
      [
        "cat-file", "--batch-all-objects", "--unordered",
        "--batch-check=%(objectname) %(objecttype) %(objectsize)",
      ], outputLimit: .mebibytes(128), doing: "measuring the commit's files")
    var sizes: [String: Int] = [:]
    for line in output.split(separator: UInt8(ascii: "\n")) {
      let words = line.split(separator: UInt8(ascii: " "))
      guard words.count == 3, words[1].elementsEqual("blob".utf8) else { continue }
      sizes[String(decoding: words[0], as: UTF8.self)] = Int(
        String(decoding: words[2], as: UTF8.self))
    }
    return sizes
  }
}
