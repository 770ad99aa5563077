import Yams

/// What must be known of a YAML text before a recursive parser sees it.
enum YAMLHazards {
  struct Mention {
    var line: Int
    var column: Int
    var isAlias: Bool
  }

  /// The parser recurses, and a task's stack is small.
  private static let deepest = 60
  private static let deepestColumn = 200

  /// The first line at which brackets or indentation go too deep, or `nil`.
  static func tooDeepLine(_ text: String) -> Int? {
    var depth = 0
    var line = 1
    var column = 0
    var leading = true
    for byte in text.utf8 {
      if byte == 0x0A {
        line += 1
        column = 0
        leading = true
        continue
      }
      column += 1
      switch byte {
      case UInt8(ascii: "["), UInt8(ascii: "{"):
        depth += 1
        if depth > deepest { return line }
      case UInt8(ascii: "]"), UInt8(ascii: "}"): depth = max(0, depth - 1)
      case 0x20, 0x09, UInt8(ascii: "-"), UInt8(ascii: "?"), UInt8(ascii: ":"): break
      default: leading = false
      }
      if leading, column > deepestColumn { return line }
    }
    return nil
  }

  /// The first `&name` or `*name` where a value may begin, outside quotes and comments. A block of
  /// literal text may hold one that is none; who asks is told where it stands.
  static func firstAnchorOrAlias(_ text: String) -> Mention? {
    var line = 1
    var column = 0
    var quote: UInt8?
    var previous: UInt8 = 0x0A
    var comment = false
    /// Indentation of the line whose `|` or `>` opened a block, and whether we are in it.
    var blockIndent: Int?
    var indent = 0
    var inIndent = true
    var lastVisible: UInt8 = 0
    for byte in text.utf8 {
      defer { previous = byte }
      if byte == 0x0A {
        if quote == nil, !comment,
          lastVisible == UInt8(ascii: "|") || lastVisible == UInt8(ascii: ">")
        {
          blockIndent = blockIndent ?? indent
        }
        line += 1
        column = 0
        comment = false
        indent = 0
        inIndent = true
        lastVisible = 0
        continue
      }
      column += 1
      if inIndent {
        if byte == 0x20 {
          indent += 1
          continue
        }
        inIndent = false
        if let opened = blockIndent, indent <= opened { blockIndent = nil }
      }
      if comment || blockIndent != nil { continue }
      if byte != 0x20, byte != 0x0D { lastVisible = byte }
      if let open = quote {
        if byte == open { quote = nil }
        continue
      }
      let begins = [0x0A, 0x20, 0x09].contains(previous) || "[{,".utf8.contains(previous)
      switch byte {
      case UInt8(ascii: "#") where begins: comment = true
      case UInt8(ascii: "\"") where begins, UInt8(ascii: "'") where begins: quote = byte
      case UInt8(ascii: "&") where begins:
        return Mention(line: line, column: column, isAlias: false)
      case UInt8(ascii: "*") where begins:
        return Mention(line: line, column: column, isAlias: true)
      default: break
      }
    }
    return nil
  }

  /// Whether an alias may stand in a key. The parser hashes keys, and nested aliases in one make
  /// that exponential; as values they are shared and cost nothing. Errs on the side of yes.
  static func mayHashAliases(_ text: String) -> Bool {
    guard let first = firstAnchorOrAlias(text) else { return false }
    var number = 0
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      number += 1
      if number < first.line { continue }
      let trimmed = line.drop { $0 == " " || $0 == "-" || $0 == "{" || $0 == "[" || $0 == "," }
      if trimmed.hasPrefix("?") || line.contains(", ?") { return true }
      // `*a : 1`, `[*a, *a]: 1` and `{k: *a}: 1`; `<<: *a` and `k: *a` are values.
      if let star = line.firstIndex(of: "*"), line[star...].contains(":") { return true }
    }
    return false
  }

  /// What a parser complained of, and where (1-based).
  static func place(of error: YamlError) -> (problem: String, line: Int?, column: Int?) {
    switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      return (problem, mark.line, mark.column)
    case .duplicatedKeysInMapping(let duplicates, let context):
      let keys = duplicates.map { "'\($0)'" }.joined(separator: ", ")
      return ("the key \(keys) is given twice", context.mark.line, nil)
    case .reader(let problem, _, _, _): return (problem, nil, nil)
    default: return ("it cannot be read", nil, nil)
    }
  }
}
