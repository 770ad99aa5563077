/// Rewrites Markdown so that only its code spans and code blocks are left as markup.
enum MarkdownDefanger {
  static func defang(_ text: String) -> String {
    var output: [String] = []
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    var index = 0
    while index < lines.count {
      if let fence = openingFence(lines[index]),
        let end = lines[(index + 1)...].firstIndex(where: { closes($0, fence) })
      {
        let body = lines[(index + 1)..<end].joined(separator: "\n")
        output.append(codeBlock(body, info: fence.info))
        index = end + 1
      } else {
        output.append(line(lines[index]))
        index += 1
      }
    }
    return output.joined(separator: "\n")
  }

  // MARK: - Code

  static func codeSpan(_ text: String) -> String {
    guard !text.isEmpty else { return "" }
    let fence = String(repeating: "`", count: longestRun(of: "`", in: text) + 1)
    let pad = text.hasPrefix("`") || text.hasSuffix("`") ? " " : ""
    return fence + pad + text + pad + fence
  }

  static func codeBlock(_ text: String, info: String) -> String {
    let fence = String(repeating: "`", count: max(3, longestRun(of: "`", in: text) + 1))
    let word = info.lowercased()
    let harmless = inertInfo.contains(word) ? word : ""
    let end = text.hasSuffix("\n") || text.isEmpty ? "" : "\n"
    return "\(fence)\(harmless)\n\(text)\(end)\(fence)"
  }

  /// Forges draw `mermaid` and `math`, and apply `suggestion`: only these words pass.
  private static let inertInfo: Set<String> = [
    "python", "py", "swift", "javascript", "js", "jsx", "typescript", "ts", "tsx", "go", "rust",
    "java", "kotlin", "c", "cpp", "ruby", "yaml", "yml", "json", "toml", "dockerfile", "shell",
    "sh", "bash", "console", "text", "txt", "markdown", "html", "css", "sql", "diff", "xml", "ini",
  ]

  private static func longestRun(of character: Character, in text: String) -> Int {
    var longest = 0
    var run = 0
    for each in text {
      run = each == character ? run + 1 : 0
      longest = max(longest, run)
    }
    return longest
  }

  private struct Fence {
    var character: Character
    var length: Int
    var info: String
  }

  private static func openingFence(_ line: Substring) -> Fence? {
    let trimmed = line.drop(while: { $0 == " " })
    guard let character = trimmed.first, character == "`" || character == "~" else { return nil }
    let length = trimmed.prefix(while: { $0 == character }).count
    let info = trimmed.dropFirst(length).filter { !$0.isWhitespace }
    guard length >= 3, character == "~" || !info.contains("`") else { return nil }
    return Fence(character: character, length: length, info: String(info))
  }

  private static func closes(_ line: Substring, _ fence: Fence) -> Bool {
    let trimmed = line.filter { $0 != " " && $0 != "\t" }
    return trimmed.count >= fence.length && trimmed.allSatisfy { $0 == fence.character }
  }

  // MARK: - Prose

  /// One line: code spans are kept, the rest is escaped word by word. A span never crosses lines,
  /// and a backtick without a partner is escaped, so that bounds are where we see them.
  private static func line(_ line: Substring) -> String {
    var output = ""
    var rest = line.drop(while: { $0 == " " || $0 == "\t" })
    while let tick = rest.firstIndex(of: "`") {
      append(prose(rest[..<tick], atLineStart: output.isEmpty), to: &output)
      let run = rest[tick...].prefix(while: { $0 == "`" })
      let body = rest[run.endIndex...]
      if let end = closing(run.count, in: body) {
        append(codeSpan(trimmedSpan(body[..<end])), to: &output)
        rest = body[body.index(end, offsetBy: run.count)...]
      } else {
        output += String(repeating: "\\`", count: run.count)
        rest = body
      }
    }
    append(prose(rest, atLineStart: output.isEmpty), to: &output)
    return output
  }

  /// Two spans that touch would be one longer run of backticks.
  static func append(_ piece: String, to output: inout String) {
    if output.hasSuffix("`"), piece.hasPrefix("`") { output += " " }
    output += piece
  }

  /// Start of a run of exactly `count` backticks.
  static func closing(_ count: Int, in text: Substring) -> Substring.Index? {
    var index = text.startIndex
    while let tick = text[index...].firstIndex(of: "`") {
      let run = text[tick...].prefix(while: { $0 == "`" })
      if run.count == count { return tick }
      index = run.endIndex
    }
    return nil
  }

  private static func trimmedSpan(_ text: Substring) -> String {
    let inner = text.allSatisfy({ $0 == " " }) ? Substring("␠") : text
    return inner.hasPrefix(" ") && inner.hasSuffix(" ")
      ? String(inner.dropFirst().dropLast()) : String(inner)
  }

  private static func prose(_ text: Substring, atLineStart: Bool) -> String {
    var output = ""
    var index = text.startIndex
    while index < text.endIndex {
      if text[index] == " " || text[index] == "\t" {
        output.append(text[index])
        index = text.index(after: index)
        continue
      }
      let end = text[index...].firstIndex(where: { $0 == " " || $0 == "\t" }) ?? text.endIndex
      let word = text[index..<end]
      let first = atLineStart && output.isEmpty
      output += isActive(word, atLineStart: first) ? inert(word) : escaped(word, atLineStart: first)
      index = end
    }
    return output
  }

  static let wrapping: Set<Character> = [
    "(", ")", "[", "]", "{", "}", "<", ">", "\"", "'", ",", ".", ";", ":", "!", "?", "*", "_",
  ]

  /// The word as a code span, its brackets and full stop outside.
  private static func inert(_ word: Substring) -> String {
    var core = word
    while let first = core.first, wrapping.contains(first), first != "!" {
      core = core.dropFirst()
    }
    while let last = core.last, wrapping.contains(last) { core = core.dropLast() }
    guard !core.isEmpty else { return codeSpan(String(word)) }
    let before = word[..<core.startIndex]
    let after = word[core.endIndex...]
    return escaped(before, atLineStart: false) + codeSpan(String(core))
      + escaped(after, atLineStart: false)
  }

  private static let schemes = ["://", "www.", "mailto:", "xmpp:", "javascript:", "data:"].map {
    Array($0.utf8)
  }

  /// Whether a forge or one of its bots would act on the word.
  static func isActive(_ word: Substring, atLineStart: Bool) -> Bool {
    let bytes = word.utf8.map(TextBytes.lowered)
    if atLineStart, let slash = bytes.first, slash == UInt8(ascii: "/"), bytes.count > 1 {
      return true
    }
    if schemes.contains(where: { TextBytes.find($0, in: bytes, 0..<bytes.count) != nil }) {
      return true
    }
    for (index, byte) in bytes.enumerated().dropLast() {
      let next = bytes[index + 1]
      switch byte {
      case UInt8(ascii: "@"):
        if TextBytes.isAlphanumeric(next) || next == UInt8(ascii: "_") || next >= 0x80 {
          return true
        }
      // `#12`, and GitLab's `!12` (merge request), `$12` (snippet), `%12`, `&12`, `~12`.
      case UInt8(ascii: "#"), UInt8(ascii: "!"), UInt8(ascii: "$"), UInt8(ascii: "&"),
        UInt8(ascii: "~"):
        if TextBytes.isDigit(next) { return true }
      case UInt8(ascii: "-"):
        if TextBytes.isDigit(next), index >= 2, bytes[index - 1] == UInt8(ascii: "h"),
          bytes[index - 2] == UInt8(ascii: "g")
        {
          return true
        }
      default: break
      }
    }
    return false
  }

  private static func escaped(_ word: Substring, atLineStart: Bool) -> String {
    var output = ""
    var digits = true
    for (offset, character) in word.enumerated() {
      switch character {
      case "<": output += "&lt;"
      case ">": output += "&gt;"
      case "&": output += "&amp;"
      case "\\", "`", "*", "_", "[", "]", "|", "~", "$":
        output += "\\"
        output.append(character)
      case "#", "+", "-", "=", ":":
        // Headings, lists, rules and tables begin with these.
        if atLineStart, offset == 0 { output += "\\" }
        output.append(character)
      case ".", ")":
        // `1.` and `1)` begin a list.
        if atLineStart, offset > 0, digits { output += "\\" }
        output.append(character)
      case "!":
        if offset + 1 == word.count || atLineStart { output += "\\" }
        output.append(character)
      default:
        output.append(character)
      }
      if !(character.isASCII && character.isNumber) { digits = false }
    }
    return output
  }
}
