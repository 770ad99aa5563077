import Domain
import Foundation

extension GitHubAPI {
  struct RepositoryFactsPayload: Decodable { var defaultBranch: String }

  struct RepositoryPrivacyPayload: Decodable { var `private`: Bool }

  struct TeamPayload: Decodable {
    var slug: String
    var organization: AccountPayload?
  }

  /// What only the pull request's own route tells, beside `PullRequestPayload`.
  struct PullDetailsPayload: Decodable {
    var authorAssociation: String?
    var assignees: [AccountPayload]?
    var requestedReviewers: [AccountPayload]?
    var requestedTeams: [TeamPayload]?
    var locked: Bool?
    var createdAt: Date
    var mergeable: Bool?
    var mergeCommitSha: String?
  }

  struct ReferencePayload: Decodable {
    struct Object: Decodable { var sha: String }
    var object: Object
  }

  struct AnyCheckRunListPayload: Decodable {
    struct Run: Decodable {
      var id: Int64
      var name: String
      var status: String
      var conclusion: String?
      var headSha: String?
    }
    var totalCount: Int
    var checkRuns: [Run]
  }

  struct CheckSuiteListPayload: Decodable {
    struct App: Decodable {
      var id: Int64
      var slug: String?
      var name: String?
    }
    struct Suite: Decodable {
      var status: String?
      var latestCheckRunsCount: Int?
      var app: App?
    }
    var totalCount: Int
    var checkSuites: [Suite]
  }

  struct CombinedStatusPayload: Decodable {
    var statuses: [StatusPayload]
    var totalCount: Int?
  }

  struct BranchPayload: Decodable {
    struct Protection: Decodable {
      struct Checks: Decodable { var contexts: [String]? }
      var requiredStatusChecks: Checks?
    }
    var protected: Bool
    var protection: Protection?
  }

  struct ProtectionPayload: Decodable {
    struct Checks: Decodable {
      var strict: Bool?
      var contexts: [String]?
    }
    struct Reviews: Decodable {
      var requiredApprovingReviewCount: Int?
      var requireCodeOwnerReviews: Bool?
    }
    struct Flag: Decodable { var enabled: Bool }
    var requiredStatusChecks: Checks?
    var requiredPullRequestReviews: Reviews?
    var requiredConversationResolution: Flag?
  }

  /// One rule of a ruleset that holds for a branch.
  struct BranchRulePayload: Decodable {
    struct Check: Decodable { var context: String }
    struct Parameters: Decodable {
      var requiredApprovingReviewCount: Int?
      var requireCodeOwnerReview: Bool?
      var requiredReviewThreadResolution: Bool?
      var requiredStatusChecks: [Check]?
      var strictRequiredStatusChecksPolicy: Bool?
    }
    var type: String
    var parameters: Parameters?
  }

  struct BehindPayload: Decodable { var behindBy: Int }
  struct MembershipPayload: Decodable { var state: String }
  struct MergePayload: Decodable { var sha: String }
}

extension PolicyFacts.Check {
  init(_ payload: GitHubAPI.AnyCheckRunListPayload.Run, _ commit: String) {
    let conclusion: Conclusion =
      payload.status != "completed"
      ? .pending : payload.conclusion.flatMap { Conclusion(rawValue: $0) } ?? .failure
    self.init(name: payload.name, conclusion: conclusion, commit: commit)
  }

  init(_ payload: GitHubAPI.StatusPayload, _ commit: String) {
    let conclusion: Conclusion =
      switch payload.state {
      case "success": .success
      case "pending": .pending
      default: .failure
      }
    self.init(name: payload.context ?? "default", conclusion: conclusion, commit: commit)
  }
}

extension PolicyFacts.Protection {
  init(_ payload: GitHubAPI.ProtectionPayload) {
    self.init(
      approvals: payload.requiredPullRequestReviews?.requiredApprovingReviewCount ?? 0,
      checks: payload.requiredStatusChecks?.contexts ?? [],
      needsCodeOwners: payload.requiredPullRequestReviews?.requireCodeOwnerReviews ?? false,
      needsUpToDate: payload.requiredStatusChecks?.strict ?? false,
      needsResolvedThreads: payload.requiredConversationResolution?.enabled ?? false)
  }

  /// What a further rule asks for comes on top.
  mutating func add(_ rule: GitHubAPI.BranchRulePayload) {
    guard let parameters = rule.parameters else { return }
    approvals = max(approvals, parameters.requiredApprovingReviewCount ?? 0)
    for check in parameters.requiredStatusChecks ?? [] where !checks.contains(check.context) {
      checks.append(check.context)
    }
    needsCodeOwners = needsCodeOwners || parameters.requireCodeOwnerReview == true
    needsUpToDate = needsUpToDate || parameters.strictRequiredStatusChecksPolicy == true
    needsResolvedThreads =
      needsResolvedThreads || parameters.requiredReviewThreadResolution == true
  }
}
