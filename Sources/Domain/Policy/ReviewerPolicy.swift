/// What a repository's `.stet.yml` says of learned reviewers. Read from the default branch. No
/// policy speaks for a person: whoever is learned has asked for it, or has agreed.
public struct ReviewerPolicy: Sendable, Hashable {
  public enum Learned: Sendable, Hashable {
    case everybody, nobody
    case only(PolicyPeople)
  }

  /// Who may be learned.
  public var learned: Learned
  /// Who may ask for another; `nil`: whoever may write.
  public var askedBy: PolicyPeople?

  public init(learned: Learned = .everybody, askedBy: PolicyPeople? = nil) {
    self.learned = learned
    self.askedBy = askedBy
  }

  /// Teams that have to be looked up to judge.
  public var teams: Set<String> {
    var teams = Set(askedBy?.teams ?? [])
    if case .only(let people) = learned { teams.formUnion(people.teams) }
    return teams
  }

  /// - Parameters:
  ///   - asker: with their permission on the forge.
  ///   - isOwn: whether they ask for themselves.
  /// - Returns: `nil` where the policy allows it; else one sentence that says what is lacking.
  public func refusal(
    of asker: PolicyFacts.Person, for user: PolicyFacts.Person, isOwn: Bool
  ) -> String? {
    switch learned {
    case .everybody: break
    case .nobody: return "This repository's `.stet.yml` has nobody learned (`reviewers.learn`)."
    case .only(let people):
      guard people.truth(of: user) == .yes else {
        return "This repository's `.stet.yml` does not name \(user.login) among those who may be "
          + "learned (`reviewers.learn`)."
      }
    }
    guard (asker.permission ?? .none) >= .write else {
      return "It needs write permission in this repository."
    }
    if !isOwn, let askedBy, askedBy.truth(of: asker) != .yes {
      return "This repository's `.stet.yml` does not name \(asker.login) among those who may ask "
        + "for another (`reviewers.asked_by`)."
    }
    return nil
  }
}
