/// A regular expression that never backtracks: all its states advance together, so that no text and
/// no pattern can make it slow.
///
/// Known: literals, `.`, `[a-z]`, `[^a-z]`, `\d \w \s` and their opposites, `\b`, `^` and `$` (of a
/// line), `( )`, `|`, `*`, `+`, `?`, `{m}`, `{m,n}`, `{m,}`; `(?i)` at the beginning ignores case.
/// It is searched for anywhere in the text. No back references, no look-around.
/// Source: Thompson, "Regular Expression Search Algorithm", CACM 11(6), 1968.
public struct TextPattern: Sendable, Hashable, CustomStringConvertible {
  /// Why a pattern cannot be read.
  public struct Malformed: Error, Sendable, Equatable, CustomStringConvertible {
    public var description: String
  }

  indirect enum Node: Hashable, Sendable {
    case empty
    case set([ClosedRange<UInt32>], inverted: Bool)
    case lineStart, lineEnd, wordBoundary
    case sequence([Node])
    case choice([Node])
    case several(Node, least: Int, most: Int?)
  }

  enum Instruction: Hashable, Sendable {
    case set([ClosedRange<UInt32>], inverted: Bool)
    case split(Int, Int)
    case jump(Int)
    case lineStart, lineEnd, wordBoundary
    case found
  }

  public static let longest = 500
  /// Instructions of one pattern; repetitions written as counts are unrolled.
  public static let largest = 300
  /// Characters of a text that are looked at.
  public static let furthest = 32_768

  public let text: String
  let program: [Instruction]
  let ignoresCase: Bool

  public init(_ text: String) throws(Malformed) {
    self.text = text
    guard text.utf8.count <= Self.longest else {
      throw Malformed(description: "the pattern has more than \(Self.longest) bytes")
    }
    var parser = TextPatternParser(text)
    let node = try parser.parse()
    ignoresCase = parser.ignoresCase
    var program: [Instruction] = []
    try Self.compile(node, into: &program)
    program.append(.found)
    self.program = program
  }

  private static func compile(
    _ node: Node, into program: inout [Instruction]
  ) throws(Malformed) {
    guard program.count < largest else {
      throw Malformed(description: "the pattern repeats so much that it is too large; simplify it")
    }
    switch node {
    case .empty: break
    case .set(let ranges, let inverted): program.append(.set(ranges, inverted: inverted))
    case .lineStart: program.append(.lineStart)
    case .lineEnd: program.append(.lineEnd)
    case .wordBoundary: program.append(.wordBoundary)
    case .sequence(let nodes): for node in nodes { try compile(node, into: &program) }
    case .choice(let nodes):
      var jumps: [Int] = []
      for (index, node) in nodes.enumerated() {
        if index == nodes.count - 1 {
          try compile(node, into: &program)
        } else {
          let split = program.count
          program.append(.split(split + 1, 0))
          try compile(node, into: &program)
          jumps.append(program.count)
          program.append(.jump(0))
          program[split] = .split(split + 1, program.count)
        }
      }
      for jump in jumps { program[jump] = .jump(program.count) }
    case .several(let node, let least, let most):
      for _ in 0..<least { try compile(node, into: &program) }
      guard let most else {
        let split = program.count
        program.append(.split(split + 1, 0))
        try compile(node, into: &program)
        program.append(.jump(split))
        program[split] = .split(split + 1, program.count)
        return
      }
      var splits: [Int] = []
      for _ in least..<max(least, most) {
        splits.append(program.count)
        program.append(.split(program.count + 1, 0))
        try compile(node, into: &program)
      }
      for split in splits { program[split] = .split(split + 1, program.count) }
    }
  }

  /// Whether the pattern is found in the text.
  /// - Complexity: O(characters × instructions).
  public func matches(_ text: String) -> Bool {
    let scalars = (ignoresCase ? text.lowercased() : text).unicodeScalars
      .prefix(Self.furthest).map(\.value)
    var current = [Bool](repeating: false, count: program.count)
    var next = current
    for position in 0...scalars.count {
      // It may begin anywhere.
      if add(0, at: position, scalars, &current) { return true }
      if position == scalars.count { break }
      let scalar = scalars[position]
      for index in next.indices { next[index] = false }
      for (index, instruction) in program.enumerated() where current[index] {
        guard case .set(let ranges, let inverted) = instruction,
          ranges.contains(where: { $0.contains(scalar) }) != inverted
        else { continue }
        if add(index + 1, at: position + 1, scalars, &next) { return true }
      }
      swap(&current, &next)
    }
    return false
  }

  /// Marks what is reached from an instruction without a character. - Returns: whether it is found.
  private func add(
    _ start: Int, at position: Int, _ scalars: [UInt32], _ states: inout [Bool]
  ) -> Bool {
    var open = [start]
    while let index = open.popLast() {
      if states[index] { continue }
      states[index] = true
      switch program[index] {
      case .found: return true
      case .set: break
      case .jump(let target): open.append(target)
      case .split(let one, let other): open += [one, other]
      case .lineStart:
        if position == 0 || scalars[position - 1] == 0x0A { open.append(index + 1) }
      case .lineEnd:
        if position == scalars.count || scalars[position] == 0x0A { open.append(index + 1) }
      case .wordBoundary:
        let before = position > 0 && Self.isWord(scalars[position - 1])
        let after = position < scalars.count && Self.isWord(scalars[position])
        if before != after { open.append(index + 1) }
      }
    }
    return false
  }

  private static func isWord(_ scalar: UInt32) -> Bool {
    TextPatternParser.word.contains { $0.contains(scalar) }
  }

  public var description: String { "/\(text)/" }
}
