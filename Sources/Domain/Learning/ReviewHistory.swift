public import Foundation

/// What people said at lines of a repository's pull requests, over all of its time.
///
/// It is read in somebody's name: what that person may not see is not found.
public protocol ReviewHistory: Sendable {
  /// By number, which outlives a change of login.
  /// - Returns: `nil` where there is no such account any more.
  func account(id: Int64) async throws(ForgeError) -> ForgeAccount?
  /// One page of the comments at lines of all pull requests, in the order of their last change, one
  /// request each.
  func pastComments(
    in repository: RepositoryName, at cursor: HistoryCursor
  ) async throws(ForgeError) -> HistoryPage
}

/// Where reading goes on.
public struct HistoryCursor: Sendable, Hashable, Codable {
  /// Comments that were changed then or later; `nil`: from the first.
  public var since: Date?
  /// From 1: comments may share one time.
  public var page: Int
  /// What the forge called its last answer to just this question.
  public var etag: String?

  public init(since: Date? = nil, page: Int = 1, etag: String? = nil) {
    self.since = since
    self.page = page
    self.etag = etag
  }
}

public struct HistoryPage: Sendable, Hashable {
  /// Of everybody. One may come again on the next page.
  public var comments: [PastComment]
  /// `nil`: this was the last page.
  public var next: HistoryCursor?
  /// Asks for this page again, later, at no cost where nothing was added.
  public var again: HistoryCursor
  /// Nothing is new since `etag`.
  public var isUnchanged: Bool

  public init(
    comments: [PastComment], next: HistoryCursor?, again: HistoryCursor, isUnchanged: Bool = false
  ) {
    self.comments = comments
    self.next = next
    self.again = again
    self.isUnchanged = isUnchanged
  }
}

/// A comment at a line of some pull request.
public struct PastComment: Sendable, Hashable, Codable {
  public var pullRequest: Int
  public var comment: ForgeComment
  public var updatedAt: Date
  /// The line of the commit that it was written on; `nil` where it is about a whole file.
  public var line: Int?

  public init(pullRequest: Int, comment: ForgeComment, updatedAt: Date, line: Int?) {
    self.pullRequest = pullRequest
    self.comment = comment
    self.updatedAt = updatedAt
    self.line = line
  }
}

/// What a gathering that is under way has read so far: encrypted, and gone when it ends.
public protocol GatheringStore: Sendable {
  /// In the order in which they were added.
  func pages(of gathering: String) async throws(StoreError) -> [GatheredPage]
  /// - Parameter number: from 0; one of the same number is replaced.
  func add(
    _ page: GatheredPage, number: Int, to gathering: String
  ) async throws(StoreError)
  /// One that is not there is as good as removed.
  func remove(_ gathering: String) async throws(StoreError)
  /// Those that nobody went on with for so long.
  func removeAll(olderThan age: Duration) async throws(StoreError) -> Int
}

/// Where a training's data lies for its time, and what it made.
public protocol TrainingFolders: Sendable {
  func path(of reviewer: String) -> String
  /// - Returns: the folder, which only its owner may enter.
  func make(for reviewer: String) throws(StoreError) -> String
  func removeAll(of reviewer: String) throws(StoreError)
  /// Takes an adapter's files away, wherever a trainer has put them, where they bear its name or lie
  /// in the reviewer's own folder.
  func remove(adapter: AdapterName, at folder: String) throws(StoreError)
}

/// Of one answer of the forge, the comments of the person alone; or a pull request's change.
public struct GatheredPage: Sendable, Hashable, Codable {
  /// The change that the comments of one pull request were about, as it stands now.
  public struct Change: Sendable, Hashable, Codable {
    public var pullRequest: Int
    public var author: Int64?
    /// `nil` where it was too large, or is gone.
    public var diff: [UInt8]?

    public init(pullRequest: Int, author: Int64?, diff: [UInt8]?) {
      self.pullRequest = pullRequest
      self.author = author
      self.diff = diff
    }
  }

  public var comments: [PastComment]
  /// Comments of everybody that the answer held.
  public var read: Int
  public var next: HistoryCursor?
  public var again: HistoryCursor
  public var change: Change?

  public init(
    comments: [PastComment], read: Int, next: HistoryCursor?, again: HistoryCursor,
    change: Change? = nil
  ) {
    self.change = change
    self.comments = comments
    self.read = read
    self.next = next
    self.again = again
  }
}
