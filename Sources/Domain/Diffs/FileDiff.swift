/// What a diff says of one file. A type change (file to symlink, say) is two of these with the
/// same path, a deletion and an addition, as git prints it.
public struct FileDiff: Sendable {
  public enum Status: String, Sendable, Hashable, CaseIterable {
    case added, deleted, modified, renamed, copied
    /// One section whose old and new mode differ in kind. Git itself writes two sections instead.
    case typeChanged
  }

  public internal(set) var status: Status
  /// `nil` when added.
  public internal(set) var oldPath: SourcePath?
  /// `nil` when deleted.
  public internal(set) var newPath: SourcePath?
  /// `nil` when added, and where the diff does not say.
  public internal(set) var oldMode: FileMode?
  /// `nil` when deleted, and where the diff does not say.
  public internal(set) var newMode: FileMode?
  /// Object name of the old content as printed, so mostly abbreviated; zeros when added.
  public internal(set) var oldBlob: String?
  public internal(set) var newBlob: String?
  /// Percent, for a rename or a copy.
  public internal(set) var similarity: Int?
  /// Percent, for a rewrite (`git diff -B`).
  public internal(set) var dissimilarity: Int?
  public internal(set) var isBinary = false
  /// One of the two sections of a type change.
  public internal(set) var isTypeChange = false
  /// `git diff --submodule=log|diff` named this submodule in prose (`Submodule lib 1..2:`).
  public internal(set) var isSubmoduleSummary = false
  public internal(set) var hunks: [Hunk] = []
  /// Number of added lines.
  public internal(set) var additions = 0
  /// Number of removed lines.
  public internal(set) var deletions = 0

  var source: [UInt8] = []
  /// What stands before the file's header: a commit's message, a mail's head.
  var preamble = 0..<0
  /// From `diff --git` or `---` to the first hunk; `nil` where the diff was computed.
  var header: Range<Int>?
  /// The blocks below `GIT binary patch`.
  var binaryBlocks = 0..<0

  /// The new path, or the old one of a deleted file.
  public var path: SourcePath { newPath ?? oldPath ?? SourcePath(bytes: []) }

  public var isSubmodule: Bool {
    isSubmoduleSummary || oldMode?.kind == .submodule || newMode?.kind == .submodule
  }

  public var isSymlink: Bool { oldMode?.kind == .symlink || newMode?.kind == .symlink }
}
