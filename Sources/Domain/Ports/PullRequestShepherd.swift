public import Foundation

/// What moving pull requests along reads of a forge, and changes there. What a forge does not tell is
/// `nil`; it is never guessed.
public protocol PullRequestShepherd: Sendable {
  func defaultBranch(of repository: RepositoryName) async throws(ForgeError) -> String
  /// The commit that a branch is at; `nil` where there is no such branch.
  func tip(of branch: String, in repository: RepositoryName) async throws(ForgeError) -> String?
  func details(of reference: PullRequestReference) async throws(ForgeError) -> PullRequestDetails
  /// - Returns: `nil` where the forge does not list them all.
  func changedFiles(
    of reference: PullRequestReference
  ) async throws(ForgeError) -> [PolicyFacts.File]?
  /// Every submitted review with its state, oldest first; permissions and teams are not asked.
  func statedReviews(
    of reference: PullRequestReference
  ) async throws(ForgeError) -> [PolicyFacts.Review]
  /// The newest run of every check and status of a commit, whoever made it.
  func allChecks(
    on commit: String, in repository: RepositoryName
  ) async throws(ForgeError) -> [PolicyFacts.Check]
  /// What the forge itself asks for before it merges into the branch; `nil` where it does not let us
  /// see.
  func protection(
    of branch: String, in repository: RepositoryName
  ) async throws(ForgeError) -> PolicyFacts.Protection?
  /// Commits of the base that the head lacks.
  func commitsBehind(
    base: String, head: String, in repository: RepositoryName
  ) async throws(ForgeError) -> Int
  /// - Returns: `nil` where the team cannot be seen.
  func isMember(_ login: String, ofTeam team: String) async throws(ForgeError) -> Bool?
  /// Newest first. - Parameter state: open, or closed and merged ones.
  func pullRequests(
    in repository: RepositoryName, areOpen: Bool, limit: Int
  ) async throws(ForgeError) -> [PullRequest]
  /// Open ones whose head is this commit, as far as the forge finds them by it.
  func openPullRequests(
    withHead commit: String, in repository: RepositoryName
  ) async throws(ForgeError) -> [PullRequest]
  /// How many open pull requests wait for each person's review, by login in lower case.
  func reviewLoads(in repository: RepositoryName) async throws(ForgeError) -> [String: Int]

  /// Both in as few calls as there are; a label that is gone already is as good as removed.
  func setLabels(
    add: [String], remove: [String], on reference: PullRequestReference
  ) async throws(ForgeError)
  func assign(_ logins: [String], to reference: PullRequestReference) async throws(ForgeError)
  /// - Parameter people: logins, and teams as `ORG/TEAM`.
  func requestReviews(
    from people: [String], on reference: PullRequestReference
  ) async throws(ForgeError)
  func dismiss(
    review: Int64, on reference: PullRequestReference, message: String
  ) async throws(ForgeError)
  func setStatus(
    _ name: String, _ state: PolicyAction.Status.State, description: String, on commit: String,
    in repository: RepositoryName
  ) async throws(ForgeError)
  /// Merges the base into the head. - Throws: `.conflict`, `.rejected` where the head is another.
  func updateBranch(
    of reference: PullRequestReference, expectedHead: String
  ) async throws(ForgeError)
  /// - Returns: the base's new commit.
  /// - Throws: `.conflict` where the head is not `expectedHead`; `.rejected` where the forge's own
  ///   conditions are not met.
  func merge(
    _ reference: PullRequestReference, expectedHead: String, method: MergeMethod, title: String?,
    message: String?
  ) async throws(ForgeError) -> String
  func setOpen(_ isOpen: Bool, _ reference: PullRequestReference) async throws(ForgeError)
  func lock(
    _ reference: PullRequestReference, reason: PolicyAction.LockReason?
  ) async throws(ForgeError)
  func dispatch(
    workflow: String, ref: String, inputs: [String: String], in repository: RepositoryName
  ) async throws(ForgeError)

  /// Puts heads together on a branch of Stet's own, begun anew at a commit.
  func makeTrial(
    branch: String, upon commit: String, heads: [(number: Int, commit: String)],
    in repository: RepositoryName
  ) async throws(ForgeError) -> MergeTrial
  /// One that is gone already is as good as removed.
  func removeBranch(_ branch: String, in repository: RepositoryName) async throws(ForgeError)
}

/// What came of putting heads together.
public enum MergeTrial: Sendable, Hashable {
  /// The commit that holds them all.
  case built(String)
  /// The first that conflicts with the base and those before it.
  case conflicted(number: Int)
}

/// What policies ask of a pull request beside what a review does.
public struct PullRequestDetails: Sendable, Hashable {
  public var pullRequest: PullRequest
  public var association: PolicyFacts.Association?
  public var assignees: [String]
  public var requestedReviewers: [String]
  public var isLocked: Bool
  public var createdAt: Date
  public var mergeability: PolicyFacts.Mergeability
  /// Of one that was merged.
  public var mergeCommit: String?

  public init(
    pullRequest: PullRequest, association: PolicyFacts.Association?, assignees: [String],
    requestedReviewers: [String], isLocked: Bool, createdAt: Date,
    mergeability: PolicyFacts.Mergeability, mergeCommit: String? = nil
  ) {
    self.pullRequest = pullRequest
    self.association = association
    self.assignees = assignees
    self.requestedReviewers = requestedReviewers
    self.isLocked = isLocked
    self.createdAt = createdAt
    self.mergeability = mergeability
    self.mergeCommit = mergeCommit
  }
}
