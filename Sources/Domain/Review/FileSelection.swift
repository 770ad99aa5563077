/// Decides which files of a change the model looks at. What it sets aside goes to the ledger.
///
/// In this order: submodules and binary files; what the policy excludes; what an `include` list
/// does not name; lock files, vendored and generated files by their names; generated and minified
/// files by their text. An include pattern that itself names such a file (`vendor/ours/**`,
/// `package-lock.json`, `*.pb.go`) takes it in after all; `**` or `src/**` does not.
public struct FileSelection: Sendable {
  private let include: [PathPattern]
  private let exclude: [PathPattern]

  /// - Throws: the first pattern that cannot be read.
  public init(include: [String] = [], exclude: [String] = []) throws(PathPattern.Malformed) {
    var included: [PathPattern] = []
    for text in include { included.append(try PathPattern(text)) }
    var excluded: [PathPattern] = []
    for text in exclude { excluded.append(try PathPattern(text)) }
    self.include = included
    self.exclude = excluded
  }

  /// Patterns that cannot be read are left out: the reader of `.stet.yml` has refused them before,
  /// and where it has not, more is looked at rather than less.
  public init(policy: ReviewPolicy) {
    include = policy.include.compactMap { try? PathPattern($0) }
    exclude = policy.exclude.compactMap { try? PathPattern($0) }
  }

  /// The selection without a policy.
  public static let standard = FileSelection()

  private init() {
    include = []
    exclude = []
  }

  /// - Parameters:
  ///   - lines: lines of the file as far as they are known, from its start or as the change adds
  ///     them, without line ends; only the first `FileSelection.linesRead` are looked at.
  ///   - startsFile: the first of `lines` is the first of the file.
  /// - Returns: `nil` for a file to look at.
  public func skipReason(
    path: SourcePath, isBinary: Bool = false, isSubmodule: Bool = false,
    lines: some Sequence<ArraySlice<UInt8>> = EmptyCollection(), startsFile: Bool = true
  ) -> SkipReason? {
    if isSubmodule { return .submodule }
    if isBinary { return .binary }
    if exclude.contains(where: { $0.matches(path) }) { return .excluded }
    let including = include.filter { $0.matches(path) }
    if !include.isEmpty, including.isEmpty { return .excluded }
    if let reason = Self.reason(byName: path) {
      let named = including.contains { Self.reason(byName: SourcePath($0.text)) == reason }
      return named ? nil : reason
    }
    if let reason = Self.reason(byText: lines, path: path, startsFile: startsFile) {
      return including.contains(where: \.isLiteral) ? nil : reason
    }
    return nil
  }

  /// Reads the added lines of `file`, or the removed ones where it is deleted.
  public func skipReason(for file: FileDiff) -> SkipReason? {
    let side: Side = file.newPath == nil ? .old : .new
    let kind: DiffLine.Kind = side == .old ? .removed : .added
    let start = file.hunks.first.map { side == .old ? $0.oldStart : $0.newStart } ?? 0
    // Context is read too where the file's own start is in sight: a header seldom changes.
    let lines = file.hunks.lazy.flatMap { hunk in
      hunk.lines.lazy.filter { line in
        line.kind == kind || start == 1 && line.kind == .context
      }.map(\.bytes)
    }
    return skipReason(
      path: file.path, isBinary: file.isBinary, isSubmodule: file.isSubmodule, lines: lines,
      startsFile: start == 1)
  }
}
