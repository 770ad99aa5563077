import Domain

/// Reads whole files of the reviewed commit for the proof of suggestions, each once, and no more of
/// them than the review's allowance of forge calls has left.
actor WholeFiles {
  private let reader: any PullRequestReader
  private let repository: RepositoryName
  private let commit: String
  private var allowance: Int
  private var read: [SourcePath: [UInt8]?] = [:]

  init(
    reader: any PullRequestReader, repository: RepositoryName, commit: String, allowance: Int
  ) {
    self.reader = reader
    self.repository = repository
    self.commit = commit
    self.allowance = max(0, allowance)
  }

  /// - Returns: `nil` where the file cannot be had; the suggestion is then held against the diff
  ///   alone, and says so by lacking the proof `parses`.
  func bytes(of path: SourcePath, _ side: Side) async -> [UInt8]? {
    guard side == .new, let name = String(validating: path.bytes, as: UTF8.self) else {
      return nil
    }
    if let known = read[path] { return known }
    guard allowance > 0 else { return nil }
    allowance -= 1
    let bytes = try? await reader.file(name, in: repository, at: commit)
    read[path] = .some(bytes ?? nil)
    return bytes ?? nil
  }
}
