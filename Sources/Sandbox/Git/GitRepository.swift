import Dispatch
public import Domain
import Foundation

/// A state of a repository whose files can be read.
public enum GitEndpoint: Sendable, Hashable {
  /// A commit, or the empty tree before the first one, by its full object name.
  case commit(String)
  /// The files as they lie in the working folder.
  case workingTree
}

/// What a review compares.
public struct GitRange: Sendable, Hashable {
  public var base: GitEndpoint
  public var head: GitEndpoint
  /// In words a person would use, such as `main...HEAD`.
  public var title: String

  public init(base: GitEndpoint, head: GitEndpoint, title: String) {
    self.base = base
    self.head = head
    self.title = title
  }
}

/// The user's own working folder, read with a git that runs nothing the checkout names: no hook,
/// filter, text converter, external diff, file-system monitor, pager, helper or transport.
///
/// Its own processes are the only thing that is started. Tested with canaries in `GitCanaryTests`.
public final class GitRepository: Sendable {
  /// The top of the working folder, an absolute path without links.
  public let root: String
  let git: HardenedGit
  let settings: [String: String]
  private let objects: GitObjects
  private let files: WorkingTree
  /// Reading a file can block, and the cooperative pool has a thread per core only.
  private let queue = DispatchQueue(label: "stet.working-tree")

  /// Finds the repository that holds a folder.
  /// - Parameter environment: the caller's; only `PATH`, `HOME` and git's own settings that do not
  ///   name a repository are passed on.
  public convenience init(
    at folder: String, environment: [String: String]
  ) async throws(GitError) {
    guard let real = Self.realPath(folder) else {
      throw GitError(code: .notARepository, detail: "there is no folder \(folder).")
    }
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: real, isDirectory: &isFolder), isFolder.boolValue
    else {
      throw GitError(code: .notARepository, detail: "\(folder) is a file; name a folder.")
    }
    var git = HardenedGit(folder: real, environment: environment, runner: CommandRunner())
    let root = try await git.line(["rev-parse", "--show-toplevel"], doing: "finding its top")
    // `core.worktree` could name a folder of the user's that has nothing to do with this one.
    guard let top = Self.realPath(root), real == top || real.hasPrefix(top == "/" ? "/" : top + "/")
    else {
      throw GitError(
        code: .notARepository,
        detail: "the repository at \(real) says that its working folder is elsewhere, at \(root); "
          + "go there to review it.")
    }
    git.folder = top
    let settings = try await git.disarm()
    self.init(root: top, git: git, settings: settings)
  }

  private init(root: String, git: HardenedGit, settings: [String: String]) {
    self.root = root
    self.git = git
    self.settings = settings
    objects = GitObjects(git)
    files = WorkingTree(root: root)
  }

  /// Such as `2.39.5`, for `stet doctor`.
  public static func version(environment: [String: String]) async throws(GitError) -> String {
    let git = HardenedGit(folder: "/", environment: environment, runner: CommandRunner())
    let words = try await git.line(["--version"], doing: "telling its version")
    return words.split(separator: " ").dropFirst(2).first.map(String.init) ?? words
  }

  private static func realPath(_ path: String) -> String? {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  /// The change between two endpoints as git prints it, whatever the user's or the repository's
  /// settings: full object names, `a/` and `b/`, renames found, three lines of context, no
  /// contents of binary files.
  ///
  /// Against the working tree, files that git does not track are no part of it.
  public func diff(
    _ range: GitRange, limit: ByteCount = .mebibytes(256), contextLines: Int = 3
  ) async throws(GitError) -> [UInt8] {
    var arguments = [
      "diff", "--patch", "--no-ext-diff", "--no-textconv", "--no-color", "--color-moved=no",
      "--no-relative", "--full-index", "--src-prefix=a/", "--dst-prefix=b/", "-M", "-l1000",
      "-U\(contextLines)", "--inter-hunk-context=0", "--diff-algorithm=default",
      "--indent-heuristic", "-O/dev/null",
      // Looking into a submodule would run git by that repository's settings.
      "--ignore-submodules=dirty", "--submodule=short",
    ]
    let isLive = range.head == .workingTree
    guard case .commit(let base) = range.base else {
      throw GitError(code: .badRange, detail: "a change cannot begin at the working folder.")
    }
    arguments.append(base)
    if case .commit(let head) = range.head { arguments.append(head) }
    arguments.append("--")
    var command = git.command(arguments)
    command.timeout = .seconds(120)
    command.outputLimit = limit
    let result: CommandResult
    do { result = try await git.run(command) } catch  where error.code == .tooLarge {
      throw GitError(
        code: .tooLarge,
        detail: "the change \(range.title) is over \(limit.value >> 20) MiB; review it in parts "
          + "by naming shorter ranges.")
    }
    guard result.succeeded else {
      throw GitError(result, doing: "comparing \(range.title)", folder: root)
    }
    return isLive ? Self.withoutUnmergedNotes(result.output) : result.output
  }

  /// A file's bytes at an endpoint; of a symbolic link its target's name, as in a diff.
  ///
  /// From the working tree they are the bytes on disk: git's own conversion of line ends, where
  /// one is configured, is not made.
  /// - Returns: `nil` where it is not there, or not a file. A file over `limit` throws `.tooLarge`.
  public func contents(
    _ path: SourcePath, at endpoint: GitEndpoint, limit: ByteCount = .mebibytes(4)
  ) async throws(GitError) -> [UInt8]? {
    guard WorkingTree.isInside(path) else { return nil }
    switch endpoint {
    case .workingTree:
      let entry = await withCheckedContinuation { (reply: CheckedContinuation<_, Never>) in
        queue.async { [files] in reply.resume(returning: files.read(path, limit: limit.value)) }
      }
      switch entry {
      case .bytes(let bytes): return bytes
      case .absent: return nil
      case .tooLarge:
        throw GitError(
          code: .tooLarge, detail: "\(path) is over the limit of \(limit.value) bytes.")
      }
    case .commit(let name):
      let object = Array("\(name):".utf8) + path.bytes
      guard !path.bytes.contains(UInt8(ascii: "\n")) else {
        return try await singly(object, limit: limit)
      }
      return try await objects.read(object, limit: limit.value)
    }
  }

  /// A path with a newline does not fit the line protocol; git 2.38 and later take it after `-z`.
  private func singly(
    _ object: [UInt8], limit: ByteCount
  ) async throws(GitError) -> [UInt8]? {
    var command = git.command(["cat-file", "--batch", "-z"])
    command.input = object + [0]
    command.outputLimit = ByteCount(limit.value + 4096)
    let result = try await git.run(command)
    guard let end = result.output.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
    let words = result.output[..<end].split(separator: UInt8(ascii: " "))
    guard words.count == 3, words[1].elementsEqual("blob".utf8),
      let size = Int(String(decoding: words[2], as: UTF8.self)),
      result.output.count == end + 1 + size + 1
    else { return nil }
    return Array(result.output[(end + 1)...].dropLast())
  }

  /// Files that git neither tracks nor ignores, which no diff shows; at most `limit` of them.
  public func untrackedFiles(limit: Int = 100) async throws(GitError) -> [SourcePath] {
    let result = try await git.run(["ls-files", "--others", "--exclude-standard", "-z"])
    guard result.succeeded else {
      throw GitError(result, doing: "listing untracked files", folder: root)
    }
    return result.output.split(separator: 0).prefix(limit).map { SourcePath(bytes: Array($0)) }
  }

  /// In a merge that has conflicts git names each such file in a line of its own, which is no part
  /// of a diff. No line of a hunk begins with a star, so what begins so is one of them.
  static func withoutUnmergedNotes(_ diff: [UInt8]) -> [UInt8] {
    let star = UInt8(ascii: "*")
    let newline = UInt8(ascii: "\n")
    var stars: [Int] = []
    diff.withUnsafeBufferPointer { bytes in
      for index in bytes.indices where bytes[index] == star {
        if index == 0 || bytes[index - 1] == newline { stars.append(index) }
      }
    }
    guard !stars.isEmpty else { return diff }
    var kept: [UInt8] = []
    kept.reserveCapacity(diff.count)
    var from = 0
    for index in stars where diff[index...].starts(with: "* Unmerged path ".utf8) {
      kept.append(contentsOf: diff[from..<index])
      from = diff[index...].firstIndex(of: newline).map { $0 + 1 } ?? diff.count
    }
    kept.append(contentsOf: diff[from...])
    return kept
  }
}
