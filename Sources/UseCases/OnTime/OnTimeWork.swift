public import Domain

extension Work {
  /// Looks at every repository that Stet has heard of: `SweepRepositories`. Added by a schedule.
  public struct SweepRepositories: JobArguments {
    public static let kind = "sweep-repositories"
    public init() {}
  }

  /// Goes through what is open in one repository: `SweepRepository`.
  public struct SweepRepository: JobArguments {
    public static let kind = "sweep-repository"
    public var access: ForgeAccess

    public init(access: ForgeAccess) { self.access = access }
  }

  /// Holds the policy against the open pull requests into a branch that has moved: `ShepherdBase`.
  public struct ShepherdBase: JobArguments {
    public static let kind = "shepherd-base"
    public var access: ForgeAccess
    /// Such as `main`.
    public var branch: String
    /// Where it is now.
    public var commit: String
    public var actor: String?
    /// Who or what asked, as in `AuditEvent.actor`.
    public var askedBy: String

    public init(
      access: ForgeAccess, branch: String, commit: String, actor: String?, askedBy: String
    ) {
      self.access = access
      self.branch = branch
      self.commit = commit
      self.actor = actor
      self.askedBy = askedBy
    }
  }

  /// Takes the label of a stale item off again, because somebody answered: `WakeStaleItem`.
  public struct WakeStaleItem: JobArguments {
    public static let kind = "wake-stale-item"
    public var access: ForgeAccess
    public var reference: PullRequestReference
    /// What people did, in words.
    public var answer: String
    /// Who or what asked, as in `AuditEvent.actor`.
    public var askedBy: String

    public init(
      access: ForgeAccess, reference: PullRequestReference, answer: String, askedBy: String
    ) {
      self.access = access
      self.reference = reference
      self.answer = answer
      self.askedBy = askedBy
    }
  }

  /// Has webhooks sent again that never arrived: `RedeliverWebhooks`. Added by a schedule.
  public struct RedeliverWebhooks: JobArguments {
    public static let kind = "redeliver-webhooks"
    public init() {}
  }

  /// Renews what this process has known for long: `RefreshCaches`. Added by a schedule.
  public struct RefreshCaches: JobArguments {
    public static let kind = "refresh-caches"
    public init() {}
  }
}

extension ForgeAccess {
  init(_ known: KnownRepository) {
    self.init(
      forge: known.forge, repository: known.repository, installation: known.installation)
  }

  var known: KnownRepository {
    KnownRepository(forge: forge, repository: repository, installation: installation)
  }
}
