public import Foundation

/// Whose reviews were learned, and where. People are known by their number: a login may change.
public struct ReviewerIdentity: Sendable, Hashable, Codable {
  /// As settings and links call it, such as `github`.
  public var forge: String
  public var repository: RepositoryName
  public var user: ForgeAccount

  public init(forge: String, repository: RepositoryName, user: ForgeAccount) {
    self.forge = forge
    self.repository = repository
    self.user = user
  }
}

/// A reviewer that was learned from a person's own comments.
public struct LearnedReviewer: Sendable, Hashable, Codable, Identifiable {
  /// UUID version 7, lower case.
  public var id: String
  public var identity: ReviewerIdentity
  /// Grows by one each time that it is stored.
  public var version: Int
  /// Comments and silences that it may be asked for, and what fell out, by reason.
  public var comments: Int
  public var silences: Int
  public var dropped: [DropReason: Int]
  /// The newest comment that was read; later ones are read from there.
  public var readUntil: Date?
  public var gatheredAt: Date?
  /// Where the next gathering goes on.
  public var cursor: HistoryCursor?
  /// The model of vectors that its examples were put into the index by.
  public var embedder: String?
  /// When it speaks; `nil`: as usual.
  public var calibration: SilenceCalibration?
  /// Who speaks: `nil` for retrieval alone. An adapter gets here only through the gate.
  public var adapter: AdapterName?
  /// Of all that were trained, the newest last.
  public var trainings: [TrainedAdapter]
  /// Why there is no adapter, or why it is not used, in a sentence.
  public var note: String?

  /// Why a comment is no example.
  public enum DropReason: String, Sendable, Hashable, Codable, CaseIterable, CodingKeyRepresentable
  {
    case bot, approval, thanks, question, quote, secret, duplicate, empty
    /// It stands at no line that could be read, or its hunk is gone.
    case noPlace = "no_place"
    /// Longer than a review comment is.
    case tooLong = "too_long"
    /// It goes on with a conversation.
    case reply
    /// At the person's own change.
    case ownChange = "own_change"
  }

  public init(
    id: String, identity: ReviewerIdentity, version: Int = 0, comments: Int = 0, silences: Int = 0,
    dropped: [DropReason: Int] = [:], readUntil: Date? = nil, gatheredAt: Date? = nil,
    adapter: AdapterName? = nil, trainings: [TrainedAdapter] = [], note: String? = nil
  ) {
    self.id = id
    self.identity = identity
    self.version = version
    self.comments = comments
    self.silences = silences
    self.dropped = dropped
    self.readUntil = readUntil
    self.gatheredAt = gatheredAt
    self.adapter = adapter
    self.trainings = trainings
    self.note = note
  }
}

/// One thing that the person said about a hunk, or a hunk that they saw and let pass.
public struct ReviewExample: Sendable, Hashable, Codable, Identifiable {
  /// The comment's number, or of a silence its pull request, path and hunk.
  public var id: String
  public var pullRequest: Int
  public var at: Date
  public var path: String
  /// 1-based, on the new side unless `isOld`; `nil` for a silence.
  public var line: Int?
  public var isOld: Bool
  public var commit: String
  /// As in a unified diff, its header line first.
  public var hunk: String
  /// `nil`: they were silent.
  public var comment: String?
  /// What the code there became afterwards; `nil` where that is not known.
  public var became: String?

  public init(
    id: String, pullRequest: Int, at: Date, path: String, line: Int?, isOld: Bool = false,
    commit: String, hunk: String, comment: String?, became: String? = nil
  ) {
    self.id = id
    self.pullRequest = pullRequest
    self.at = at
    self.path = path
    self.line = line
    self.isOld = isOld
    self.commit = commit
    self.hunk = hunk
    self.comment = comment
    self.became = became
  }
}
