/// What a repository's `.stet.yml` says of issues. Read from the default branch.
public struct IssuePolicy: Sendable, Hashable, Codable {
  public enum Mode: String, Sendable, Hashable, Codable, CaseIterable {
    /// Nothing follows from an issue, unless a person asks by name.
    case off
    /// Looked at and recorded; nothing is changed on the forge.
    case shadow
    /// One comment says what would be done; a person with the right confirms it by a thumbs-up.
    case gated
    /// Labels are set, and one comment says why.
    case live
  }

  public var mode: Mode
  /// The labels that may be set; `nil`: every label that the repository has.
  public var labels: [String]?
  /// How to choose and to describe, for a model.
  public var instructions: String
  public var maxLabels: Int
  /// False: labels alone, where the mode is live.
  public var comments: Bool
  /// False: earlier issues are not looked for.
  public var duplicates: Bool
  /// False: nothing is learned from the labels of earlier issues.
  public var learns: Bool

  public init(
    mode: Mode = .off, labels: [String]? = nil, instructions: String = "", maxLabels: Int = 5,
    comments: Bool = true, duplicates: Bool = true, learns: Bool = true
  ) {
    self.mode = mode
    self.labels = labels
    self.instructions = instructions
    self.maxLabels = maxLabels
    self.comments = comments
    self.duplicates = duplicates
    self.learns = learns
  }
}
