public import Foundation

/// What Stet has posted on one pull request, and what it was about to post when it last wrote this.
public struct Publication: Sendable, Hashable, Codable {
  /// A finding that stands on the forge as a comment.
  public struct Posted: Sendable, Hashable, Codable {
    public var fingerprint: String
    public var path: String
    public var line: Int
    public var category: String
    public var message: String
    /// The commit it was posted on.
    public var head: String

    public init(
      fingerprint: String, path: String, line: Int, category: String, message: String, head: String
    ) {
      self.fingerprint = fingerprint
      self.path = path
      self.line = line
      self.category = category
      self.message = message
      self.head = head
    }
  }

  /// What was said last about the published head, in the words that were sent.
  public struct Said: Sendable, Hashable, Codable {
    public var summary: String
    public var check: CheckState?
    /// The check run that says it; `nil` for a commit status.
    public var checkID: Int64?

    public init(summary: String, check: CheckState? = nil, checkID: Int64? = nil) {
      self.summary = summary
      self.check = check
      self.checkID = checkID
    }
  }

  /// What Stet said of an issue, and what became of it.
  public struct Enrichment: Sendable, Hashable, Codable {
    public var comment: Int64?
    /// Labels that wait for a person's word.
    public var proposed: [String]
    /// Labels that Stet has set.
    public var applied: [String]
    /// Labels of Stet's that a person took away, or did not want: they are not set again.
    public var removed: [String]
    /// The run that said it last.
    public var run: String
    /// Reactions that stood on the comment before these labels were proposed in it, as
    /// `REACTION:LOGIN`: they were a word on others.
    public var heard: [String]?

    public init(
      comment: Int64? = nil, proposed: [String] = [], applied: [String] = [],
      removed: [String] = [], run: String, heard: [String]? = nil
    ) {
      self.comment = comment
      self.proposed = proposed
      self.applied = applied
      self.removed = removed
      self.run = run
      self.heard = heard
    }
  }

  public var forge: String
  public var reference: PullRequestReference
  /// The last head whose review was published whole.
  public var publishedHead: String?
  /// Set before the first call that posts, taken away after the last: while it stands, what the
  /// forge holds must be read before anything is posted.
  public var pendingHead: String?
  public var summaryComment: Int64?
  public var posted: [Posted]
  /// Fingerprints that somebody with the right asked to be silent about, with who asked.
  public var ignored: [String: String]
  /// The last head that was approved.
  public var approvedHead: String?
  /// The check run of `checkHead`; `nil` also while it is about to be made.
  public var check: Int64?
  /// The commit whose check is open, or about to be opened.
  public var checkHead: String?
  /// The run that works on it, and when it last said so.
  public var claimant: String?
  public var claimedAt: Date?
  /// The latest run that ever claimed it: an older one knows by it that its news may be old.
  public var latestRun: String?
  /// Kept so that it can be said again where the late call of a process that has lost its job wrote
  /// over it.
  public var said: Said?
  /// The last run that was published.
  public var run: String?
  /// Of an issue.
  public var enrichment: Enrichment?
  /// What likenesses of people have said at lines, whoever of them; without the words.
  public var likeness: [Posted]?
  public var version: Int

  public init(forge: String, reference: PullRequestReference) {
    self.forge = forge
    self.reference = reference
    posted = []
    ignored = [:]
    version = 0
  }
}
