public import Domain
import Foundation
import WebClient

extension GitHubForge {
  public func account(id: Int64) async throws(ForgeError) -> ForgeAccount? {
    let call = GitHubCall.get(.userByLogin, ["user", "\(id)"])
    do {
      let answer = try await connection.send(call, as: ownAccess)
      return ForgeAccount(try GitHubAPI.decode(GitHubAPI.AccountPayload.self, answer, of: call))
    } catch {
      if error.code == .notFound { return nil }
      throw error
    }
  }

  /// GitHub gives comments by the time of their last change, and page numbers would leave out what
  /// slides onto an earlier page when a comment on it is changed meanwhile. So each page is asked for
  /// by the time of the last comment before it; numbers are used only among comments of one second.
  ///
  /// The answer is kept nowhere, as people's words must be gone afterwards: whoever asks keeps its
  /// validator.
  public func pastComments(
    in repository: RepositoryName, at cursor: HistoryCursor
  ) async throws(ForgeError) -> HistoryPage {
    var query = [("sort", "updated"), ("direction", "asc"), ("per_page", "\(Self.pageSize)")]
    if let since = cursor.since { query.append(("since", Self.text(since))) }
    if cursor.page > 1 { query.append(("page", "\(cursor.page)")) }
    var call = GitHubCall.get(
      .listPastComments, APIPath(repository, "pulls", "comments"), query: query)
    call.pageSize = Self.pageSize
    call.etag = cursor.etag
    let answer = try await send(call, in: repository)
    if answer.isUnchanged {
      return HistoryPage(comments: [], next: nil, again: cursor, isUnchanged: true)
    }
    let payloads = try GitHubAPI.decode(
      [GitHubAPI.PastCommentPayload].self, answer, of: call)
    let comments = payloads.compactMap { PastComment($0) }
    var again = cursor
    // A full last page may get a successor and stay the same.
    again.etag = payloads.count < Self.pageSize ? answer.headers["etag"] : nil
    guard answer.nextLink != nil, let last = payloads.last else {
      return HistoryPage(comments: comments, next: nil, again: again)
    }
    // A second earlier: GitHub does not say whether its `since` takes in that second itself.
    let since = last.updatedAt.addingTimeInterval(-1)
    let isLater = cursor.since.map { since > $0 } ?? true
    let next =
      isLater
      ? HistoryCursor(since: since)
      : HistoryCursor(since: cursor.since, page: cursor.page + 1)
    return HistoryPage(comments: comments, next: next, again: again)
  }

  private static func text(_ date: Date) -> String { date.formatted(.iso8601) }
}

extension GitHubAPI {
  /// Of the listing of a whole repository: a comment as everywhere, and what tells whose it is.
  struct PastCommentPayload: Decodable {
    var comment: ReviewCommentPayload
    var updatedAt: Date
    var originalLine: Int?
    var pullRequestUrl: String

    private enum CodingKeys: String, CodingKey { case updatedAt, originalLine, pullRequestUrl }

    init(from decoder: any Decoder) throws {
      comment = try ReviewCommentPayload(from: decoder)
      let container = try decoder.container(keyedBy: CodingKeys.self)
      updatedAt =
        try container.decodeIfPresent(Date.self, forKey: .updatedAt) ?? comment.createdAt
      originalLine = try container.decodeIfPresent(Int.self, forKey: .originalLine)
      pullRequestUrl = try container.decode(String.self, forKey: .pullRequestUrl)
    }
  }
}

extension PastComment {
  /// `nil` where it does not say which pull request it belongs to.
  fileprivate init?(_ payload: GitHubAPI.PastCommentPayload) {
    guard let number = payload.pullRequestUrl.split(separator: "/").last.flatMap({ Int($0) })
    else { return nil }
    self.init(
      pullRequest: number, comment: ForgeComment(payload.comment), updatedAt: payload.updatedAt,
      line: payload.originalLine ?? payload.comment.line)
  }
}
