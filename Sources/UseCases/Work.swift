public import Domain

/// What is done in the background: the kinds of job, and what each is given. One handler each,
/// registered in `Wiring`.
public enum Work {
  /// Reads one stored delivery and decides what follows: `HandleEvent`.
  public struct HandleDelivery: JobArguments {
    public static let kind = "handle-delivery"
    /// `SOURCE:ID` of the inbox.
    public var delivery: String
    /// Such as `pull_request`.
    public var event: String
    public init(delivery: String, event: String) {
      self.delivery = delivery
      self.event = event
    }
  }

  /// Reviews a pull request on a forge and publishes it: `ReviewPullRequest`.
  public struct ReviewPullRequest: JobArguments {
    public static let kind = "review-pull-request"
    public var access: ForgeAccess
    public var reference: PullRequestReference
    /// Who or what asked, as in `AuditEvent.actor`.
    public var askedBy: String
    public var run: String
    /// As the event told it; `nil` where only the reference is known.
    public var pullRequest: PullRequest?
    /// False: review only, keep the result in the run.
    public var publishes: Bool
    /// True where a person asked by name: also a draft, and again a head already reviewed.
    public var isAskedFor: Bool

    public init(
      access: ForgeAccess, reference: PullRequestReference, askedBy: String, run: String,
      pullRequest: PullRequest? = nil, publishes: Bool = true, isAskedFor: Bool = false
    ) {
      self.access = access
      self.reference = reference
      self.askedBy = askedBy
      self.run = run
      self.pullRequest = pullRequest
      self.publishes = publishes
      self.isAskedFor = isAskedFor
    }
  }

  /// Mends a pull request on a forge, and pushes what was proved: `FixPullRequest`.
  public struct FixPullRequest: JobArguments {
    public static let kind = "fix-pull-request"
    public var access: ForgeAccess
    public var reference: PullRequestReference
    /// Who or what asked, as in `AuditEvent.actor`.
    public var askedBy: String
    public var run: String
    /// As the person wrote them; none for the whole change.
    public var paths: [String]
    /// The comment that asked; `nil` for a command.
    public var comment: CommentReference?
    /// Of the thread that is answered; `nil` on the conversation.
    public var thread: Int64?
    /// The finding whose thread it was asked in.
    public var finding: String?
    /// Who asked, by login, to be sure of the right at the moment of the push; `nil` for a command.
    public var login: String?
    /// False: find and prove, push and say nothing.
    public var publishes: Bool

    public init(
      access: ForgeAccess, reference: PullRequestReference, askedBy: String, run: String,
      paths: [String] = [], comment: CommentReference? = nil, thread: Int64? = nil,
      finding: String? = nil, login: String? = nil, publishes: Bool = true
    ) {
      self.access = access
      self.reference = reference
      self.askedBy = askedBy
      self.run = run
      self.paths = paths
      self.comment = comment
      self.thread = thread
      self.finding = finding
      self.login = login
      self.publishes = publishes
    }
  }

  /// Holds the policy of the default branch against a pull request, and does what follows:
  /// `ShepherdPullRequest`.
  public struct ShepherdPullRequest: JobArguments {
    public static let kind = "shepherd-pull-request"
    public var access: ForgeAccess
    public var reference: PullRequestReference
    public var event: PolicyEvent
    /// The login of who caused it.
    public var actor: String?
    /// Who or what asked, as in `AuditEvent.actor`.
    public var askedBy: String

    public init(
      access: ForgeAccess, reference: PullRequestReference, event: PolicyEvent,
      actor: String? = nil, askedBy: String
    ) {
      self.access = access
      self.reference = reference
      self.event = event
      self.actor = actor
      self.askedBy = askedBy
    }
  }

  /// The same for every open pull request whose head is this commit: a status, and a check of a
  /// fork's change, name none.
  public struct ShepherdCommit: JobArguments {
    public static let kind = "shepherd-commit"
    public var access: ForgeAccess
    /// Full, lower-case hex.
    public var commit: String
    /// Branches that may hold it; rows of before do not say.
    public var branches: [String]?
    public var actor: String?
    public var askedBy: String

    public init(
      access: ForgeAccess, commit: String, branches: [String] = [], actor: String?, askedBy: String
    ) {
      self.access = access
      self.commit = commit
      self.branches = branches
      self.actor = actor
      self.askedBy = askedBy
    }
  }

  /// Takes the merge queue of a branch further: `AdvanceMergeQueue`.
  public struct AdvanceMergeQueue: JobArguments {
    public static let kind = "advance-merge-queue"
    public var access: ForgeAccess
    public var branch: String
    /// The pull request for whose sake it looks; it is done when that one has left the queue. `nil`:
    /// one look, because something may have ended that is waited for.
    public var number: Int?

    public init(access: ForgeAccess, branch: String, number: Int?) {
      self.access = access
      self.branch = branch
      self.number = number
    }
  }

  /// Does what a comment asked for: `AnswerCommand`.
  public struct AnswerCommand: JobArguments {
    public static let kind = "answer-command"
    public var access: ForgeAccess
    public var comment: ForgeEvent.CommentEvent
    public var repository: RepositoryName
    /// Why a comment that was answered is answered further; `nil`: it is new.
    public var followUp: FollowUp?

    public init(
      access: ForgeAccess, comment: ForgeEvent.CommentEvent, repository: RepositoryName,
      followUp: FollowUp? = nil
    ) {
      self.access = access
      self.comment = comment
      self.repository = repository
      self.followUp = followUp
    }
  }

  /// Removes what a process that lost its job has doubled on the forge: `ReconcilePublication`.
  public struct ReconcilePublication: JobArguments {
    public static let kind = "reconcile-publication"
    public var access: ForgeAccess
    /// A pull request, or an issue with an answer of Stet's.
    public var reference: PullRequestReference
    /// Whose check may have been begun by the job that was lost.
    public var head: String?

    public init(access: ForgeAccess, reference: PullRequestReference, head: String? = nil) {
      self.access = access
      self.reference = reference
      self.head = head
    }
  }

  /// Reviews a diff that came through the API.
  public struct ReviewDiff: JobArguments {
    public static let kind = "review-diff"
    public var run: String
    public var diff: String
    public var askedBy: String
    public init(run: String, diff: String, askedBy: String) {
      self.run = run
      self.diff = diff
      self.askedBy = askedBy
    }
  }

  /// Judges code that came through the API: `EvaluateCode`.
  public struct Evaluate: JobArguments {
    public static let kind = "evaluate"
    public var run: String
    public var code: String
    public var path: String?
    public var tests: [TestSource]
    public var criteria: EvaluationCriteria
    public var askedBy: String
    /// The version before.
    public var previous: String?
    /// The run of an evaluation that this one is compared with.
    public var comparedWith: String?
    /// Mutants are tried after the report; rows of before say nothing of it.
    public var mutation: Bool?

    public init(
      run: String, code: String, path: String? = nil, tests: [TestSource],
      criteria: EvaluationCriteria, askedBy: String, previous: String? = nil,
      comparedWith: String? = nil, mutation: Bool = false
    ) {
      self.mutation = mutation
      self.previous = previous
      self.comparedWith = comparedWith
      self.run = run
      self.code = code
      self.path = path
      self.tests = tests
      self.criteria = criteria
      self.askedBy = askedBy
    }
  }

  /// Gives an issue of Stet's own tracker its summary and tags: `EnrichIssue`.
  public struct EnrichIssue: JobArguments {
    public static let kind = "enrich-issue"
    public var issue: String
    public var run: String
    public init(issue: String, run: String) {
      self.issue = issue
      self.run = run
    }
  }
}

extension Work {
  /// Writes code: `GenerateCode`. With `message` it goes on from an earlier run.
  public struct GenerateCode: JobArguments {
    public static let kind = "generate-code"
    public var run: String
    public var askedBy: String
    public var prompt: String
    public var tests: [TestSource]
    public var criteria: EvaluationCriteria
    public var limits: GenerationLimits
    public var path: String?
    /// The run to go on from.
    public var earlier: String?
    public var message: String?

    public init(
      run: String, askedBy: String, prompt: String, tests: [TestSource] = [],
      criteria: EvaluationCriteria = EvaluationCriteria(),
      limits: GenerationLimits = GenerationLimits(), path: String? = nil, earlier: String? = nil,
      message: String? = nil
    ) {
      self.run = run
      self.askedBy = askedBy
      self.prompt = prompt
      self.tests = tests
      self.criteria = criteria
      self.limits = limits
      self.path = path
      self.earlier = earlier
      self.message = message
    }
  }

  /// Rewrites code: `RefactorCode`. With `message` it goes on from an earlier run.
  public struct RefactorCode: JobArguments {
    public static let kind = "refactor-code"
    public var run: String
    public var askedBy: String
    public var code: String
    public var tests: [TestSource]
    public var goal: String?
    public var criteria: EvaluationCriteria
    public var limits: GenerationLimits
    public var path: String?
    /// The run to go on from.
    public var earlier: String?
    public var message: String?

    public init(
      run: String, askedBy: String, code: String, tests: [TestSource] = [], goal: String? = nil,
      criteria: EvaluationCriteria = EvaluationCriteria(),
      limits: GenerationLimits = GenerationLimits(), path: String? = nil, earlier: String? = nil,
      message: String? = nil
    ) {
      self.run = run
      self.askedBy = askedBy
      self.code = code
      self.tests = tests
      self.goal = goal
      self.criteria = criteria
      self.limits = limits
      self.path = path
      self.earlier = earlier
      self.message = message
    }
  }
}

extension Work {
  /// Looks at an issue on a forge, and says what its policy lets it say: `EnrichForgeIssue`.
  public struct EnrichForgeIssue: JobArguments {
    public static let kind = "enrich-forge-issue"

    public enum Cause: String, Sendable, Hashable, Codable {
      case opened, edited
      /// Somebody took a label away: nothing is said, and it is learned from.
      case unlabeled
      /// A person asked by name.
      case asked
      /// A rule of the policy asked, on a pull request.
      case rule
    }

    public var access: ForgeAccess
    public var reference: PullRequestReference
    /// Who or what asked, as in `AuditEvent.actor`.
    public var askedBy: String
    public var run: String
    public var cause: Cause
    /// The comment that asked.
    public var comment: CommentReference?
    /// False: look and record, whatever the policy says.
    public var publishes: Bool

    public init(
      access: ForgeAccess, reference: PullRequestReference, askedBy: String, run: String,
      cause: Cause, comment: CommentReference? = nil, publishes: Bool = true
    ) {
      self.access = access
      self.reference = reference
      self.askedBy = askedBy
      self.run = run
      self.cause = cause
      self.comment = comment
      self.publishes = publishes
    }

    /// A newer look at the same issue takes the place of an older one.
    public var supersedeKey: String { "issue \(access.forge):\(reference)".lowercased() }
  }

  /// Waits for a person's word on labels that were proposed: `ConfirmIssueLabels`.
  public struct ConfirmIssueLabels: JobArguments {
    public static let kind = "confirm-issue-labels"
    public var access: ForgeAccess
    public var reference: PullRequestReference
    /// That proposed them.
    public var run: String
    /// What a person said elsewhere than on the forge; `nil`: reactions are looked for there.
    public var word: Word?

    public struct Word: Sendable, Hashable, Codable {
      public var isYes: Bool
      /// As `AuditEvent.actor`.
      public var by: String

      public init(isYes: Bool, by: String) {
        self.isYes = isYes
        self.by = by
      }
    }

    public init(
      access: ForgeAccess, reference: PullRequestReference, run: String, word: Word? = nil
    ) {
      self.access = access
      self.reference = reference
      self.run = run
      self.word = word
    }
  }
}

extension Work {
  /// Throws away what is kept no longer. Added by a schedule.
  public struct Upkeep: JobArguments {
    public static let kind = "upkeep"
    public init() {}
  }

  /// Every kind that this version runs. Jobs of others wait for a version that knows them.
  public static let kinds: Set<String> = [
    HandleDelivery.kind, ReviewPullRequest.kind, AnswerCommand.kind, ReviewDiff.kind,
    EnrichIssue.kind, EnrichForgeIssue.kind, ConfirmIssueLabels.kind, ReconcilePublication.kind,
    FixPullRequest.kind, GenerateCode.kind, RefactorCode.kind, Evaluate.kind, Upkeep.kind,
    ShepherdPullRequest.kind, ShepherdCommit.kind, AdvanceMergeQueue.kind, NotifyPeople.kind,
    DeliverNotice.kind, DeliverDigest.kind, WeeklyReport.kind, SweepRepositories.kind,
    SweepRepository.kind, ShepherdBase.kind, WakeStaleItem.kind, RedeliverWebhooks.kind,
    RefreshCaches.kind, LearnReviewer.kind, TrainReviewer.kind, ReviewAs.kind,
  ]
}

/// By whose leave a forge is called.
public struct ForgeAccess: Sendable, Hashable, Codable {
  /// `github`.
  public var forge: String
  public var repository: RepositoryName
  /// A GitHub App's installation; `nil` with a plain token, or where it must be looked up.
  public var installation: Int64?

  public init(forge: String, repository: RepositoryName, installation: Int64? = nil) {
    self.forge = forge
    self.repository = repository
    self.installation = installation
  }
}

/// Opens a forge for one repository. - Throws: `ForgeError` `.unauthorized` where no credentials are
/// set, with what to set.
public typealias ForgeOpener = @Sendable (ForgeAccess) async throws(ForgeError) -> any Forge

/// What a kind of job is given, as the JSON of its row.
public protocol JobArguments: Codable, Sendable {
  static var kind: String { get }
}
