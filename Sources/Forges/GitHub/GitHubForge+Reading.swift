public import Domain
import Foundation
import Synchronization
import WebClient

extension GitHubForge {
  public func pullRequest(
    _ reference: PullRequestReference
  ) async throws(ForgeError) -> PullRequest {
    let call = GitHubCall.get(
      .pullRequest, APIPath(reference.repository, "pulls", "\(reference.number)"),
      isConditional: true)
    let payload = try await ask(
      call, in: reference.repository, for: GitHubAPI.PullRequestPayload.self)
    return PullRequest(payload, reference)
  }

  public func permission(
    of login: String, in repository: RepositoryName
  ) async throws(ForgeError) -> ForgePermission {
    let call = GitHubCall.get(
      .permission, APIPath(repository, "collaborators", login, "permission"), isConditional: true)
    do {
      return ForgePermission(
        try await ask(call, in: repository, for: GitHubAPI.PermissionPayload.self))
    } catch {
      // GitHub's words for an account that does not exist, or is an App.
      guard error.code == .notFound, error.detail.contains("is not a user") else { throw error }
      return .none
    }
  }

  public func comments(
    on reference: PullRequestReference
  ) async throws(ForgeError) -> [ForgeComment] {
    try await list(
      .listComments, APIPath(reference.repository, "issues", "\(reference.number)", "comments"),
      in: reference.repository, of: GitHubAPI.IssueCommentPayload.self, isConditional: true
    ).map { ForgeComment($0) }
  }

  public func reviewComments(
    on reference: PullRequestReference
  ) async throws(ForgeError) -> [ForgeComment] {
    try await list(
      .listReviewComments,
      APIPath(reference.repository, "pulls", "\(reference.number)", "comments"),
      in: reference.repository, of: GitHubAPI.ReviewCommentPayload.self, isConditional: true
    ).map { ForgeComment($0) }
  }

  public func reviews(
    of reference: PullRequestReference
  ) async throws(ForgeError) -> [PostedReview] {
    try await list(
      .listReviews, APIPath(reference.repository, "pulls", "\(reference.number)", "reviews"),
      in: reference.repository, of: GitHubAPI.ReviewPayload.self, isConditional: true
    )
    // Not posted yet: only its author sees it.
    .filter { $0.state != "PENDING" }.map { PostedReview($0) }
  }

  /// GitHub lists no more than 250.
  public func commits(
    of reference: PullRequestReference
  ) async throws(ForgeError) -> [ForgeCommit] {
    try await list(
      .listCommits, APIPath(reference.repository, "pulls", "\(reference.number)", "commits"),
      in: reference.repository, of: GitHubAPI.CommitPayload.self, isConditional: true
    ).map { ForgeCommit(id: $0.sha.lowercased(), message: $0.commit.message ?? "") }
  }

  /// For an App the number is the App's own, not that of its bot account: compare logins.
  public func ownAccount() async throws(ForgeError) -> ForgeAccount {
    if let known = connection.account.withLock({ $0 }) { return known }
    let account: ForgeAccount
    switch connection.configuration.credentials {
    case .app:
      let call = GitHubCall.get(.app, ["app"])
      let app = try GitHubAPI.decode(
        GitHubAPI.AppPayload.self, try await connection.send(call, as: .app), of: call)
      guard let slug = app.slug else {
        throw ForgeError(code: .malformed, detail: "GitHub does not say what the App is called.")
      }
      account = ForgeAccount(id: app.id, login: "\(slug)[bot]", isBot: true)
    case .token: account = try await tokensAccount()
    }
    connection.account.withLock { $0 = account }
    return account
  }

  private func tokensAccount() async throws(ForgeError) -> ForgeAccount {
    let call = GitHubCall.get(.user, ["user"])
    do {
      return ForgeAccount(
        try GitHubAPI.decode(
          GitHubAPI.AccountPayload.self, try await connection.send(call, as: ownAccess), of: call))
    } catch {
      // The token of an Actions run may not ask for its user; GraphQL tells it all the same.
      guard error.code == .unauthorized, error.status == 403 else { throw error }
      return try await viewer()
    }
  }

  // MARK: Files

  public func file(
    _ path: String, in repository: RepositoryName, at commit: String
  ) async throws(ForgeError) -> [UInt8]? {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    // No path of git's holds these, and in a URL they would mean another place.
    guard !parts.contains(where: { ["", ".", ".."].contains($0) }) else { return nil }
    var url = APIPath(repository, "contents")
    for part in parts { url.append(part) }
    let call = GitHubCall.get(
      .contents, url, query: [("ref", commit)], accept: GitHubCall.raw, isConditional: true)
    do { return try contents(try await send(call, in: repository), of: call) } catch {
      if error.code == .notFound { return nil }
      // Servers of some years ago give no more than 1 MB here.
      guard error.status == 403, error.code == .rejected else { throw error }
      return try await blob(parts, in: repository, at: commit)
    }
  }

  /// GitHub answers with JSON where there is no file to show: a folder, a submodule, a symlink to
  /// nowhere. Servers that do not know the raw form wrap the file in JSON.
  private func contents(
    _ answer: GitHubAnswer, of call: GitHubCall
  ) throws(ForgeError) -> [UInt8]? {
    if answer.contentType == "text/html" { throw GitHubAPI.notJSON(answer, of: call) }
    guard answer.contentType == "application/json" else { return answer.body }
    if answer.body.first == UInt8(ascii: "[") { return nil }
    let payload = try GitHubAPI.decode(GitHubAPI.ContentPayload.self, answer, of: call)
    guard payload.type == "file", payload.encoding == "base64" else { return nil }
    return try bytes(ofBase64: payload.content ?? "", call)
  }

  private func blob(
    _ parts: [String], in repository: RepositoryName, at commit: String
  ) async throws(ForgeError) -> [UInt8]? {
    var folder = APIPath(repository, "contents")
    for part in parts.dropLast() { folder.append(part) }
    let listing = try await ask(
      GitHubCall.get(.contents, folder, query: [("ref", commit)]), in: repository,
      for: [GitHubAPI.ContentPayload].self)
    let path = parts.joined(separator: "/")
    guard let entry = listing.first(where: { $0.path == path }) else { return nil }
    let call = GitHubCall.get(.blob, APIPath(repository, "git", "blobs", entry.sha))
    let payload = try await ask(call, in: repository, for: GitHubAPI.BlobPayload.self)
    guard payload.encoding == "base64" else { return Array(payload.content.utf8) }
    return try bytes(ofBase64: payload.content, call)
  }

  private func bytes(ofBase64 text: String, _ call: GitHubCall) throws(ForgeError) -> [UInt8] {
    guard let data = Data(base64Encoded: text, options: .ignoreUnknownCharacters) else {
      throw ForgeError(
        code: .malformed, detail: "GitHub's answer to \(call.printable) is not base64.")
    }
    return [UInt8](data)
  }
}
