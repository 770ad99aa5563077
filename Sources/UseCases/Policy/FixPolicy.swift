public import Domain

/// What a repository's `.stet.yml` says of fixes. Read from the default branch, never from the
/// change itself: the command that proves a fix is not for the fixed to choose.
public struct FixPolicy: Sendable, Hashable, Codable {
  /// The program and its arguments that run the tests, from the top of the checkout; `nil`: none.
  public var testCommand: [String]?
  /// In which they run.
  public var image: SandboxImage
  /// Globs of files that are not touched unless a person names them, beside the built-in ones.
  public var protectedPaths: [String]
  /// Of one run of the tests.
  public var timeout: Duration

  public init(
    testCommand: [String]? = nil, image: SandboxImage = .test, protectedPaths: [String] = [],
    timeout: Duration = .seconds(120)
  ) {
    self.testCommand = testCommand
    self.image = image
    self.protectedPaths = protectedPaths
    self.timeout = timeout
  }
}
