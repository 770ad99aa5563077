public import Domain
public import Jobs

/// How much of the work in the background is done at once, over every process: what each new job is
/// given as its group and its limits. Jobs of different groups take turns.
public struct WorkLimits: Sendable, Hashable {
  /// Most reviews of one repository at the same time; `nil`: any number.
  public var reviewsPerRepository: Int?
  /// Most jobs of one installation, or of one forge's token, that begin in a minute; `nil`: any.
  public var forgeJobsPerMinute: Int?
  /// Most jobs that ask the model at the same time; `nil`: any number.
  public var modelJobs: Int?
  /// Most of them that begin in a minute; `nil`: any number.
  public var modelJobsPerMinute: Int?
  /// Who answers, such as `openai`; `nil` where no model is asked.
  public var model: String?

  public init(
    reviewsPerRepository: Int? = nil, forgeJobsPerMinute: Int? = nil, modelJobs: Int? = nil,
    modelJobsPerMinute: Int? = nil, model: String? = nil
  ) {
    self.reviewsPerRepository = reviewsPerRepository
    self.forgeJobsPerMinute = forgeJobsPerMinute
    self.modelJobs = modelJobs
    self.modelJobsPerMinute = modelJobsPerMinute
    self.model = model
  }

  /// `github:owner/name` in lower case: the group of a repository's jobs, and what its tokens are
  /// counted under.
  public static func group(_ access: ForgeAccess) -> String {
    "\(access.forge):\(access.repository)".lowercased()
  }

  /// Of a review that calls forge and model.
  public func ofReview(_ access: ForgeAccess) -> [JobLimit] {
    var limits: [JobLimit] = []
    if let most = reviewsPerRepository {
      limits.append(JobLimit("repository:\(Self.group(access))", concurrency: most))
    }
    return limits + ofForge(access) + ofModel
  }

  /// Of a job that calls the forge only now and then, such as an answer to a command: it waits for
  /// no review of its repository.
  public func ofForge(_ access: ForgeAccess) -> [JobLimit] {
    guard let most = forgeJobsPerMinute else { return [] }
    let who = access.installation.map { "installation:\(access.forge):\($0)" }
    return [JobLimit(who ?? "forge:\(access.forge)", rate: most, per: 60)]
  }

  /// Of an answer to these commands.
  public func ofAnswer(to commands: [CommentCommand], _ access: ForgeAccess) -> [JobLimit] {
    ofForge(access) + (commands.contains(.explain) ? ofModel : [])
  }

  /// Of a job that asks the model.
  public var ofModel: [JobLimit] {
    guard let model, modelJobs != nil || modelJobsPerMinute != nil else { return [] }
    return [
      JobLimit("model:\(model)", concurrency: modelJobs, rate: modelJobsPerMinute, per: 60)
    ]
  }
}
