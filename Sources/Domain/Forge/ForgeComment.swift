public import Foundation

/// A comment as it stands on the forge.
public struct ForgeComment: Sendable, Hashable, Codable {
  public var id: Int64
  public var author: ForgeAccount
  /// Markdown. Not to be trusted unless Stet wrote it.
  public var body: String
  public var createdAt: Date
  /// Where a review comment stands; `nil` for a comment on the conversation.
  public var place: Place?
  /// How many gave each reaction; `nil` where the forge does not say.
  public var reactions: [Reaction: Int]?

  public struct Place: Sendable, Hashable, Codable {
    public var path: String
    public var side: Side
    /// 1-based; `nil` where later commits have outdated it.
    public var line: Int?
    /// The commit it was written on.
    public var commit: String
    /// The first comment of its thread where this one is an answer.
    public var inReplyTo: Int64?
    public var diffHunk: String
    /// The review it was posted with, where the forge says.
    public var review: Int64?

    public init(
      path: String, side: Side, line: Int?, commit: String, inReplyTo: Int64?, diffHunk: String,
      review: Int64? = nil
    ) {
      self.path = path
      self.side = side
      self.line = line
      self.commit = commit
      self.inReplyTo = inReplyTo
      self.diffHunk = diffHunk
      self.review = review
    }
  }

  public init(
    id: Int64, author: ForgeAccount, body: String, createdAt: Date, place: Place? = nil,
    reactions: [Reaction: Int]? = nil
  ) {
    self.id = id
    self.author = author
    self.body = body
    self.createdAt = createdAt
    self.place = place
    self.reactions = reactions
  }
}

/// One review with all its comments, to be posted in one call.
public struct ReviewDraft: Sendable, Hashable {
  /// A comment at lines of the diff, in the forge's own Markdown.
  public struct Comment: Sendable, Hashable {
    public var path: String
    public var side: Side
    /// 1-based, closed; `startLine == line` for one line.
    public var startLine: Int
    public var line: Int
    public var body: String

    public init(path: String, side: Side, startLine: Int, line: Int, body: String) {
      self.path = path
      self.side = side
      self.startLine = startLine
      self.line = line
      self.body = body
    }
  }

  /// The commit that was reviewed.
  public var commit: String
  public var verdict: Verdict
  public var body: String
  public var comments: [Comment]

  public init(commit: String, verdict: Verdict, body: String, comments: [Comment]) {
    self.commit = commit
    self.verdict = verdict
    self.body = body
    self.comments = comments
  }
}

/// A review as it stands on the forge, without its comments.
public struct PostedReview: Sendable, Hashable, Codable {
  public var id: Int64
  public var author: ForgeAccount
  public var commit: String?
  public var body: String

  public init(id: Int64, author: ForgeAccount, commit: String?, body: String) {
    self.id = id
    self.author = author
    self.commit = commit
    self.body = body
  }
}

/// A conversation at lines of the diff, which can be resolved.
public struct ReviewThread: Sendable, Hashable {
  /// The forge's own identifier, opaque.
  public var id: String
  public var isResolved: Bool
  public var isOutdated: Bool
  public var path: String
  /// First comment first; `id` is the number that REST knows.
  public var comments: [ForgeComment]

  public init(
    id: String, isResolved: Bool, isOutdated: Bool, path: String, comments: [ForgeComment]
  ) {
    self.id = id
    self.isResolved = isResolved
    self.isOutdated = isOutdated
    self.path = path
    self.comments = comments
  }
}

/// The state that a commit shows for Stet while work goes on and after.
public struct CheckState: Sendable, Hashable, Codable {
  public enum Progress: String, Sendable, Hashable, Codable {
    case queued
    case inProgress = "in_progress"
    case success, failure, neutral, cancelled

    public var isFinal: Bool { self != .queued && self != .inProgress }
  }

  public var progress: Progress
  /// One line.
  public var title: String
  /// Markdown.
  public var summary: String
  public var detailsURL: String?

  public init(progress: Progress, title: String, summary: String, detailsURL: String? = nil) {
    self.progress = progress
    self.title = title
    self.summary = summary
    self.detailsURL = detailsURL
  }
}

/// A check of Stet's own as it stands on a commit.
public struct PostedCheck: Sendable, Hashable {
  /// `nil` for a commit status.
  public var id: Int64?
  /// A commit status that is an error stands for `neutral`; `nil`: nothing that Stet sets.
  public var progress: CheckState.Progress?
  public var title: String

  public init(id: Int64?, progress: CheckState.Progress?, title: String) {
    self.id = id
    self.progress = progress
    self.title = title
  }

  public func says(_ state: CheckState) -> Bool {
    // A status has one word for both.
    let meant = id == nil && state.progress == .cancelled ? .neutral : state.progress
    return progress == meant && title == state.title
  }
}

public enum Reaction: String, Sendable, Hashable, Codable, CaseIterable {
  case thumbsUp = "+1"
  case thumbsDown = "-1"
  case eyes, rocket, confused, heart, hooray, laugh
}
