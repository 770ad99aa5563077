public import Foundation

/// Keeps each round of a loop as a commit in a folder's own git repository.
///
/// Only the files it is given are written and committed; whatever else lies in the folder, and
/// whatever is staged there, stays as it is.
public protocol CodeHistory: Sendable {
  /// Whether these files could be written now. The repository is made where there is none.
  /// - Throws: `.conflict` where one holds changes that are committed nowhere.
  func check(_ files: [SandboxFile]) async throws(HistoryError)
  /// Writes the files and commits them, even where they hold what they held before.
  /// - Returns: the commit's full name.
  func record(_ round: HistoryRound) async throws(HistoryError) -> String
  /// The rounds recorded here, the newest first.
  func entries(limit: Int) async throws(HistoryError) -> [HistoryEntry]
  /// The change from one commit to another, as git prints it, of this folder alone.
  func difference(from: String, to: String) async throws(HistoryError) -> [UInt8]
  /// Restores every file that rounds have written to what it was at that commit, in a new commit.
  func rollBack(to commit: String) async throws(HistoryError) -> HistoryEntry
}

/// One commit to be.
public struct HistoryRound: Sendable, Hashable {
  /// Relative to the folder.
  public var files: [SandboxFile]
  /// The first line of the message.
  public var subject: String
  /// Further lines: figures and feedback.
  public var body: String
  public var verdict: Evaluation.Verdict
  public var run: String
  /// From 1; 0 for a roll back.
  public var number: Int

  public init(
    files: [SandboxFile], subject: String, body: String, verdict: Evaluation.Verdict, run: String,
    number: Int
  ) {
    self.files = files
    self.subject = subject
    self.body = body
    self.verdict = verdict
    self.run = run
    self.number = number
  }
}

/// One round as the repository tells it. Its texts may be another's: make them harmless to show.
public struct HistoryEntry: Sendable, Hashable, Codable {
  public var commit: String
  public var at: Date
  public var subject: String
  /// `pass`, `fail`, `error`; `nil` for a roll back.
  public var verdict: String?
  public var run: String?
  public var round: Int?

  public init(
    commit: String, at: Date, subject: String, verdict: String?, run: String?, round: Int?
  ) {
    self.commit = commit
    self.at = at
    self.subject = subject
    self.verdict = verdict
    self.run = run
    self.round = round
  }
}

public struct HistoryError: Error, Sendable, Equatable {
  public enum Code: String, Sendable {
    /// A file holds changes that are committed nowhere, or the repository is in mid-merge.
    case conflict
    /// There is no such commit, or no history at all.
    case unknown
    /// There is no git, or the folder is none that git may use.
    case unavailable
    case failed
  }
  public var code: Code
  /// One sentence that says what is wrong and what to do.
  public var detail: String

  public init(code: Code, detail: String) {
    self.code = code
    self.detail = detail
  }
}
