/// What `git diff`, `git show`, `git format-patch` or `diff -u` printed: bytes in, bytes out.
///
/// The input is kept once; everything else is offsets into it.
public struct Diff: Sendable {
  public var files: [FileDiff]
  var source: [UInt8]
  var trailer: Range<Int>

  /// Reads every file section; text around them (mail, commit messages) is kept for printing.
  /// Empty input is a diff of no files.
  /// - Throws: `DiffError` at the first thing that cannot be read, with its byte offset.
  /// - Complexity: O(bytes), one pass. Source: git-diff(1), "Generating patch text"; GNU
  ///   diffutils manual, "Unified Format".
  public init(parsing bytes: [UInt8]) throws(DiffError) {
    source = bytes
    (files, trailer) = try DiffParser.parse(bytes)
  }

  /// A diff of files that were computed or taken from other diffs.
  public init(files: [FileDiff]) {
    self.files = files
    source = []
    trailer = 0..<0
  }

  /// The bytes that were parsed, put together again from what the parser made of them; for
  /// computed files, the text that git would write.
  public func printed() -> [UInt8] {
    var output: [UInt8] = []
    output.reserveCapacity(source.count)
    for file in files { file.print(into: &output, withPreamble: true) }
    output.append(contentsOf: source[trailer])
    return output
  }
}
