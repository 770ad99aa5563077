public import Domain
import WebClient

extension GitHubForge {
  public func diff(of reference: PullRequestReference) async throws(ForgeError) -> ForgeDiff {
    let repository = reference.repository
    let path = APIPath(repository, "pulls", "\(reference.number)")
    let call = GitHubCall.get(.diff, path, accept: GitHubCall.diff)
    do {
      return try diff(in: try await send(call, in: repository), of: call)
    } catch {
      guard error.status == 406 else { throw error }
    }
    let files = try await list(
      .files, APIPath(repository, "pulls", "\(reference.number)", "files"), in: repository,
      of: GitHubAPI.ChangedFilePayload.self, maxPages: RebuiltDiff.maxListedFiles / Self.pageSize)
    var diff = RebuiltDiff.diff(of: files)
    if files.count >= RebuiltDiff.maxListedFiles {
      let count = try await pullRequest(reference).changedFiles ?? 0
      if count > files.count { diff.leftOut.append(RebuiltDiff.unnamed(count - files.count)) }
    }
    return diff
  }

  public func comparison(
    _ repository: RepositoryName, base: String, head: String
  ) async throws(ForgeError) -> ForgeDiff {
    let path = APIPath(repository, "compare", "\(base)...\(head)")
    let call = GitHubCall.get(.comparison, path, accept: GitHubCall.diff)
    do {
      return try diff(in: try await send(call, in: repository), of: call)
    } catch {
      guard error.status == 406 else { throw error }
    }
    // The first page holds the files of the whole comparison, the others further commits.
    let payload = try await ask(
      GitHubCall.get(.comparison, path, query: [("per_page", "1")]), in: repository,
      for: GitHubAPI.ComparisonPayload.self)
    let files = payload.files ?? []
    var diff = RebuiltDiff.diff(of: files)
    if files.count >= RebuiltDiff.maxComparedFiles { diff.leftOut.append(RebuiltDiff.unnamed(nil)) }
    return diff
  }

  private func diff(
    in answer: GitHubAnswer, of call: GitHubCall
  ) throws(ForgeError) -> ForgeDiff {
    let type = answer.contentType
    guard answer.body.first != UInt8(ascii: "<"), type != "text/html", type != "application/json"
    else { throw GitHubAPI.notJSON(answer, of: call) }
    return ForgeDiff(bytes: answer.body)
  }
}

/// A diff put together from the files of a listing.
enum RebuiltDiff {
  /// GitHub lists no more files of a pull request.
  static let maxListedFiles = 3000
  /// Nor more of a comparison.
  static let maxComparedFiles = 300
  /// What git calls a file without content.
  private static let emptyBlob = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"

  /// In the place of paths that GitHub does not tell.
  static func unnamed(_ count: Int?) -> String {
    "(\(count.map { "\($0)" } ?? "possibly more") files beyond those that GitHub lists)"
  }

  static func diff(of files: [GitHubAPI.ChangedFilePayload]) -> ForgeDiff {
    var diff = ForgeDiff(bytes: [])
    for file in files where file.status != "unchanged" {
      if let section = section(of: file) {
        diff.bytes += section
      } else {
        diff.leftOut.append(file.filename)
      }
    }
    return diff
  }

  /// - Returns: `nil` where the listing has no text of the file, or not all of it.
  private static func section(of file: GitHubAPI.ChangedFilePayload) -> [UInt8]? {
    let path = SourcePath(file.filename)
    let old = file.previousFilename.map { SourcePath($0) } ?? path
    let (status, oldPath, newPath): (FileDiff.Status, SourcePath?, SourcePath?) =
      switch file.status {
      case "added": (.added, nil, path)
      case "removed": (.deleted, path, nil)
      case "renamed": (.renamed, old, path)
      case "copied": (.copied, old, path)
      default: (.modified, path, path)
      }
    let patch = Array((file.patch ?? "").utf8)
    if patch.isEmpty {
      guard file.changes == 0 else { return nil }
      switch status {
      case .renamed, .copied: break
      case .added, .deleted: if file.sha != emptyBlob { return nil }
      default: return nil
      }
    }
    let section = FileDiff.section(status, oldPath: oldPath, newPath: newPath, hunks: patch)
    // A patch that GitHub cut short would spoil the whole diff.
    guard let parsed = try? Diff(parsing: section).files, parsed.count == 1,
      let whole = parsed.first, whole.additions == file.additions,
      whole.deletions == file.deletions
    else { return nil }
    return section
  }
}
