public import Domain
import Foundation

/// The rounds of a loop as commits of a folder's repository, by a git that runs nothing which the
/// repository names. One of these writes at a time.
public actor GitHistory: CodeHistory {
  /// Who stands as author and committer.
  static let author = (name: "Stet", email: "stet@localhost")
  private static let trailers = (run: "Stet-Run", verdict: "Stet-Verdict", round: "Stet-Round")
  /// Of all commits the rounds: with our trailer, and by us. A person's commit may quote a round's
  /// message, as one does that squashes several.
  private static let rounds = [
    "--no-mailmap", "--basic-regexp", "--author=^\(author.name) <\(author.email)>$",
    "--grep=^\(trailers.run): ",
  ]
  private static let quiet = [
    "-c", "gc.auto=0", "-c", "maintenance.auto=false", "-c", "log.showSignature=false",
    "-c", "commit.gpgSign=false",
  ]

  private let folder: String
  private let environment: [String: String]
  private var opened: HardenedGit?
  /// What this object wrote last, by path: only that may be written over.
  private var written: [String: [UInt8]] = [:]

  /// - Parameters:
  ///   - folder: absolute, or relative to this process's own; made with the first round.
  ///   - environment: the caller's, for `PATH`, `HOME` and git's own settings.
  public init(folder: String, environment: [String: String]) {
    self.folder = folder
    self.environment = environment
  }

  // MARK: Rounds

  public func check(_ files: [SandboxFile]) async throws(HistoryError) {
    let git = try await git(making: true)
    for file in files { try await check(file.path, becoming: file.bytes, git) }
  }

  public func record(_ round: HistoryRound) async throws(HistoryError) -> String {
    let git = try await git(making: true)
    for file in round.files { try await check(file.path, becoming: file.bytes, git) }
    let place = HistoryFolder(root: git.folder)
    for file in round.files {
      try place.write(file.bytes, to: file.path)
      written[file.path] = file.bytes
    }
    let message = Self.message(
      round.subject, round.body,
      [
        (Self.trailers.run, round.run), (Self.trailers.verdict, round.verdict.rawValue),
        (Self.trailers.round, "\(round.number)"),
      ])
    return try await commit(round.files.map(\.path), message, git)
  }

  private func check(
    _ path: String, becoming bytes: [UInt8], _ git: HardenedGit
  ) async throws(HistoryError) {
    let place = HistoryFolder(root: git.folder)
    guard let standing = try place.read(path) else { return }
    if standing == bytes || standing == written[path] { return }
    guard try await state(of: [path], git).isEmpty else {
      throw HistoryError(
        code: .conflict,
        detail: "\(shown(path)) in \(folder) holds changes that are committed nowhere; commit or "
          + "move it, or name another folder.")
    }
  }

  /// What `git status` says of the paths, untracked and ignored ones too; empty where all are clean.
  private func state(of paths: [String], _ git: HardenedGit) async throws(HistoryError) -> String {
    try await text(
      [
        "status", "--porcelain=v1", "-z", "--untracked-files=all", "--ignored=matching",
        "--ignore-submodules=all", "--no-renames", "--",
      ] + paths, "looking for changes", git)
  }

  private func commit(
    _ paths: [String], _ message: String, _ git: HardenedGit
  ) async throws(HistoryError) -> String {
    _ = try await text(["add", "--all", "--force", "--"] + paths, "adding the round's files", git)
    _ = try await text(
      [
        "commit", "--quiet", "--only", "--allow-empty", "--no-verify", "--no-gpg-sign",
        "--no-status", "--cleanup=verbatim", "--file=-", "--",
      ] + paths, "committing the round", git, input: Array(message.utf8))
    return try await text(["rev-parse", "--verify", "HEAD"], "reading the new commit", git)
  }

  private static func message(
    _ subject: String, _ body: String, _ trailers: [(String, String)]
  ) -> String {
    // A line of the body must not pass for a trailer of ours.
    let lines = body.split(separator: "\n", omittingEmptySubsequences: false).map {
      $0.hasPrefix("Stet-") ? " " + $0 : String($0)
    }
    let line = subject.split(whereSeparator: \.isNewline).joined(separator: " ")
    let parts = [line.isEmpty ? "Round" : line, lines.joined(separator: "\n")]
      .filter { !$0.isEmpty }
    return parts.joined(separator: "\n\n") + "\n\n"
      + trailers.map { "\($0): \($1)\n" }.joined()
  }

  // MARK: Looking back

  public func entries(limit: Int) async throws(HistoryError) -> [HistoryEntry] {
    let git = try await git(making: false)
    return try await entries(limit: limit, git)
  }

  private func entries(limit: Int, _ git: HardenedGit) async throws(HistoryError) -> [HistoryEntry]
  {
    guard try await find("HEAD", git) != nil else { return [] }
    let listed = try await text(
      [
        // Sparse, because a round that changed nothing is one, too.
        "log", "-z", "-n", "\(limit)", "--sparse", "--no-color", "--no-decorate",
      ] + Self.rounds + ["--format=%H%x1f%ct%x1f%s%x1f%b", "--", "."], "reading the history", git)
    return listed.split(separator: "\0").compactMap { Self.entry(String($0)) }
  }

  private static func entry(_ text: String) -> HistoryEntry? {
    let parts = text.split(
      separator: "\u{1F}", maxSplits: 3, omittingEmptySubsequences: false
    ).map(String.init)
    guard parts.count == 4, let time = Double(parts[1]) else { return nil }
    func trailer(_ name: String) -> String? {
      parts[3].split(separator: "\n").last { $0.hasPrefix(name + ": ") }
        .map { String($0.dropFirst(name.count + 2)) }
    }
    return HistoryEntry(
      commit: parts[0], at: Date(timeIntervalSince1970: time), subject: parts[2],
      verdict: trailer(trailers.verdict), run: trailer(trailers.run),
      round: trailer(trailers.round).flatMap(Int.init))
  }

  public func difference(from: String, to: String) async throws(HistoryError) -> [UInt8] {
    let git = try await git(making: false)
    let first = try await named(from, git)
    let second = try await named(to, git)
    return try await output(
      [
        "diff", "--patch", "--no-ext-diff", "--no-textconv", "--no-color", "--full-index",
        "--src-prefix=a/", "--dst-prefix=b/", "-M", "--ignore-submodules=dirty",
        "--submodule=short", "--relative", first, second, "--", ".",
      ], "comparing the rounds", git)
  }

  public func rollBack(to commit: String) async throws(HistoryError) -> HistoryEntry {
    let git = try await git(making: false)
    let target = try await named(commit, git)
    let paths = try await recordedPaths(git)
    guard !paths.isEmpty else {
      throw HistoryError(code: .unknown, detail: "\(folder) has no rounds to go back to.")
    }
    guard try await state(of: paths, git).isEmpty else {
      throw HistoryError(
        code: .conflict,
        detail: "files of the rounds in \(folder) hold changes that are committed nowhere; commit "
          + "or undo them first.")
    }
    let listed = try await text(
      ["ls-tree", "-r", "-z", "--name-only", target, "--"] + paths, "reading the commit", git)
    let kept = Set(listed.split(separator: "\0").map(String.init))
    let place = HistoryFolder(root: git.folder)
    for path in paths {
      if kept.contains(path) {
        let bytes = try await output(
          ["cat-file", "blob", "\(target):./\(path)"], "reading \(shown(path))", git)
        try place.write(bytes, to: path)
        written[path] = bytes
      } else {
        try place.remove(path)
      }
    }
    // A path that is neither here nor there has nothing to add or to commit.
    let tracked = try await text(["ls-files", "-z", "--"] + paths, "reading the index", git)
    let known = Set(tracked.split(separator: "\0").map(String.init)).union(kept)
    let entry = try await entries(limit: 1_000, git).first { $0.commit == target }
    let message = Self.message(
      "Roll back to \(target.prefix(12))", entry.map { "That was: \($0.subject)" } ?? "",
      [(Self.trailers.run, entry?.run ?? "none"), (Self.trailers.round, "0")])
    let made = try await self.commit(paths.filter(known.contains), message, git)
    return try await entries(limit: 1, git).first
      ?? HistoryEntry(
        commit: made, at: Date(), subject: "Roll back", verdict: nil, run: nil, round: 0)
  }

  /// Every file that a round has written, beneath the folder.
  private func recordedPaths(_ git: HardenedGit) async throws(HistoryError) -> [String] {
    guard try await find("HEAD", git) != nil else { return [] }
    let listed = try await text(
      [
        "log", "-z", "--no-color", "--no-decorate", "--no-renames", "--name-only", "--relative",
      ] + Self.rounds + ["--format=", "--", "."], "reading the history", git)
    return Set(listed.split(whereSeparator: { $0 == "\0" || $0 == "\n" }).map(String.init))
      .sorted()
  }

  // MARK: Git

  private func git(making: Bool) async throws(HistoryError) -> HardenedGit {
    if let opened { return opened }
    if making {
      do {
        try FileManager.default.createDirectory(
          atPath: folder, withIntermediateDirectories: true)
      } catch {
        throw HistoryError(
          code: .unavailable,
          detail: "the folder \(folder) cannot be made; check the path and its permissions.")
      }
    }
    guard let real = Isolation.realPath(folder) else {
      throw HistoryError(code: .unknown, detail: "there is no folder \(folder).")
    }
    var git = HardenedGit(folder: real, environment: environment, runner: CommandRunner())
    do throws(GitError) {
      do throws(GitError) {
        try await Self.expectInside(real, git)
      } catch  where error.code == .notARepository && making {
        _ = try await git.line(
          ["init", "--quiet", "--template=", "--initial-branch=main"], doing: "making a repository")
      }
      _ = try await git.disarm()
    } catch {
      guard error.code == .notARepository else { throw Self.told(error) }
      throw HistoryError(
        code: .unavailable,
        detail: "\(folder) is not inside a git repository, so there are no rounds in it; "
          + "`stet generate --into` makes both.")
    }
    opened = git
    return git
  }

  /// `core.worktree` could name a folder of the user's that has nothing to do with this one.
  private static func expectInside(_ folder: String, _ git: HardenedGit) async throws(GitError) {
    let named = try await git.line(["rev-parse", "--show-toplevel"], doing: "finding its top")
    guard let top = Isolation.realPath(named), folder == top || folder.hasPrefix(top + "/") else {
      throw GitError(
        code: .failed,
        detail: "the repository at \(folder) says that its working folder is elsewhere.")
    }
  }

  private func named(_ revision: String, _ git: HardenedGit) async throws(HistoryError) -> String {
    guard let found = try await find(revision, git) else {
      throw HistoryError(
        code: .unknown,
        detail: "git knows no commit '\(GitError.firstLine(revision))' in \(folder); "
          + "`stet history` lists them.")
    }
    return found
  }

  private func find(_ revision: String, _ git: HardenedGit) async throws(HistoryError) -> String? {
    guard !revision.hasPrefix("-"), !revision.utf8.contains(0), !revision.isEmpty else {
      return nil
    }
    do throws(GitError) {
      let result = try await git.run(
        ["rev-parse", "--verify", "--quiet", revision + "^{commit}"])
      guard result.succeeded else { return nil }
      return String(decoding: result.output, as: UTF8.self)
        .split(whereSeparator: \.isWhitespace).first.map(String.init)
    } catch {
      throw Self.told(error)
    }
  }

  private func text(
    _ arguments: [String], _ doing: String, _ git: HardenedGit, input: [UInt8] = []
  ) async throws(HistoryError) -> String {
    var bytes = try await output(arguments, doing, git, input: input)
    if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
    return String(decoding: bytes, as: UTF8.self)
  }

  private func output(
    _ arguments: [String], _ doing: String, _ git: HardenedGit, input: [UInt8] = []
  ) async throws(HistoryError) -> [UInt8] {
    var command = git.command(Self.quiet + arguments)
    command.input = input
    for role in ["AUTHOR", "COMMITTER"] {
      command.environment["GIT_\(role)_NAME"] = Self.author.name
      command.environment["GIT_\(role)_EMAIL"] = Self.author.email
    }
    let result: CommandResult
    do throws(GitError) { result = try await git.run(command) } catch { throw Self.told(error) }
    guard result.succeeded else {
      if result.errorText.contains("during a merge") || result.errorText.contains("unmerged") {
        throw HistoryError(
          code: .conflict,
          detail: "the repository of \(folder) is in the middle of a merge; end it first.")
      }
      throw Self.told(GitError(result, doing: doing, folder: folder))
    }
    return result.output
  }

  private func shown(_ path: String) -> String {
    Defanged.forTerminal(path, oneLine: true, limit: 200)
  }

  private static func told(_ error: GitError) -> HistoryError {
    let code: HistoryError.Code =
      switch error.code {
      case .noGit, .notTrusted, .notARepository: .unavailable
      case .noCommits, .badRange: .unknown
      case .tooLarge, .timedOut, .failed: .failed
      }
    return HistoryError(code: code, detail: error.detail)
  }
}
