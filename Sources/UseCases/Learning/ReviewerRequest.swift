public import Domain

/// That a pull request be reviewed in a person's manner, asked by somebody who may.
public struct ReviewerRequest: Sendable, Hashable, Codable {
  public var access: ForgeAccess
  public var reference: PullRequestReference
  /// In whose name the person's reviews are read.
  public var asker: ForgeAccount
  public var user: ForgeAccount
  public var forceReload: Bool
  /// By `@tech-lead-bot USER`, which keeps the tone of its origin.
  public var isBareAlias: Bool
  /// That asked.
  public var comment: CommentReference
  /// Of the thread that it stands in, where the answer goes; `nil` on the conversation.
  public var thread: Int64?

  public init(
    access: ForgeAccess, reference: PullRequestReference, asker: ForgeAccount, user: ForgeAccount,
    forceReload: Bool, isBareAlias: Bool, comment: CommentReference, thread: Int64? = nil
  ) {
    self.thread = thread
    self.access = access
    self.reference = reference
    self.asker = asker
    self.user = user
    self.forceReload = forceReload
    self.isBareAlias = isBareAlias
    self.comment = comment
  }

  public var identity: ReviewerIdentity {
    ReviewerIdentity(forge: access.forge, repository: access.repository, user: user)
  }
}

/// Whom `review as` asks whether it may be done, and what does it then.
public struct ReviewerAsking: Sendable {
  /// Begins the work. - Returns: what to answer; `nil` where the deed itself is the answer.
  public typealias Start = @Sendable (ReviewerRequest) async throws -> String?

  public var accounts: LinkedAccounts
  /// `nil`: signing in is not set up, and everything is read with Stet's own credentials.
  public var signIns: SignIns?
  public var consents: any ConsentStore
  public var start: Start
  /// Takes away what was learned of somebody on a forge.
  public typealias Forget =
    @Sendable (ForgeAccount, _ forge: String) async throws -> ForgottenReviewers
  /// `nil`: nobody is learned here.
  public var forget: Forget?

  public init(
    accounts: LinkedAccounts, signIns: SignIns?, consents: any ConsentStore,
    forget: Forget? = nil, start: @escaping Start
  ) {
    self.forget = forget
    self.accounts = accounts
    self.signIns = signIns
    self.consents = consents
    self.start = start
  }
}

extension Work.AnswerCommand {
  /// What happened since a comment was answered.
  public struct FollowUp: Sendable, Hashable, Codable {
    public enum Cause: String, Sendable, Hashable, Codable, CaseIterable {
      /// By the link, with the account that asked: it goes on.
      case signedIn = "signed_in"
      /// The person has agreed to be learned: it goes on.
      case agreed
      case refused, expired, failed
      case otherAccount = "other_account"
    }

    public var cause: Cause
    /// Tells it from other things that followed from the same comment: hexadecimal digits and a
    /// letter.
    public var key: String
    /// Why it failed, in a sentence.
    public var detail: String?
    /// Whose consent it goes on by: for this person alone, whatever the comment says by now.
    public var account: ForgeAccount?

    public init(cause: Cause, key: String, detail: String? = nil, account: ForgeAccount? = nil) {
      self.account = account
      self.cause = cause
      self.key = key
      self.detail = detail
    }
  }
}
