/// Why a diff could not be read, with the byte offset at which it went wrong.
public struct DiffError: Error, Sendable, Equatable, CustomStringConvertible {
  public enum Code: String, Sendable, CaseIterable {
    /// A combined diff (`diff --cc`), as `git show` prints for a merge.
    case combinedDiff = "combined_diff"
    case malformedHeader = "malformed_header"
    case malformedHunk = "malformed_hunk"
    case malformedPath = "malformed_path"
    case malformedBinary = "malformed_binary"
    /// The input ends inside a hunk or a binary patch.
    case truncated
    /// There are bytes, but no diff among them.
    case notADiff = "not_a_diff"
  }

  public var code: Code
  /// 0-based offset into the input.
  public var offset: Int
  /// One sentence: what stands there and what was expected.
  public var detail: String

  public init(code: Code, offset: Int, detail: String) {
    self.code = code
    self.offset = offset
    self.detail = detail
  }

  public var description: String { "byte \(offset): \(detail)" }
}
