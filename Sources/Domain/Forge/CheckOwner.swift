/// What Stet writes into a check run as its own id (`external_id`): that the check is Stet's, and of
/// which pull request, because several may have the same head.
public struct CheckOwner: Sendable, Hashable, CustomStringConvertible {
  /// `nil` of a check that an earlier Stet made, which named none.
  public var pullRequest: Int?

  public init(pullRequest: Int?) { self.pullRequest = pullRequest }

  /// `stet` or `stet:NUMBER`. - Returns: `nil` for what is another's.
  public init?(parsing text: String) {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.first == "stet" else { return nil }
    if parts.count > 1 {
      guard let number = Int(parts[1]), number > 0 else { return nil }
      pullRequest = number
    }
  }

  public var description: String { pullRequest.map { "stet:\($0)" } ?? "stet" }

  /// Whether a check may be one of this pull request. One that names none may be.
  public func isOf(_ number: Int) -> Bool { pullRequest == nil || pullRequest == number }
}
