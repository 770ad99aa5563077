/// A checkout of one commit in which files are changed, commands tried in the sandbox, and from
/// which one commit may be pushed. Nothing of the checkout runs outside the sandbox, its git
/// settings and hooks included.
public protocol Workspace: Sendable {
  /// The commit that is checked out: full id, lower-case hex.
  var head: String { get }
  /// The bytes of a regular file of that commit; `nil` where there is none, or it is a link, a
  /// submodule or a Git LFS pointer.
  func file(_ path: SourcePath) async throws(WorkspaceError) -> [UInt8]?
  /// Runs a command on a copy of the checkout with these changes, which is thrown away after.
  /// - Parameter changes: the new bytes of files; `nil` removes one.
  func run(
    _ command: [String], with changes: [SourcePath: [UInt8]?], image: SandboxImage,
    limits: SandboxLimits
  ) async throws(WorkspaceError) -> SandboxResult
  /// Makes one commit on top of `head` with these files. - Returns: its id.
  func commit(
    _ changes: [SourcePath: [UInt8]?], message: String, author: CommitAuthor
  ) async throws(WorkspaceError) -> String
  /// Pushes a commit of this workspace to the branch it was opened for, if that still stands at
  /// `expecting`. - Throws: `.moved` where it does not.
  func push(_ commit: String, expecting: String) async throws(WorkspaceError)
  /// Fetches the branch anew. - Returns: where it stands; `nil` where it was deleted.
  func fetch() async throws(WorkspaceError) -> String?
  /// Removes all that it holds on this machine.
  func close() async
}

/// Where a workspace comes from.
public struct WorkspacePlan: Sendable, Hashable {
  /// `https://…/OWNER/NAME.git`, without credentials; or the absolute path of a local repository.
  public var remote: String
  /// The branch that is read and pushed to, without `refs/heads/`.
  public var branch: String
  /// Which commit to check out; the branch's own where `nil`.
  public var commit: String?
  /// Sent as HTTP authentication to `remote` and to no other place, never written to a file.
  public var token: String?
  /// Only these files and folders are fetched and checked out where the server can do that.
  public var only: [SourcePath]?

  public init(
    remote: String, branch: String, commit: String? = nil, token: String? = nil,
    only: [SourcePath]? = nil
  ) {
    self.remote = remote
    self.branch = branch
    self.commit = commit
    self.token = token
    self.only = only
  }
}

public struct CommitAuthor: Sendable, Hashable, Codable {
  public var name: String
  public var email: String

  public init(name: String, email: String) {
    self.name = name
    self.email = email
  }
}

/// Fetches and checks out, shallow.
public typealias WorkspaceOpener =
  @Sendable (WorkspacePlan) async throws(WorkspaceError) -> any Workspace

/// Why a checkout could not be read, tried or pushed, in terms a use case can act on.
public struct WorkspaceError: Error, Sendable, Equatable {
  public enum Code: String, Sendable {
    /// The branch or commit is gone, or the repository is.
    case notFound = "not_found"
    /// The credentials are missing, refused or not enough to push.
    case unauthorized
    /// The branch stands elsewhere than was expected.
    case moved
    /// A rule of the server refuses the push, such as a protected branch.
    case rejected
    case unreachable
    /// More than the limits allow.
    case tooLarge = "too_large"
    /// The sandbox could not run a command; `detail` says why.
    case sandbox
    /// git or the file system failed.
    case failed
    case cancelled
  }
  public var code: Code
  /// One sentence, never a token.
  public var detail: String

  public init(code: Code, detail: String) {
    self.code = code
    self.detail = detail
  }
}
