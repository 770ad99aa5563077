import Domain

/// Which files of a pull request are to be mended, and why the others are not.
struct FixTargets: Sendable {
  static let mostFiles = 20

  /// What is asked for.
  struct Wish: Sendable {
    /// Files or folders; none for the whole change.
    var wanted: [String]
    /// As a person wrote them.
    var named: [String] = []
    /// That person may have workflows, the policy and code owners changed.
    var ofMaintainer = true
  }

  var files: [FixFile] = []
  var left: [LeftFile] = []

  /// - Parameters:
  ///   - leftOut: files of the change of which the forge gave no text.
  ///   - findings: of the review that was published, the ignored ones left out.
  init(
    _ diff: Diff, leftOut: [String], wish: Wish, findings: [Finding], policy: FixPolicy,
    in workspace: any Workspace
  ) async throws(WorkspaceError) {
    let protected = ProtectedPaths(policy)
    let wanted = Set(wish.wanted.map(Self.plain))
    let named = Set(wish.named.map(Self.plain))
    var seen: Set<SourcePath> = []
    for file in diff.files where file.newPath != nil {
      let path = file.path
      guard seen.insert(path).inserted, Self.isWanted(path, wanted) else { continue }
      let isNamed = named.contains(path.description)
      if !wish.ofMaintainer, ProtectedPaths.needsMaintainer(path.description) {
        leave(path, Self.forMaintainers)
      } else if !isNamed, let reason = protected.reason(path) {
        leave(path, reason + "; name it to have it changed")
      } else if let reason = Self.reason(file, isNamed: isNamed) {
        leave(path, reason)
      } else {
        try await take(path, file, isNamed, findings, workspace)
      }
    }
    // A file that is no part of the change is mended where it was named itself.
    for name in wanted.sorted() where !seen.contains(where: { Self.isWanted($0, [name]) }) {
      if !named.contains(name) {
        leave(SourcePath(name), "the change does not touch it any more")
      } else if !wish.ofMaintainer, ProtectedPaths.needsMaintainer(name) {
        leave(SourcePath(name), Self.forMaintainers)
      } else {
        try await take(SourcePath(name), nil, true, findings, workspace)
      }
    }
    for name in leftOut.prefix(50) where Self.isWanted(SourcePath(name), wanted) {
      if !seen.contains(SourcePath(name)) {
        leave(SourcePath(name), "the forge gives no text of its change")
      }
    }
  }

  private mutating func take(
    _ path: SourcePath, _ diff: FileDiff?, _ isNamed: Bool, _ findings: [Finding],
    _ workspace: any Workspace
  ) async throws(WorkspaceError) {
    if files.count == Self.mostFiles {
      return leave(path, "more than \(Self.mostFiles) files are not mended at once; name it")
    }
    let bytes: [UInt8]?
    do throws(WorkspaceError) {
      bytes = try await workspace.file(path)
    } catch {
      guard error.code == .tooLarge else { throw error }
      return leave(path, "it is too large")
    }
    guard let bytes else {
      return leave(
        path,
        diff == nil
          ? "there is no such file" : "it is a link, a submodule, or kept by Git LFS")
    }
    if let reason = Self.reason(bytes, path, isNamed: isNamed) { return leave(path, reason) }
    let lines = TextLines(bytes)
    let standing = findings.filter { $0.path == path.description && Self.stands($0, in: lines) }
    files.append(
      FixFile(
        path: path, bytes: bytes, diff: diff,
        findings: standing.sorted { ($0.startLine, $0.line) < ($1.startLine, $1.line) },
        isNamed: isNamed))
  }

  private mutating func leave(_ path: SourcePath, _ reason: String) {
    left.append(
      LeftFile(
        path: Defanged.oneLine(SecretMask.masked(path.description).text, limit: 300),
        reason: reason))
  }

  // MARK: Reasons

  private static let forMaintainers = "only who maintains the repository may have it changed"

  private static func reason(_ file: FileDiff, isNamed: Bool) -> String? {
    if file.isSubmodule { return "it is a submodule" }
    if file.isSymlink { return "it is a link" }
    if file.isBinary { return "it is binary" }
    guard !isNamed, let reason = FileSelection.standard.skipReason(for: file) else { return nil }
    return switch reason {
    case .lockFile: "it is a lock file; name it to have it changed"
    case .generated: "it is generated; name it to have it changed"
    case .vendored: "it was taken over from elsewhere; name it to have it changed"
    case .minified: "it is minified; name it to have it changed"
    default: "it holds no text that could be mended"
    }
  }

  static func reason(_ bytes: [UInt8], _ path: SourcePath, isNamed: Bool) -> String? {
    if bytes.allSatisfy({ $0 == 0x20 || (0x09...0x0D).contains($0) }) { return "it is empty" }
    if bytes.count > FixCode.largest.value {
      return "it has \(bytes.count) bytes, more than the \(FixCode.largest.value) that are mended"
    }
    if bytes.contains(0) { return "it is binary" }
    if String(validating: bytes, as: UTF8.self) == nil { return "it is not UTF-8" }
    if Language(path: path) == nil, !isNamed {
      return "its language is not known here; name it to have it looked at"
    }
    return nil
  }

  /// A review of an earlier head counts where what it quoted still stands where it stood.
  private static func stands(_ finding: Finding, in lines: TextLines) -> Bool {
    guard finding.side == .new, finding.startLine >= 1, finding.line >= finding.startLine,
      finding.line <= lines.count
    else { return false }
    var texts: [String] = []
    for number in finding.startLine...finding.line {
      guard var line = lines.line(number) else { return false }
      while let last = line.last, last == 0x0A || last == 0x0D { line.removeLast() }
      texts.append(String(decoding: line, as: UTF8.self))
    }
    return finding.quote.isEmpty || texts.joined(separator: "\n") == finding.quote
  }

  /// `./a/b/` as git writes it.
  static func plain(_ path: String) -> String {
    var path = path[...]
    while path.hasPrefix("./") { path = path.dropFirst(2) }
    while path.hasSuffix("/") { path = path.dropLast() }
    return String(path)
  }

  private static func isWanted(_ path: SourcePath, _ named: Set<String>) -> Bool {
    named.isEmpty
      || named.contains {
        path.description == $0 || $0.isEmpty || path.description.hasPrefix($0 + "/")
      }
  }
}
