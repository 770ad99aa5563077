public import Domain
import Foundation
import Synchronization

/// What others do in the repositories.
extension GitHTTPServer {
  /// A regular file unless its mode says otherwise.
  public struct File: Sendable {
    public enum Mode: String, Sendable {
      case regular = "100644"
      case executable = "100755"
      /// The bytes are where it leads.
      case link = "120000"
      /// The bytes are a commit's name in hexadecimal digits.
      case submodule = "160000"
    }

    public var bytes: [UInt8]
    public var mode: Mode

    public init(_ bytes: [UInt8], _ mode: Mode = .regular) {
      self.bytes = bytes
      self.mode = mode
    }
  }

  /// Makes an empty repository and a first commit in it. - Returns: its name.
  @discardableResult
  public func add(
    _ repository: RepositoryName, files: [String: [UInt8]] = [:], branch: String = "main"
  ) async throws -> String {
    let path = path(of: repository)
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    _ = try await GitProgram.output(
      ["init", "--quiet", "--bare", "-b", branch, "--template=", "."], in: path)
    for (name, value) in [
      ("http.receivepack", "true"), ("uploadpack.allowFilter", "true"),
      ("uploadpack.allowAnySHA1InWant", "true"), ("receive.autogc", "false"), ("gc.auto", "0"),
      ("receive.denyDeletes", "false"),
    ] { _ = try await GitProgram.output(["config", name, value], in: path) }
    return try await commit(
      files.mapValues { Optional($0) }, to: branch, in: repository, message: "First")
  }

  /// Commits to a branch, which is made from the repository's `HEAD` where there is none.
  /// - Parameters:
  ///   - files: contents by path; `nil` deletes.
  ///   - parent: to commit on, as after a force-push; `nil`: where the branch stands.
  /// - Returns: the commit's name.
  @discardableResult
  public func commit(
    _ files: [String: [UInt8]?], to branch: String, in repository: RepositoryName,
    onTopOf parent: String? = nil, message: String = "Change"
  ) async throws -> String {
    try await commit(
      entries: files.mapValues { $0.map { File($0) } }, to: branch, in: repository,
      onTopOf: parent, message: message)
  }

  @discardableResult
  public func commit(
    entries: [String: File?], to branch: String, in repository: RepositoryName,
    onTopOf parent: String? = nil, message: String = "Change"
  ) async throws -> String {
    let path = path(of: repository)
    var from = parent
    if from == nil { from = try await branches(in: repository)[branch] }
    if from == nil {
      let head = try await GitProgram.run(["rev-parse", "--verify", "-q", "HEAD"], in: path)
      if head.status == 0 {
        from = String(decoding: head.output, as: UTF8.self)
          .trimmingCharacters(in: .whitespacesAndNewlines)
      }
    }
    // Source: git-fast-import(1).
    let time = Int(Date().timeIntervalSince1970)
    var stream = Array("commit refs/heads/\(branch)\n".utf8)
    stream += Array("committer Ada <ada@example.org> \(time) +0000\n".utf8)
    stream += Array("data \(message.utf8.count)\n\(message)\n".utf8)
    if let from { stream += Array("from \(from)\n".utf8) }
    for (name, file) in entries.sorted(by: { $0.key < $1.key }) {
      guard let file else {
        stream += Array("D \(Self.quoted(name))\n".utf8)
        continue
      }
      if file.mode == .submodule {
        let target = String(decoding: file.bytes, as: UTF8.self)
        stream += Array("M 160000 \(target) \(Self.quoted(name))\n".utf8)
        continue
      }
      stream += Array("M \(file.mode.rawValue) inline \(Self.quoted(name))\n".utf8)
      stream += Array("data \(file.bytes.count)\n".utf8) + file.bytes + [10]
    }
    _ = try await GitProgram.output(
      ["fast-import", "--quiet", "--force", "--date-format=raw"], in: path, input: stream)
    let commit = try await GitProgram.text(["rev-parse", "refs/heads/\(branch)"], in: path)
    await pushed(to: repository)
    return commit
  }

  private static func quoted(_ path: String) -> String {
    let escaped = path.replacingOccurrences(of: "\\", with: "\\\\")
      .replacingOccurrences(of: "\"", with: "\\\"").replacingOccurrences(of: "\n", with: "\\n")
    return "\"\(escaped)\""
  }

  /// Commits by branch.
  public func branches(in repository: RepositoryName) async throws -> [String: String] {
    let listed = try await GitProgram.text(
      ["for-each-ref", "--format=%(objectname) %(refname)", "refs/heads"],
      in: path(of: repository))
    var branches: [String: String] = [:]
    for line in listed.split(separator: "\n") {
      let words = line.split(separator: " ", maxSplits: 1)
      guard words.count == 2 else { continue }
      branches[String(words[1].dropFirst("refs/heads/".count))] = String(words[0])
    }
    return branches
  }

  /// Moves a branch, back too; a deleted one where `commit` is `nil`.
  public func set(
    _ branch: String, to commit: String?, in repository: RepositoryName
  ) async throws {
    let reference = "refs/heads/\(branch)"
    _ = try await GitProgram.output(
      commit.map { ["update-ref", reference, $0] } ?? ["update-ref", "-d", reference],
      in: path(of: repository))
    await pushed(to: repository)
  }

  /// Refuses every push to the branch, in the words of a server's rule.
  public func protect(_ branch: String, in repository: RepositoryName) throws {
    let hooks = path(of: repository) + "/hooks"
    try FileManager.default.createDirectory(atPath: hooks, withIntermediateDirectories: true)
    let script = """
      #!/bin/sh
      while read old new name; do
        if [ "$name" = "refs/heads/\(branch)" ]; then
          echo "error: GH006: Protected branch update failed for $name." >&2
          exit 1
        fi
      done
      """
    try Data(script.utf8).write(to: URL(fileURLWithPath: hooks + "/pre-receive"))
    try FileManager.default.setAttributes(
      [.posixPermissions: 0o755], ofItemAtPath: hooks + "/pre-receive")
  }

  /// Contents by path of a commit or branch; links and submodules are left out.
  public func files(
    at revision: String, in repository: RepositoryName
  ) async throws -> [String: [UInt8]] {
    let path = path(of: repository)
    let listed = try await GitProgram.output(
      ["ls-tree", "-r", "-z", "--full-tree", revision], in: path)
    var files: [String: [UInt8]] = [:]
    for record in listed.split(separator: 0) {
      guard let tab = record.firstIndex(of: 9) else { continue }
      let words = String(decoding: record[..<tab], as: UTF8.self).split(separator: " ")
      guard words.count == 3, words[0].hasPrefix("100") else { continue }
      files[String(decoding: record[(tab + 1)...], as: UTF8.self)] = try await GitProgram.output(
        ["cat-file", "blob", String(words[2])], in: path)
    }
    return files
  }

  /// What git prints, for whatever else a test wants to know of a repository or do in it.
  @discardableResult
  public func git(
    _ arguments: String..., in repository: RepositoryName, input: [UInt8] = []
  ) async throws -> String {
    try await GitProgram.text(arguments, in: path(of: repository), input: input)
  }

  private func pushed(to repository: RepositoryName) async {
    if let told = onPush.withLock({ $0 }) { await told(repository) }
  }
}
