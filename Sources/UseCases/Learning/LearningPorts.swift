public import Domain
public import Foundation
public import Jobs

/// Reads a repository's history in somebody's name: in that of the asker where they are linked, and
/// for a person at the machine in Stet's own.
public typealias HistoryOpener =
  @Sendable (ForgeAccess, _ asker: ForgeAccount?) async throws -> any Forge

/// What learning, reviewing as somebody and forgetting need from outside.
public struct LearningPorts: Sendable {
  public var openForge: ForgeOpener
  public var openHistory: HistoryOpener
  public var reviewers: any ReviewerStore
  public var gatherings: any GatheringStore
  public var index: any VectorIndex
  public var consents: any ConsentStore
  /// Turns hunks into vectors; `nil`: they are compared by their words.
  public var embedder: (any Embedder)?
  /// `nil`: nobody can write a likeness's comments, and reviewing says so.
  public var model: (any LanguageModel)?
  /// `nil`: examples alone.
  public var trainer: (any LoRATrainer)?
  /// `nil`: no adapter is served.
  public var adapters: (any AdapterServer)?
  public var folders: any TrainingFolders
  public var publications: any PublicationStore
  public var runs: any RunStore
  public var audit: any AuditTrail
  public var jobs: any JobStore
  public var tokenBudget: (any TokenBudget)?
  public var policies: BasePolicies
  /// Whether this person may be learned and asked for; asked again where the work is done.
  public var leave: LearningGuard
  /// Whether an error means that the asker's sign-in is over, which is then forgotten.
  public var isOver: @Sendable (ForgeError, ForgeAccount, _ forge: String) async throws -> Bool
  /// Drops what is kept of answers of the forge for a repository, in which a person's words may be.
  public var dropAnswers: @Sendable (RepositoryName) async throws(StoreError) -> Void
  public var settings: LearningSettings
  public var limits: WorkLimits
  public var callDeadline: Duration
  public var now: @Sendable () -> Date
  public var random: @Sendable () -> UInt64

  public init(
    openForge: @escaping ForgeOpener, openHistory: @escaping HistoryOpener,
    reviewers: any ReviewerStore, gatherings: any GatheringStore, index: any VectorIndex,
    consents: any ConsentStore, embedder: (any Embedder)?, model: (any LanguageModel)?,
    trainer: (any LoRATrainer)? = nil, adapters: (any AdapterServer)? = nil,
    folders: any TrainingFolders, publications: any PublicationStore, runs: any RunStore,
    audit: any AuditTrail, jobs: any JobStore, tokenBudget: (any TokenBudget)? = nil,
    policies: BasePolicies = BasePolicies(), leave: LearningGuard? = nil,
    isOver: @escaping @Sendable (ForgeError, ForgeAccount, _ forge: String) async throws -> Bool = {
      _, _, _ in false
    },
    dropAnswers: @escaping @Sendable (RepositoryName) async throws(StoreError) -> Void = { _ in },
    settings: LearningSettings = LearningSettings(), limits: WorkLimits = WorkLimits(),
    callDeadline: Duration = .seconds(60), now: @escaping @Sendable () -> Date = { Date() },
    random: @escaping @Sendable () -> UInt64 = { UInt64.random(in: .min ... .max) }
  ) {
    self.openForge = openForge
    self.openHistory = openHistory
    self.reviewers = reviewers
    self.gatherings = gatherings
    self.index = index
    self.consents = consents
    self.embedder = embedder
    self.model = model
    self.trainer = trainer
    self.adapters = adapters
    self.folders = folders
    self.publications = publications
    self.runs = runs
    self.audit = audit
    self.jobs = jobs
    self.tokenBudget = tokenBudget
    self.policies = policies
    self.leave = leave ?? ConsentRules(consents: consents).leave
    self.isOver = isOver
    self.dropAnswers = dropAnswers
    self.settings = settings
    self.limits = limits
    self.callDeadline = callDeadline
    self.now = now
    self.random = random
  }
}

public struct LearningSettings: Sendable, Hashable {
  /// From so many examples on an adapter is trained.
  public var examplesForAdapter: Int
  /// For how long a reviewer is kept that nobody has gathered for.
  public var keep: Duration
  /// A likeness is brought up to date where it was gathered longer ago.
  public var freshness: Duration
  /// Examples that a question is asked with.
  public var shots: Int
  /// Pull requests whose change is read, the newest, for silences and for what became of code.
  public var pullRequests: Int
  /// Silences for each comment, at most.
  public var silencesPerComment: Int
  /// Hunks of one review that a model is asked about.
  public var hunks: Int
  /// Of a training.
  public var base: String
  public var steps: Int
  public var trainingTime: Duration
  public var trainingMemory: ByteCount

  public init(
    examplesForAdapter: Int = 200, keep: Duration = .seconds(365 * 86_400),
    freshness: Duration = .seconds(86_400), shots: Int = 6, pullRequests: Int = 100,
    silencesPerComment: Int = 2, hunks: Int = 60, base: String = "", steps: Int = 200,
    trainingTime: Duration = .seconds(4 * 3_600), trainingMemory: ByteCount = .mebibytes(8 << 10)
  ) {
    self.examplesForAdapter = examplesForAdapter
    self.keep = keep
    self.freshness = freshness
    self.shots = shots
    self.pullRequests = pullRequests
    self.silencesPerComment = silencesPerComment
    self.hunks = hunks
    self.base = base
    self.steps = steps
    self.trainingTime = trainingTime
    self.trainingMemory = trainingMemory
  }
}

/// What is asked once more where the work is done: somebody may have withdrawn their consent since.
public struct ConsentRules: Sendable {
  private let consents: any ConsentStore

  public init(consents: any ConsentStore) { self.consents = consents }

  /// Who asks for themselves agrees by it.
  public func leave(_ request: LearningRequest) async throws -> LearningLeave {
    let identity = request.identity
    if let asker = request.asker, asker.id == identity.user.id { return .granted }
    if try await consents.consent(of: identity)?.isGiven == true { return .granted }
    return .refused(
      "\(Defanged.codeSpan(identity.user.login)) has not agreed to be learned in "
        + "\(identity.repository), or does not any more.")
  }
}
