public import Foundation

/// Finds the nearest of many vectors, exactly.
public protocol VectorIndex: Sendable {
  /// Vectors of length 1 under their keys, replacing those that are there.
  /// - Throws: `.failed` where one has another dimension than those that are there.
  func store(_ vectors: [String: [Float]], in scope: String) async throws(StoreError)
  /// The nearest by cosine, the nearest first; equals in the order of their keys.
  func nearest(
    to vector: [Float], count: Int, in scope: String
  ) async throws(StoreError) -> [(key: String, score: Float)]
  func remove(scope: String) async throws(StoreError)
  /// Takes single vectors away; one that is not there is as good as removed.
  func remove(_ keys: [String], in scope: String) async throws(StoreError)
  /// All that hold vectors, in no order.
  func scopes() async throws(StoreError) -> [String]
}

/// Keeps learned reviewers and their examples, encrypted.
public protocol ReviewerStore: Sendable {
  /// - Throws: `.conflict` where the stored version is not the reviewer's; stores it as the next.
  func save(_ reviewer: LearnedReviewer) async throws(StoreError) -> LearnedReviewer
  /// By the person's number.
  func reviewer(_ identity: ReviewerIdentity) async throws(StoreError) -> LearnedReviewer?
  /// All, or of one repository; by repository and login.
  func reviewers(
    of repository: RepositoryName?
  ) async throws(StoreError) -> [LearnedReviewer]
  /// Adds examples, replacing those of the same id; none where there is no such reviewer, or no
  /// more.
  func add(_ examples: [ReviewExample], to reviewer: String) async throws(StoreError)
  /// Oldest first.
  func examples(of reviewer: String) async throws(StoreError) -> [ReviewExample]
  /// Before all is read again.
  func removeExamples(of reviewer: String) async throws(StoreError)
  /// Those of these ids.
  func remove(_ examples: [String], of reviewer: String) async throws(StoreError)
  /// Takes away examples that belong to no reviewer. - Returns: how many.
  func removeOrphans() async throws(StoreError) -> Int
  /// Takes away the reviewer with its examples; nothing of them stays in the database's file.
  func forget(_ identity: ReviewerIdentity) async throws(StoreError)
}

/// Who agreed to be learned.
public struct ReviewerConsent: Sendable, Hashable, Codable {
  public var identity: ReviewerIdentity
  public var isGiven: Bool
  public var at: Date
  /// The comment, sign-in or command by which it was said.
  public var by: String

  public init(identity: ReviewerIdentity, isGiven: Bool, at: Date, by: String) {
    self.identity = identity
    self.isGiven = isGiven
    self.at = at
    self.by = by
  }
}

public protocol ConsentStore: Sendable {
  func save(_ consent: ReviewerConsent) async throws(StoreError)
  /// `nil`: was never asked, or has not answered.
  func consent(of identity: ReviewerIdentity) async throws(StoreError) -> ReviewerConsent?
  func forget(_ identity: ReviewerIdentity) async throws(StoreError)
  /// In every repository of a forge.
  func forgetAll(forge: String, user: Int64) async throws(StoreError)
}

/// A person's own token of a forge, with which what they may read is read for them.
public struct AccountLink: Sendable, Hashable, Codable {
  public var forge: String
  public var user: ForgeAccount
  /// A secret: it is stored encrypted and never shown.
  public var token: String
  public var refreshToken: String?
  public var expiresAt: Date?
  public var scopes: [String]
  public var linkedAt: Date

  public init(
    forge: String, user: ForgeAccount, token: String, refreshToken: String?, expiresAt: Date?,
    scopes: [String], linkedAt: Date
  ) {
    self.forge = forge
    self.user = user
    self.token = token
    self.refreshToken = refreshToken
    self.expiresAt = expiresAt
    self.scopes = scopes
    self.linkedAt = linkedAt
  }
}

public protocol AccountLinkStore: Sendable {
  func save(_ link: AccountLink) async throws(StoreError)
  func link(forge: String, user: Int64) async throws(StoreError) -> AccountLink?
  func remove(forge: String, user: Int64) async throws(StoreError)
  /// Only where it is still the one that is kept: another sign-in may have come meanwhile.
  func remove(_ link: AccountLink) async throws(StoreError)
}
