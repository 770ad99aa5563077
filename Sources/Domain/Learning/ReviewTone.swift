/// In which voice a likeness speaks.
public enum ReviewTone: String, Sendable, Hashable, Codable, CaseIterable {
  /// The person's own.
  case learned
  /// The same remarks in neutral words.
  case plain
  /// As the idea's origin had it.
  case snarky
}

/// Whether somebody may have a person's likeness review.
public enum LearningLeave: Sendable, Hashable {
  case granted
  /// Said on the pull request: why not, and what would help.
  case refused(String)
}

/// Who asks for whose likeness, and where.
public struct LearningRequest: Sendable, Hashable {
  public var identity: ReviewerIdentity
  /// `nil` where somebody at the machine asks.
  public var asker: ForgeAccount?
  /// Where it was asked.
  public var reference: PullRequestReference?

  public init(
    identity: ReviewerIdentity, asker: ForgeAccount?, reference: PullRequestReference?
  ) {
    self.identity = identity
    self.asker = asker
    self.reference = reference
  }
}

public typealias LearningGuard =
  @Sendable (LearningRequest) async throws -> LearningLeave
