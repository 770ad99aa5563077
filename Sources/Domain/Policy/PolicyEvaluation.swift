/// A condition held against facts: what came of it, why, and what would have to change.
public struct PolicyExplanation: Sendable, Hashable, Codable {
  public enum Kind: String, Sendable, Hashable, Codable { case all, any, not, leaf }
  public var kind: Kind
  /// The condition in words, such as `at least 2 approvals`.
  public var condition: String
  public var truth: PolicyTruth
  /// The facts that decided, such as `1 approval (ann)`.
  public var reason: String
  public var parts: [PolicyExplanation]
  /// For a leaf: what to do so that it holds, and so that it does not.
  var toHold: String
  var toFail: String

  static func leaf(
    _ condition: String, _ truth: PolicyTruth, _ reason: String, toHold: String? = nil,
    toFail: String? = nil
  ) -> PolicyExplanation {
    PolicyExplanation(
      kind: .leaf, condition: condition, truth: truth, reason: reason, parts: [],
      toHold: toHold ?? "\(condition) (now: \(reason))",
      toFail: toFail ?? "not \(condition) (now: \(reason))")
  }

  /// The shortest list of what is missing for the condition to hold; empty where it does.
  public var missing: [String] { missing(wanting: true) }

  private func missing(wanting wanted: Bool) -> [String] {
    if truth == PolicyTruth(wanted) { return [] }
    switch kind {
    case .leaf: return [wanted ? toHold : toFail]
    case .not: return parts.first?.missing(wanting: !wanted) ?? []
    case .all, .any:
      // Every part has to change, or any one of them.
      let needsEvery = (kind == .all) == wanted
      let lists = parts.map { $0.missing(wanting: wanted) }
      if needsEvery {
        var seen: Set<String> = []
        return lists.flatMap { $0 }.filter { seen.insert($0).inserted }
      }
      return lists.min { $0.count < $1.count } ?? [wanted ? "one of no conditions" : "nothing"]
    }
  }

  /// Every leaf, in the order of the policy; those within a `not` turned round, so that each says
  /// what the rule wants of it and whether that is so.
  public var leaves: [PolicyExplanation] { leaves(wanting: true) }

  private func leaves(wanting wanted: Bool) -> [PolicyExplanation] {
    switch kind {
    case .leaf:
      if wanted { return [self] }
      return [
        .leaf("not \(condition)", truth.opposite, reason, toHold: toFail, toFail: toHold)
      ]
    case .not: return parts.flatMap { $0.leaves(wanting: !wanted) }
    case .all, .any: return parts.flatMap { $0.leaves(wanting: wanted) }
    }
  }
}

extension PolicyCondition {
  /// Same facts, same outcome. Every part is looked at, so that each has its reason.
  public func explained(_ facts: PolicyFacts) -> PolicyExplanation {
    func tree(
      _ kind: PolicyExplanation.Kind, _ word: String, _ truth: PolicyTruth,
      _ parts: [PolicyExplanation]
    ) -> PolicyExplanation {
      let deciding = parts.filter { $0.truth == truth || kind == .not }
      return PolicyExplanation(
        kind: kind, condition: word, truth: truth,
        reason: deciding.map(\.reason).joined(separator: "; "), parts: parts, toHold: "",
        toFail: "")
    }
    switch self {
    case .all(let conditions):
      let parts = conditions.map { $0.explained(facts) }
      let truth: PolicyTruth =
        parts.contains { $0.truth == .no }
        ? .no : parts.contains { $0.truth == .unknown } ? .unknown : .yes
      return tree(.all, "all of", truth, parts)
    case .any(let conditions):
      let parts = conditions.map { $0.explained(facts) }
      let truth: PolicyTruth =
        parts.contains { $0.truth == .yes }
        ? .yes : parts.contains { $0.truth == .unknown } ? .unknown : .no
      return tree(.any, "any of", truth, parts)
    case .not(let condition):
      let part = condition.explained(facts)
      return tree(.not, "not", part.truth.opposite, [part])
    default: return leaf(facts)
    }
  }
}
