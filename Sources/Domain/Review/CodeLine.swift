/// One line of a hunk as rules see it: the bytes, and the same bytes with strings and comments
/// blanked, so that a rule about code never fires on prose.
struct CodeLine: Sendable {
  enum Kind: Sendable, Equatable { case context, added, removed }

  let kind: Kind
  /// 1-based, on the old side; `nil` for an added line.
  let oldNumber: Int?
  /// 1-based, on the new side; `nil` for a removed line.
  let newNumber: Int?
  /// 0-based index of its hunk in the file.
  let hunk: Int
  /// Without the line ending, `\r` included.
  let text: [UInt8]
  /// `text` with the insides of strings and all of comments turned to spaces; same length.
  let code: [UInt8]
  /// Where a comment that runs to the end of the line begins; `text.count` where none does.
  let commentStart: Int
  /// The line begins inside a string or comment that an earlier line opened.
  let startsInside: Bool
  let filter: LineFilter

  var side: Side { kind == .removed ? .old : .new }
  var number: Int { (kind == .removed ? oldNumber : newNumber) ?? 0 }
  /// `text` without its trailing comment.
  var uncommented: [UInt8] { commentStart == text.count ? text : text.slice(0, commentStart) }
  var hasComment: Bool { commentStart < text.count }
}
