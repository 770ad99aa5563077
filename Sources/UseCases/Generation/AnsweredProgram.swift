import Domain

/// Takes a program out of what a model wrote: one fenced block among prose, several of them, a block
/// that was cut off, or code with nothing around it.
enum AnsweredProgram {
  /// - Parameters:
  ///   - wanted: names that the program should define; of several blocks the one that defines most.
  ///   - nonce: of the markers around others' texts; an answer that repeats them quotes, not codes.
  /// - Returns: with one newline at its end.
  static func code(
    in reply: ModelReply, wanted: [String] = [], nonce: String = ""
  ) throws(CodeFault) -> String {
    let text = reply.json?["code"]?.string ?? reply.text
    if !nonce.isEmpty, text.contains(nonce) {
      throw CodeFault(
        forModel: "it repeats the number of the markers", forPeople: "it repeated our own words")
    }
    let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    let blocks = fenced(lines)
    let program = blocks.isEmpty ? unfenced(lines) : chosen(blocks, wanted)
    guard let program, program.contains(where: { !$0.isWhitespace }) else {
      throw CodeFault(
        forModel: "it holds no Python code; write the whole program in one fenced code block",
        forPeople: "it held no code")
    }
    if reply.finish == .length {
      throw CodeFault(
        forModel: "it was cut off; write a shorter program", forPeople: "it was cut off")
    }
    var trimmed = program[...]
    while let last = trimmed.last, last.isWhitespace { trimmed.removeLast() }
    while let first = trimmed.first, first.isNewline { trimmed.removeFirst() }
    return trimmed + "\n"
  }

  private struct Block {
    var info: String
    var text: String
    var isPython: Bool { info.isEmpty || info.hasPrefix("py") }
  }

  /// The blocks of a Markdown text. A fence that never closes runs to the end.
  private static func fenced(_ lines: [Substring]) -> [Block] {
    var blocks: [Block] = []
    var open: (fence: Substring, info: String, lines: [Substring])?
    for line in lines {
      let bare = line.drop { $0 == " " }
      guard let mark = bare.first, mark == "`" || mark == "~" else {
        open?.lines.append(line)
        continue
      }
      let fence = bare.prefix { $0 == mark }
      if let block = open {
        let closes =
          fence.first == block.fence.first && fence.count >= block.fence.count
          && bare.dropFirst(fence.count).allSatisfy(\.isWhitespace)
        if closes {
          blocks.append(Block(info: block.info, text: block.lines.joined(separator: "\n")))
          open = nil
        } else {
          open?.lines.append(line)
        }
      } else if fence.count >= 3 {
        let info = bare.dropFirst(fence.count).split(separator: " ").first ?? ""
        open = (fence, info.lowercased(), [])
      }
    }
    if let open {
      blocks.append(Block(info: open.info, text: open.lines.joined(separator: "\n")))
    }
    return blocks
  }

  private static func chosen(_ blocks: [Block], _ wanted: [String]) -> String? {
    let python = blocks.filter(\.isPython)
    func defines(_ block: Block) -> Int {
      wanted.count { name in
        ["def \(name)(", "class \(name)(", "class \(name):", "\(name) ="].contains {
          block.text.contains($0)
        }
      }
    }
    func rank(_ block: Block) -> (Int, Int, Int) {
      let isDefinition = block.text.contains("def ") || block.text.contains("class ")
      return (defines(block), isDefinition ? 1 : 0, block.text.utf8.count)
    }
    // Of equals the first: what follows is most often a use of it.
    var best: Block?
    for block in python where best.map({ rank($0) < rank(block) }) ?? true { best = block }
    return best?.text
  }

  private static let openings = [
    "def ", "class ", "import ", "from ", "async def ", "@", "#", "\"\"\"", "'''",
  ]

  /// From the first line that can begin a program; `nil` where there is none.
  private static func unfenced(_ lines: [Substring]) -> String? {
    guard let first = lines.firstIndex(where: begins), lines[first...].contains(where: isCode)
    else {
      return lines.contains(where: isCode) ? lines.joined(separator: "\n") : nil
    }
    // Words after the code stand unindented and are no statement.
    var end = lines.endIndex
    while end > first + 1, !isCode(lines[end - 1]), lines[end - 1].first?.isWhitespace != true {
      end -= 1
    }
    return lines[first..<end].joined(separator: "\n")
  }

  private static func begins(_ line: Substring) -> Bool {
    openings.contains { line.hasPrefix($0) } || isAssignment(line)
  }

  /// `LIMIT = 3` or `LIMIT: int = 3`: one name at the line's very begin, and a sign of equality.
  private static func isAssignment(_ line: Substring) -> Bool {
    let name = line.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
    guard name.first?.isNumber == false else { return false }
    let rest = line.dropFirst(name.count)
    guard rest.hasPrefix(": "), let sign = rest.firstRange(of: " = ") else {
      return rest.hasPrefix(" = ")
    }
    // Words of a sentence have spaces between them; a type has them after its commas alone.
    return !rest[rest.index(rest.startIndex, offsetBy: 2)..<sign.lowerBound]
      .replacing(", ", with: ",").replacing(" | ", with: "|").contains(" ")
  }

  private static func isCode(_ line: Substring) -> Bool {
    let bare = line.drop(while: \.isWhitespace)
    return ["def ", "class ", "import ", "from ", "return ", "assert ", "print("].contains {
      bare.hasPrefix($0)
    } || bare.contains(" = ")
  }
}
