/// The lines that tell where in a file a hunk stands: the headers of what encloses it and, where
/// they are few, the lines between the innermost header and the hunk.
public enum EnclosingFunction {
  /// - Parameters:
  ///   - lines: the whole file, new side, without newlines.
  ///   - firstLine: 1-based line at which the hunk begins.
  ///   - maxLines: most lines to return.
  /// - Returns: lines in file order, `nil` standing for a gap; empty where nothing encloses it.
  /// - Complexity: O(lines above the hunk).
  public static func context(
    of lines: [String], before firstLine: Int, maxLines: Int
  ) -> [String?] {
    guard firstLine > 1, firstLine <= lines.count + 1, maxLines > 0 else { return [] }
    var indent = firstCodeIndent(lines, from: firstLine - 1)
    guard indent > 0 else { return [] }
    var headers: [Int] = []
    var index = firstLine - 2
    while index >= 0, indent > 0, headers.count < 4 {
      let line = lines[index]
      if let width = indentation(line), width < indent, !isCloser(line) {
        headers.append(index)
        indent = width
      }
      index -= 1
    }
    guard let innermost = headers.first else { return [] }
    var result: [String?] = []
    for header in headers.dropFirst().reversed() { result += [lines[header], nil] }
    let body = innermost..<(firstLine - 1)
    if body.count + result.count <= maxLines {
      result += lines[body].map(Optional.some)
    } else {
      result += [lines[innermost], nil]
      let tail = max(0, min(maxLines - result.count, 8))
      result += lines[body].suffix(tail).map(Optional.some)
    }
    return result
  }

  /// Width of the leading white space, a tab counting as four; `nil` for a blank line.
  static func indentation(_ line: String) -> Int? {
    var width = 0
    for byte in line.utf8 {
      switch byte {
      case UInt8(ascii: " "): width += 1
      case UInt8(ascii: "\t"): width += 4
      case UInt8(ascii: "\r"): return nil
      default: return width
      }
    }
    return nil
  }

  private static func firstCodeIndent(_ lines: [String], from index: Int) -> Int {
    for line in lines[min(index, lines.count)...].prefix(8) {
      if let width = indentation(line), !isCloser(line) { return width }
    }
    return 0
  }

  /// A line such as `} else {` or `)` belongs to the header above it.
  private static func isCloser(_ line: String) -> Bool {
    guard let first = line.utf8.first(where: { $0 != 32 && $0 != 9 }) else { return true }
    return first == UInt8(ascii: "}") || first == UInt8(ascii: ")") || first == UInt8(ascii: "]")
  }
}
