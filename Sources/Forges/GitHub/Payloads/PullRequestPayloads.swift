import Domain
import Foundation

extension GitHubAPI {
  struct RepositoryPayload: Decodable {
    var name: String
    var owner: AccountPayload?
  }

  struct PullRequestPayload: Decodable {
    struct End: Decodable {
      var ref: String
      var sha: String
      var repo: RepositoryPayload?
    }

    var number: Int
    var title: String
    var body: String?
    var state: String
    var draft: Bool?
    var merged: Bool?
    var mergedAt: Date?
    var user: AccountPayload?
    var head: End
    var base: End
    var labels: [LabelPayload]?
    var comments: Int?
    var reviewComments: Int?
    var changedFiles: Int?
    var htmlUrl: String
    var updatedAt: Date
  }

  struct CommitPayload: Decodable {
    struct Commit: Decodable { var message: String? }
    var sha: String
    var commit: Commit
  }

  struct ChangedFilePayload: Decodable {
    /// Of the new content, or of the old one where the file was removed.
    var sha: String?
    var filename: String
    var status: String
    var additions: Int
    var deletions: Int
    var changes: Int
    var previousFilename: String?
    /// From the first `@@` on; missing where there is no text to show, or too much.
    var patch: String?
  }

  struct ComparisonPayload: Decodable { var files: [ChangedFilePayload]? }

  /// A file, or what else stands at a path.
  struct ContentPayload: Decodable {
    var type: String
    var sha: String
    var path: String
    var encoding: String?
    var content: String?
  }

  struct BlobPayload: Decodable {
    var sha: String
    var encoding: String
    var content: String
  }
}

extension PullRequest {
  init(_ payload: GitHubAPI.PullRequestPayload, _ reference: PullRequestReference) {
    let isMerged = payload.merged ?? (payload.mergedAt != nil)
    self.init(
      reference: reference, title: payload.title, body: payload.body ?? "",
      state: isMerged ? .merged : payload.state == "open" ? .open : .closed,
      isDraft: payload.draft ?? false, author: ForgeAccount(payload.user),
      head: payload.head.sha, base: payload.base.sha, headBranch: payload.head.ref,
      baseBranch: payload.base.ref,
      headRepository: payload.head.repo.flatMap { repository in
        repository.owner.map { RepositoryName(owner: $0.login, name: repository.name) }
      },
      labels: (payload.labels ?? []).map(\.name), commentCount: payload.comments,
      reviewCommentCount: payload.reviewComments, changedFiles: payload.changedFiles,
      url: payload.htmlUrl, updatedAt: payload.updatedAt)
  }
}
