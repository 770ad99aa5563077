public import Domain
import Jobs

extension Work {
  /// Gathers what a person has said in a repository, and makes a likeness of it: `LearnReviewer`.
  public struct LearnReviewer: JobArguments {
    public static let kind = "learn-reviewer"
    public var access: ForgeAccess
    /// Who is learned.
    public var user: ForgeAccount
    /// Who asked; `nil` where somebody at the machine did. It is read in their name.
    public var asker: ForgeAccount?
    /// As in `AuditEvent.actor`.
    public var askedBy: String
    /// Everything again, not only what is new.
    public var forceReload: Bool
    public var run: String
    /// For which review; `nil` for none. There it is told what comes of a training.
    public var review: ReviewAs?

    public init(
      access: ForgeAccess, user: ForgeAccount, asker: ForgeAccount?, askedBy: String,
      forceReload: Bool = false, run: String, review: ReviewAs? = nil
    ) {
      self.access = access
      self.user = user
      self.asker = asker
      self.askedBy = askedBy
      self.forceReload = forceReload
      self.run = run
      self.review = review
    }

    public var identity: ReviewerIdentity {
      ReviewerIdentity(forge: access.forge, repository: access.repository, user: user)
    }

    /// One at a time for each person and repository, whoever asks.
    public var uniqueKey: String { "\(WorkLimits.group(access)) \(user.id)" }
  }

  /// Trains an adapter on a reviewer's examples: `TrainReviewer`.
  public struct TrainReviewer: JobArguments {
    public static let kind = "train-reviewer"
    public var identity: ReviewerIdentity
    public var askedBy: String
    public var run: String
    /// The review that it was begun with, at which it is told what came of it; `nil` for none.
    public var review: ReviewAs?

    public init(
      identity: ReviewerIdentity, askedBy: String, run: String, review: ReviewAs? = nil
    ) {
      self.identity = identity
      self.askedBy = askedBy
      self.run = run
      self.review = review
    }

    public var uniqueKey: String {
      "\(identity.forge):\(identity.repository) \(identity.user.id)".lowercased()
    }
  }

  /// Reviews a pull request as a learned person would: `ReviewAs`.
  public struct ReviewAs: JobArguments {
    public static let kind = "review-as"
    public var access: ForgeAccess
    public var reference: PullRequestReference
    public var user: ForgeAccount
    public var forceReload: Bool
    public var tone: ReviewTone
    public var asker: ForgeAccount?
    /// As in `AuditEvent.actor`.
    public var askedBy: String
    /// The comment that asked; `nil` for a command.
    public var comment: CommentReference?
    /// Of the thread that is answered; `nil` on the conversation.
    public var thread: Int64?
    public var run: String

    public init(
      access: ForgeAccess, reference: PullRequestReference, user: ForgeAccount,
      forceReload: Bool = false, tone: ReviewTone = .learned, asker: ForgeAccount?,
      askedBy: String, comment: CommentReference? = nil, thread: Int64? = nil, run: String
    ) {
      self.access = access
      self.reference = reference
      self.user = user
      self.forceReload = forceReload
      self.tone = tone
      self.asker = asker
      self.askedBy = askedBy
      self.comment = comment
      self.thread = thread
      self.run = run
    }
  }

}

extension WorkLimits {
  /// One training at a time: it takes all that a machine has.
  static let ofTraining = [JobLimit("training", concurrency: 1)]
}
