public import Foundation

/// What going through all that is open in a repository reads of a forge, and changes there.
public protocol BacklogKeeper: Sendable {
  /// Open issues and pull requests, those to which nothing happened for longest first.
  /// - Parameters:
  ///   - label: only with this one; `nil`: all.
  ///   - since: only those to which something happened then or later.
  ///   - page: from 1, of `Backlog.page` items; a shorter one is the last.
  func openItems(
    in repository: RepositoryName, label: String?, since: Date?, page: Int
  ) async throws(ForgeError) -> [OpenItem]
  /// Open pull requests, the oldest first. - Parameter base: only into this branch; `nil`: all.
  func openPullRequests(
    in repository: RepositoryName, base: String?, page: Int
  ) async throws(ForgeError) -> [PullRequest]
  /// One as it stands now; `nil` where it is not open.
  func openItem(_ reference: PullRequestReference) async throws(ForgeError) -> OpenItem?
  /// Comments on the conversation that were written or edited then or later, oldest first.
  func comments(
    on reference: PullRequestReference, since: Date
  ) async throws(ForgeError) -> [ForgeComment]
  /// Closes an issue as one that is not planned, or a pull request.
  func closeItem(
    _ reference: PullRequestReference, _ kind: StalePolicy.Kind
  ) async throws(ForgeError)
}

public enum Backlog {
  /// Items to a page.
  public static let page = 100
}
