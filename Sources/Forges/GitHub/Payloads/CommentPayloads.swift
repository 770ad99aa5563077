import Domain
import Foundation

extension GitHubAPI {
  struct IssueCommentPayload: Decodable {
    var id: Int64
    var user: AccountPayload?
    var body: String?
    var createdAt: Date
  }

  struct ReviewCommentPayload: Decodable {
    var id: Int64
    var user: AccountPayload?
    var body: String
    var createdAt: Date
    var path: String
    var side: String?
    /// Missing where later commits have outdated the comment.
    var line: Int?
    var commitId: String?
    var originalCommitId: String?
    var inReplyToId: Int64?
    var diffHunk: String?
    var pullRequestReviewId: Int64?
    var reactions: ReactionCountsPayload?
  }

  /// How many gave each reaction, beside an address and a sum.
  struct ReactionCountsPayload: Decodable {
    var counts: [Reaction: Int]

    private struct Name: CodingKey {
      var stringValue: String
      var intValue: Int? { nil }
      init?(stringValue: String) { self.stringValue = stringValue }
      init?(intValue: Int) { nil }
    }

    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: Name.self)
      counts = [:]
      for reaction in Reaction.allCases {
        guard let name = Name(stringValue: reaction.rawValue),
          let count = try container.decodeIfPresent(Int.self, forKey: name)
        else { continue }
        counts[reaction] = count
      }
    }
  }

  struct ReviewPayload: Decodable {
    var id: Int64
    var user: AccountPayload?
    var body: String?
    var state: String
    var commitId: String?
  }

  struct CommentRequestPayload: Encodable, Sendable { var body: String }

  struct ReviewRequestPayload: Encodable, Sendable {
    struct Comment: Encodable, Sendable {
      enum CodingKeys: String, CodingKey {
        case path, line, side, body
        case startLine = "start_line"
        case startSide = "start_side"
      }

      var path: String
      var line: Int
      var side: String
      /// Only for a range: GitHub refuses one that begins where it ends.
      var startLine: Int?
      var startSide: String?
      var body: String
    }

    enum CodingKeys: String, CodingKey {
      case event, body, comments
      case commit = "commit_id"
    }

    var commit: String
    var event: String
    var body: String?
    var comments: [Comment]
  }

  struct IssuePayload: Decodable {
    /// GitHub has given labels of issues as bare names, too.
    struct Label: Decodable {
      var name: String?

      private enum CodingKeys: String, CodingKey { case name }

      init(from decoder: any Decoder) throws {
        if let text = try? decoder.singleValueContainer().decode(String.self) {
          name = text
        } else {
          name = try decoder.container(keyedBy: CodingKeys.self)
            .decodeIfPresent(String.self, forKey: .name)
        }
      }
    }

    /// There where it is one.
    struct PullRequest: Decodable {}
    struct Milestone: Decodable { var title: String }

    var number: Int
    var title: String?
    var body: String?
    var state: String?
    var user: AccountPayload?
    var labels: [Label]?
    var htmlUrl: String?
    var pullRequest: PullRequest?
    var draft: Bool?
    var milestone: Milestone?
    var assignees: [AccountPayload]?
    var createdAt: Date?
    var updatedAt: Date?
  }

  struct ReactionRequestPayload: Encodable, Sendable { var content: String }
  struct LabelsRequestPayload: Encodable, Sendable { var labels: [String] }

  struct CheckRunRequestPayload: Encodable, Sendable {
    struct Output: Encodable, Sendable {
      var title: String
      var summary: String
    }

    enum CodingKeys: String, CodingKey {
      case name, status, conclusion, output
      case commit = "head_sha"
      case detailsURL = "details_url"
      case externalID = "external_id"
    }

    var name: String
    /// Only when it is created.
    var commit: String?
    var externalID: String?
    var status: String
    var conclusion: String?
    var detailsURL: String?
    var output: Output
  }

  struct StatusRequestPayload: Encodable, Sendable {
    enum CodingKeys: String, CodingKey {
      case state, description, context
      case targetURL = "target_url"
    }

    var state: String
    var description: String
    var context: String
    var targetURL: String?
  }
}

extension ForgeComment {
  init(_ payload: GitHubAPI.IssueCommentPayload) {
    self.init(
      id: payload.id, author: ForgeAccount(payload.user), body: payload.body ?? "",
      createdAt: payload.createdAt)
  }

  init(_ payload: GitHubAPI.ReviewCommentPayload) {
    self.init(
      id: payload.id, author: ForgeAccount(payload.user), body: payload.body,
      createdAt: payload.createdAt,
      place: Place(
        path: payload.path, side: payload.side == "LEFT" ? .old : .new, line: payload.line,
        commit: payload.originalCommitId ?? payload.commitId ?? "",
        inReplyTo: payload.inReplyToId, diffHunk: payload.diffHunk ?? "",
        review: payload.pullRequestReviewId), reactions: payload.reactions?.counts)
  }
}

extension PostedReview {
  init(_ payload: GitHubAPI.ReviewPayload) {
    self.init(
      id: payload.id, author: ForgeAccount(payload.user), commit: payload.commitId,
      body: payload.body ?? "")
  }
}
